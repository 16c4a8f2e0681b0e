"""``provenance terms show``: one text with all that is catalogued of it, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, visible
from provenance.errors import NotRegisteredError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.bootstrap import Workspace
    from provenance.licensing.catalog_entries import WrittenEntry
    from provenance.licensing.terms import TermsVersion
    from provenance.licensing.terms_chains import Neighbours
    from provenance.licensing.use_outcomes import UseOutcome

_CONFIDENCE = {
    "seen": "the text itself was read at the source",
    "secondary": "quoted by another source, the text itself was not read",
    "unverified": "hearsay: it decides nothing",
}
_HEADED = frozenset({"id", "title", "provider", "kind", "confidence", "service", "url"})
"""Fields that have lines of their own."""


@click.command("show")
@click.argument("terms_id")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, terms_id: str, output: str) -> int:
    """Show one version: dates, scope, clauses, source, how it is read, and what stands before and after it."""
    from provenance.bootstrap import any_workspace
    from provenance.licensing.terms_chains import neighbours
    from provenance.licensing.use_outcomes import entry_outcomes

    workspace = any_workspace(ctx.start)
    version = find_version(workspace, terms_id)
    written = written_entries(workspace)
    entry = written[-1] if (written := [e for e in written if e.id == terms_id]) else None
    near, outcomes = neighbours(workspace.terms, version), entry_outcomes(version)
    if output == "json":
        say_json(
            {
                "id": version.id,
                "title": version.title,
                "from": version.effective_from,
                "to": version.effective_to,
                "confidence": version.confidence,
                "clauses": version.clauses,
                "source": version.source,
                "written": {} if entry is None else dict(entry.values),
                "file": "" if entry is None else str(entry.file),
                "predecessors": near.before,
                "successors": near.after,
                "by_itself": outcomes,
            }
        )
        return 0
    _say_head(version)
    if entry is not None:
        _say_fields(entry)
    _say_reading(outcomes, near)
    if entry is not None:
        _say_file(entry, is_override=len(written) > 1)
    if near.before:
        next_step(f"provenance terms diff {near.before[0]} {version.id}", quiet=ctx.quiet)
    return 0


def find_version(workspace: Workspace, terms_id: str) -> TermsVersion:
    """Return a version of the catalogue.

    Raises:
        NotRegisteredError: If there is none, with the nearest id.
    """
    from provenance.documents import nearest

    found = workspace.terms.get(terms_id)
    if found is None:
        near = nearest(terms_id, (e.id for e in workspace.terms.entries))
        raise NotRegisteredError(
            f"no terms {terms_id[:80]!r} in the catalogue", hint=near if near.startswith("did") else "see: provenance terms list"
        )
    return found


def written_entries(workspace: Workspace) -> Sequence[WrittenEntry]:
    """Return all entries of the shipped catalogue and the workspace's, as written."""
    from provenance.licensing.catalog_entries import read_entries

    return read_entries((workspace.shipped_terms, *workspace.settings.terms), shipped=workspace.shipped_terms)


def _say_head(version: TermsVersion) -> None:
    say_fitting(f"{visible(version.id)}  {visible(version.title)}", bold=True)
    say_fitting(f"  provider    {visible(version.provider)}, {visible(version.kind)}, {visible(version.service)}")
    say_fitting(f"  in force    from {version.effective_from} to {version.effective_to}")
    say_fitting(f"  confidence  {version.confidence}: {_CONFIDENCE.get(version.confidence, '')}")
    if version.url:
        say_fitting(f"  address     {visible(version.url)}")


def _say_fields(entry: WrittenEntry) -> None:
    for name, text in entry.values:
        if name.partition(".")[0] not in _HEADED | {"clauses"}:
            say_fitting(f"  {visible(name)}: {visible(text)}")
    for clause in entry.clauses:
        fields = dict(entry.under(f"clauses.{clause}"))
        say_fitting(f"  {visible(clause)}: {visible(fields.pop('value', ''))}", bold=True)
        quote = fields.pop("quote", "")
        if quote:
            say_fitting(f'      "{visible(quote)}"')
        for name, text in fields.items():
            say_fitting(f"      {visible(name)}: {visible(text)}")


def _say_reading(outcomes: Sequence[UseOutcome], near: Neighbours) -> None:
    say("  By itself, beside no other text, it says:")
    for outcome in outcomes:
        say_fitting(f"      {outcome.outcome:10}  {outcome.use}")
    say_fitting(f"  before it   {visible(', '.join(near.before)) or 'none catalogued'}")
    say_fitting(f"  after it    {visible(', '.join(near.after)) or 'none catalogued'}")


def _say_file(entry: WrittenEntry, *, is_override: bool) -> None:
    from provenance.licensing.catalog_entries import where

    own = "" if entry.is_shipped else " · yours, in the place of a shipped entry" if is_override else " · yours"
    say_fitting(f"  written in  {visible(where(entry))}{own}")
