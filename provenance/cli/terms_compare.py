"""``provenance terms diff`` and ``check``: what differs between texts, and what is amiss in a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, thousands, visible
from provenance.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.licensing.terms_check import CheckResult, Problem
    from provenance.licensing.terms_diff import CatalogDiff, EntryDiff, FieldChange

_FAULTS = 11
"""Exit code."""
_SHOWN = 100
"""Problems that are printed, the faults first."""


@click.command("diff")
@click.argument("old")
@click.argument("new")
@text_or_json
@pass_context
def diff_command(ctx: CommandContext, /, old: str, new: str, output: str) -> int:
    """Say what differs between two versions, or two catalogues.

    OLD and NEW are two ids, or two catalogue folders or files.
    """
    places = [ctx.path(Path(name)) for name in (old, new)]
    there = [place.exists() for place in places]
    if any(there) and not all(there):
        gone = (old, new)[there.index(False)]
        raise InputError(f"{gone[:80]!r} is no file or folder, and the other one is", hint="compare two ids, or two files or folders")
    if all(there):
        return _diff_catalogs(places, output, ctx)
    found = _diff_ids(ctx, old, new)
    if output == "json":
        say_json(found)
        return 0
    _say_diff(found)
    next_step(f"provenance terms show {found.new}", quiet=ctx.quiet)
    return 0


def _diff_ids(ctx: CommandContext, old: str, new: str) -> EntryDiff:
    from provenance.bootstrap import any_workspace
    from provenance.cli.terms_page import find_version, written_entries
    from provenance.licensing.catalog_entries import in_force
    from provenance.licensing.terms_diff import diff_entries

    workspace = any_workspace(ctx.start)
    versions = (find_version(workspace, old), find_version(workspace, new))
    written = in_force(written_entries(workspace))
    return diff_entries(written[old], written[new], versions)


def _diff_catalogs(places: Sequence[Path], output: str, ctx: CommandContext) -> int:
    from provenance.bootstrap import any_workspace
    from provenance.licensing.catalog_entries import read_entries
    from provenance.licensing.terms_diff import diff_catalogs

    shipped = any_workspace(ctx.start).shipped_terms
    old, new = (read_entries((place,), shipped=shipped) for place in places)
    found = diff_catalogs(old, new)
    if output == "json":
        say_json(found)
    else:
        _say_catalogs(found)
        next_step(f"provenance terms impact {visible(str(places[1]))}", quiet=ctx.quiet)
    return 0


def _say_diff(found: EntryDiff) -> None:
    say_fitting(f"{visible(found.old)} → {visible(found.new)}", bold=True)
    if not found.one_chain:
        say_fitting("  These are no versions of one document: provider, kind, service, channel, region or models differ.")
    _say_changes(found.changes)
    if not found.changes:
        say("  nothing that they say differs")
    changed = [u for u in found.uses if u.old is not u.new]
    for use in changed:
        say_fitting(f"  {visible(use.use)}: {use.old} → {use.new}", bold=True)
    if not changed:
        say_fitting("  By themselves they say the same of every use that is compared: " + ", ".join(f"{u.use} {u.new}" for u in found.uses))


def _say_changes(changes: Sequence[FieldChange], lead: str = "  ") -> None:
    for change in changes:
        say_fitting(f"{lead}{visible(change.field)}")
        for sign, text in (("-", change.old), ("+", change.new)):
            if text:
                say_fitting(f"{lead}  {sign} {visible(text)}")


def _say_catalogs(found: CatalogDiff) -> None:
    for sign, names in (("+", found.added), ("-", found.removed)):
        for name in names:
            say_fitting(f"{sign} {visible(name)}")
    for name, changes in found.changed:
        say_fitting(f"~ {visible(name)}")
        _say_changes(changes, "    ")
    say(f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed", err=True)


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER|FILE]...")
@click.option("--accept", "accepted", multiple=True, metavar="ID", help="An entry that loosens or overlaps, and that somebody looked at.")
@click.option("--all", "everything", is_flag=True, help="List the remarks on shipped entries too.")
@text_or_json
@pass_context
def check_command(ctx: CommandContext, /, paths: tuple[Path, ...], accepted: tuple[str, ...], everything: bool, output: str) -> int:
    """Check the shipped entries, your own, and those of some folders and files.

    Told are: what does not load, dates that run backwards, texts that hold at once, gaps, contradictions, long quotes, unknown words, missing sources, and
    overrides of shipped entries that loosen.

    Exit codes: 0 nothing to mend, 11 something is.
    """
    from provenance.bootstrap import any_workspace
    from provenance.licensing.terms_check import check_terms

    workspace = any_workspace(ctx.start)
    own = workspace.settings.terms
    more = (ctx.path(path).resolve() for path in paths)
    folders = (*own, *(path for path in more if not any(path.is_relative_to(folder.resolve()) for folder in own)))
    found = check_terms(folders, shipped=workspace.shipped_terms, accepted=accepted)
    if output == "json":
        say_json(found)
    else:
        _say_check(found, everything=everything)
        after = "mend what is told, and run the same command again" if found.faults else f"provenance terms impact {paths[0] if paths else 'FILE'}"
        next_step(after, quiet=ctx.quiet)
    return _FAULTS if found.faults else 0


def _say_check(found: CheckResult, *, everything: bool) -> None:
    told = sorted((p for p in found.problems if everything or p.is_fault or not p.is_shipped), key=lambda p: not p.is_fault)
    for problem in reversed(told[:_SHOWN]):  # faults last, where the eye is
        _say_problem(problem)
    if len(told) > _SHOWN:
        say(f"  … and {thousands(len(told) - _SHOWN)} more: -f json lists them all")
    for name, place in found.overrides:
        say_fitting(f"  · {visible(name)} takes the place of another entry ({visible(place)})")
    remarks = len(found.problems) - found.faults
    said = f"{counted(found.entries, 'text')} in {counted(found.files, 'file')}: {counted(found.faults, 'fault')}, {counted(remarks, 'remark')}"
    kept = 0 if everything else sum(p.is_shipped and not p.is_fault for p in found.problems)
    say_fitting(f"{said}{f', {kept} of them on shipped texts: --all lists them' if kept else ''}", err=True)


def _say_problem(problem: Problem) -> None:
    sign, about = ("✗" if problem.is_fault else "·"), f"{problem.entry}: " if problem.entry else ""
    say_fitting(f"  {sign} {problem.kind}  {visible(about)}{visible(problem.message)}", bold=problem.is_fault)
    say_fitting(f"      {visible(problem.place)}")
    if problem.hint:
        say_fitting(f"      → {visible(problem.hint)}")
