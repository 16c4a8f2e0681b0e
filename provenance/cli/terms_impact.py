"""``provenance terms impact``: what a new or changed entry touches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.issued import issued_clearances
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_problems, short, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.audit.impact import Impact, Touched

_PARTIAL = 4
"""Exit code."""
_SHOWN = 12
"""Origins of text that are listed of the datasets, and of each audit."""


@click.command("impact")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@text_or_json
@pass_context
def impact_command(ctx: CommandContext, /, paths: tuple[Path, ...], output: str) -> int:
    """Say which datasets, audits and clearances new or changed entries touch, before they are put into force.

    The entries are laid over those that hold now. Outcomes are those of the terms alone; the verdict of a run only a new audit tells.

    Exit codes: 0 done, 4 some audits could not be read.
    """
    from provenance.audit.impact import CatalogChange, assess_impact

    workspace = ctx.workspace()
    change = CatalogChange(before=workspace.terms, after=workspace.terms_with(*(ctx.path(path) for path in paths)))
    found = assess_impact(change, issued_clearances(workspace), workspace.tools(ctx.progress(), ctx.actor))
    if output == "json":
        say_json(found)
    else:
        _say(found)
        say_problems(found.problems, "audits could not be read: what the change does to them is not known")
        next_step(_next(found), quiet=ctx.quiet)
    return _PARTIAL if found.problems else 0


def _say(found: Impact) -> None:
    from provenance.audit.runs import signature_words

    if not found.entries:
        say("every entry there holds already: nothing is touched")
        return
    say_fitting(f"{counted(len(found.entries), 'changed text')}: {visible(', '.join(found.entries))}", bold=True)
    say(f"Datasets touched: {len({t.dataset for t in found.datasets})}")
    _say_touched(found.datasets)
    say(f"Audits touched: {len(found.audits)}")
    for audit in found.audits:
        say_fitting(f"  {short(audit.id)}  {visible(audit.run)}  {audit.verdict} of {audit.created[:10]}", bold=True)
        _say_touched(audit.touched, "    ")
    say(f"Clearances that rest on them: {len(found.clearances)}")
    for clearance in found.clearances:
        say_fitting(f"  {short(clearance.manifest_root)}  of audit {short(clearance.audit)}, valid until {clearance.expires}")
    unknown = "none known by the run records at hand" if found.datasets or found.audits else 0
    say(f"Runs that went by them, or had such a dataset to read: {len(found.runs) or unknown}")
    for run in found.runs[:_SHOWN]:
        say_fitting(f"  {run.id[:12]}  {visible(run.model)}, {run.began[:10]}, {run.end}, {visible(signature_words(run))}")
    if len(found.runs) > _SHOWN:
        say(f"  … and {len(found.runs) - _SHOWN} more: -f json lists them")
    _say_unknown(found)


def _say_unknown(found: Impact) -> None:
    """Say of what nobody can tell whether the change is about it."""
    if not (found.unknown or found.open_audits):
        return
    names = list(dict.fromkeys(u.dataset for u in (*found.unknown, *(u for a in found.open_audits for u in a.unknown))))
    say_fitting(f"May be affected, since makers are not known: {counted(len(names), 'dataset')}", bold=True)
    for u in found.unknown[:_SHOWN]:
        through = f", through {visible(u.through)}" if u.through else ""
        say_fitting(f"  {visible(u.dataset)}  {visible(u.why)}{through}")
    if len(found.unknown) > _SHOWN:
        say(f"  … and {len(found.unknown) - _SHOWN} more: -f json lists them")
    for audit in found.open_audits[:_SHOWN]:
        words = sum({u.dataset: u.words or 0 for u in audit.unknown}.values())
        say_fitting(f"  audit {short(audit.id)}  {visible(audit.run)}  {counted(words, 'word')} of unknown makers")
    if len(found.open_audits) > _SHOWN:
        say(f"  … and {counted(len(found.open_audits) - _SHOWN, 'audit')} more: -f json lists them")
    say(f"Runs that may be affected: {len(found.open_runs) or 'none known by the run records at hand'}")


def _say_touched(touched: Sequence[Touched], lead: str = "  ") -> None:
    ordered = sorted(touched, key=lambda t: not t.is_changed)
    for item in ordered[:_SHOWN]:
        through = f", through {visible(item.through)}" if item.through else ""
        say_fitting(f"{lead}{visible(item.dataset)}  {visible(item.origin)}{through}")
        if item.may:
            say_fitting(f"{lead}    may be affected: the days on which it was made are not known")
        for outcome in item.outcomes:
            if outcome.before is not outcome.after:
                say_fitting(f"{lead}    {visible(outcome.use)}: {outcome.before} → {outcome.after}", bold=True)
        if not item.is_changed:
            said = "; ".join(f"{o.use} {o.after}" for o in item.outcomes)
            say_fitting(f"{lead}    outcomes stay: {visible(said)}")
    if len(ordered) > _SHOWN:
        rest = ordered[_SHOWN:]
        say_fitting(f"{lead}… and {len(rest)} more, {sum(t.is_changed for t in rest)} of them with other outcomes: -f json lists them")


def _next(found: Impact) -> str:
    if found.clearances:
        return "revoke what must not hold any longer as docs/clearance.md says; then: provenance audit"
    if found.audits:
        return "put them into a folder that terms in provenance.toml names; provenance audit"
    return "put the entries into a folder that terms in provenance.toml names"
