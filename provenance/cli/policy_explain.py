"""``provenance policy explain`` and ``why-not``: why a rule says what it says of one dataset, shard, match, domain or run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, thousands, visible
from provenance.errors import InputError, NotRegisteredError, UnknownRuleError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.model.run import Run
    from provenance.policy.explanation import Explanation, Needed
    from provenance.policy.facts import Facts
    from provenance.policy.parts import Part
    from provenance.policy.rules import Bundle, Rule

_SUBJECTS_SHOWN = 5
_WORDS = {"HOLDS": "true", "FAILS": "false", "OPEN": "not known"}
_run_option = click.option(
    "--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), help="Run file; else that of the workspace, else that of the newest audit."
)


@click.command("explain")
@click.argument("rule")
@click.argument("subject")
@_run_option
@text_or_json
@pass_context
def explain(ctx: CommandContext, /, rule: str, subject: str, run_file: Path | None, output: str) -> int:
    """Say what RULE says of SUBJECT, and why: the facts it read, and which part of its condition decided.

    SUBJECT is a name, a path or a match's id, also as dataset:NAME, shard:PATH, match:ID, domain:NAME or run:NAME. The facts are those of now: files are hashed, nothing is
    scanned and nothing recorded.
    """
    found = _explanations(ctx, rule, subject, run_file)
    if output == "json":
        say_json([_as_json(e) for e in found])
        return 0
    for e in found[:_SUBJECTS_SHOWN]:
        _say_head(e)
        for read in e.reads:
            state = "" if read.known else "  (not known)"
            say_fitting(f"  read       {read.path} = {_value(read.value)}{state}")
        if e.applies is not None:
            _say_condition("applies", e.applies)
        _say_condition("require", e.require)
        _say_needed(e)
    _say_end(ctx, found, f"provenance policy why-not {visible(rule)} {visible(subject)}")
    return 0


@click.command("why-not")
@click.argument("rule")
@click.argument("subject")
@_run_option
@text_or_json
@pass_context
def why_not(ctx: CommandContext, /, rule: str, subject: str, run_file: Path | None, output: str) -> int:
    """Say why RULE is not satisfied for SUBJECT: what would have to be otherwise, and how to supply it. Arguments are those of explain."""
    found = _explanations(ctx, rule, subject, run_file)
    if output == "json":
        say_json([_as_json(e) for e in found])
        return 0
    for e in found[:_SUBJECTS_SHOWN]:
        _say_head(e)
        _say_needed(e)
    _say_end(ctx, found, f"provenance policy show {visible(found[0].bundle)} {visible(found[0].rule)}")
    return 0


def _explanations(ctx: CommandContext, rule_id: str, subject: str, run_file: Path | None) -> list[Explanation]:
    from provenance.policy.explanation import explain_rule, find_subjects

    workspace = ctx.workspace()
    run, path = _run(ctx, workspace, run_file)
    bundles = workspace.bundles(run.policy, beside=path.parent)
    bundle, rule = _find_rule(bundles, rule_id)
    if rule.for_each.value == "waiver":
        raise InputError(f"{rule.id} judges waivers, whose facts come from an audit", hint="see: provenance findings list --rule " + rule.id)
    facts = _facts(ctx, workspace, run, path)
    subjects = find_subjects(rule, facts, subject)
    if not subjects:
        raise NotRegisteredError(f"{rule.id} judges each {rule.for_each}, and the run has none named {visible(subject)!r}", hint=_known(rule, facts))
    return [explain_rule(bundle, rule, item, facts) for item in subjects]


def _run(ctx: CommandContext, workspace: Workspace, run_file: Path | None) -> tuple[Run, Path]:
    from provenance.cli.audits import LATEST, registered_audit
    from provenance.policy.rundoc import load_run

    if run_file is not None:
        return load_run(ctx.path(run_file)), ctx.path(run_file)
    if workspace.run_file.exists():
        return load_run(workspace.run_file), workspace.run_file
    record = registered_audit(workspace, LATEST)
    return record.run, Path(record.run_file or workspace.settings.workspace / "run.yaml")


def _facts(ctx: CommandContext, workspace: Workspace, run: Run, path: Path) -> Facts:
    from provenance.audit.audit import gather_run
    from provenance.cli.judging import audit_request

    matcher = workspace.matcher(run.references) if run.references else None
    request = audit_request(workspace, run, run_file=path, rescan=False)
    return gather_run(request, matcher, workspace.tools(ctx.progress(), ctx.actor)).facts


def _find_rule(bundles: Sequence[Bundle], rule_id: str) -> tuple[Bundle, Rule]:
    from provenance.documents import nearest

    rules = {rule.id: (bundle, rule) for bundle in bundles for rule in bundle.rules}
    if rule_id.upper() not in rules:
        names = ", ".join(b.name for b in bundles)
        raise UnknownRuleError(f"no bundle of the run ({names}) has a rule {visible(rule_id)!r}", hint=nearest(rule_id.upper(), rules))
    return rules[rule_id.upper()]


def _known(rule: Rule, facts: Facts) -> str:
    names = {"run": [facts.run.subject.id], "dataset": [d.subject.id for d in facts.datasets], "domain": [d.subject.id for d in facts.domains]}
    known = names.get(rule.for_each.value)
    if known is None:
        return "see: provenance datasets show NAME" if rule.for_each.value == "shard" else "see: provenance matches list"
    return "there are: " + ", ".join(visible(n) for n in known[:12])


def _say_head(e: Explanation) -> None:
    of = f" of {visible(e.dataset)}" if e.dataset and e.dataset != e.subject.id else ""
    say_fitting(f"{e.outcome}  {e.rule} · {e.subject.kind} {visible(e.subject.id)}{of}", bold=True)
    say_fitting(f"  {e.bundle}: {visible(e.title)}")
    if e.needed or e.remedies:
        say_fitting(f"  {visible(e.message)}")


def _say_condition(name: str, part: Part) -> None:
    say_fitting(f"  {name:<10} {visible(part.text)}: {_WORDS[part.holding.name]}")
    if part.parts:
        for decided in part.deciding:
            say_fitting(f"    decided by {visible(decided.text)}: {_WORDS[decided.holding.name]}")


def _say_needed(e: Explanation) -> None:
    if e.outcome.value in {"SATISFIED", "NOT_APPLICABLE"}:
        say(f"  it has nothing to object to: {e.outcome}")
        return
    for needed in e.needed:
        _say_change(e, needed)
    if not e.needed:
        say("  no change of one or two facts would clear it")
    for remedy in e.remedies:
        say_fitting(f"  remedy     {visible(remedy)}")


def _say_change(e: Explanation, needed: Needed) -> None:
    reads = {r.path: r for r in e.reads}
    words = " and ".join(f"{path} were {' or '.join(_value(v) for v in values)}" for path, values in needed.facts)
    say_fitting(f"  fine if    {words}: {needed.outcome}")
    for path, _ in needed.facts:
        if path in reads and reads[path].supply:
            say_fitting(f"    to supply {path}: {reads[path].supply}")


def _say_end(ctx: CommandContext, found: Sequence[Explanation], step: str) -> None:
    if len(found) > _SUBJECTS_SHOWN:
        say(f"… and {thousands(len(found) - _SUBJECTS_SHOWN)} more of that name: -f json lists all", err=True)
    next_step(step, quiet=ctx.quiet)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return visible(", ".join(str(v) for v in value)) or "none"
    return visible(f"{value:.12g}" if isinstance(value, float) else f'"{value}"' if isinstance(value, str) else str(value))


def _as_json(e: Explanation) -> dict[str, object]:
    return {
        "rule": e.rule,
        "title": e.title,
        "bundle": e.bundle,
        "subject": e.subject,
        "dataset": e.dataset,
        "outcome": e.outcome,
        "message": e.message,
        "reads": e.reads,
        "applies": None if e.applies is None else _part_json(e.applies),
        "require": _part_json(e.require),
        "needed": [{"outcome": n.outcome, "facts": [{"path": p, "values": v} for p, v in n.facts]} for n in e.needed],
        "remedies": e.remedies,
    }


def _part_json(part: Part) -> dict[str, object]:
    return {
        "text": part.text,
        "is": _WORDS[part.holding.name],
        "decided": part.decided,
        "joined": part.joined,
        "parts": [_part_json(p) for p in part.parts],
    }
