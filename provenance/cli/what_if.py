"""``provenance audit --what-if``: the verdict after remedies, before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.brief import EXIT_OF, GROUPS_SHOWN, VERDICT_COLOR, print_group
from provenance.cli.context import CommandContext
from provenance.cli.judging import audit_request
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, thousands, visible
from provenance.model.finding import VerdictKind

if TYPE_CHECKING:
    from provenance.audit.what_if import Change, Preview
    from provenance.model.finding import Finding
    from provenance.model.remedy import RemedyPlan

_CHANGES_SHOWN = 12


def what_if(ctx: CommandContext, run_file: Path, remedies: Path, *, rescan: bool, jobs: int | None, output: str) -> int:
    """Print what an audit would say after remedies; returns the exit code of that verdict."""
    from provenance.audit.what_if import preview
    from provenance.policy.remedy_file import load_remedies
    from provenance.policy.rundoc import load_run

    if output not in {"text", "json"}:
        raise click.UsageError(f"--what-if prints text or json, not {output}: a pipeline must not take a preview for an audit")
    plan = load_remedies(ctx.path(remedies))
    workspace = ctx.workspace()
    run = load_run(run_file)
    matcher = workspace.matcher(run.references) if run.references else None
    found = preview(
        audit_request(workspace, run, run_file=run_file, rescan=rescan), plan, matcher, workspace.tools(ctx.progress(), ctx.actor, jobs=jobs)
    )
    if output == "json":
        say_json(found)
    else:
        _print(found, run.model.name)
        _next(found, plan, ctx.quiet)
    return EXIT_OF[found.after]


def _print(found: Preview, name: str) -> None:
    say(
        f"WHAT IF  {visible(name)} would be {found.after}, now it is {found.before} · nothing was recorded",
        bold=True,
        color=VERDICT_COLOR[found.after],
    )
    for change in found.changes[:_CHANGES_SHOWN]:
        say_fitting(
            f" {_symbol(change)} {change.rule}  {visible(change.dataset) or 'the run'}: {thousands(change.before)} → {thousands(change.after)} open"
        )
    if len(found.changes) > _CHANGES_SHOWN:
        say(f"   … and {counted(len(found.changes) - _CHANGES_SHOWN, 'rule')} more: -f json lists them all")
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in found.left:
        groups.setdefault((finding.rule, finding.dataset), []).append(finding)
    if groups:
        say("Still open:", bold=True)
    for (_, dataset), members in list(groups.items())[:GROUPS_SHOWN]:
        print_group(dataset, members)
    for note in found.notes:
        say_fitting(f"  note: {note}", err=True)


def _symbol(change: Change) -> str:
    if not change.after:
        return "✓"
    return "✗" if change.after >= change.before else "·"


def _next(found: Preview, plan: RemedyPlan, quiet: bool) -> None:
    """Say how to do what would help, in the order it is done."""
    if found.after is VerdictKind.BLOCKED:
        next_step("change the remedy file until nothing denies: provenance findings list --open", quiet=quiet)
        return
    steps = []
    if plan.drop:
        steps.append("provenance remedy drop " + " ".join(f"--rule {rule}" for rule in plan.drop) + " --apply")
    if plan.leave_out or plan.weights or plan.run != type(plan.run)():
        steps.append("write leave_out, weights and run of the remedy file into the run file")
    if plan.licenses:
        steps.append("state the licences in datasets.yaml and register again")
    if plan.waivers:
        steps.append("have the waivers approved and add them")
    next_step("; ".join([*steps, "provenance audit"]), quiet=quiet)
