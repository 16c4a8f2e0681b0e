"""``provenance matches``: shared passages, listed and shown word by word."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.match_sources import find_source
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_json_list, say_table
from provenance.cli.passages import print_match
from provenance.errors import NotRegisteredError
from provenance.model.reference import ReferenceKind

if TYPE_CHECKING:
    from provenance.audit.browse import FoundMatch

F = TypeVar("F", bound=Callable[..., Any])


def _page_options(function: F) -> F:
    """Add the options that say which passages are shown, and those that mean current scans instead of an audit."""
    for option in (
        click.option("--against", multiple=True, metavar="SET", help="With --scans: sets they were made against; all where none is named."),
        click.option("--scans", is_flag=True, help="Take the current scans of registered datasets instead of an audit."),
        click.option("--offset", type=click.IntRange(min=0), default=0, help="Passages left out before the first that is shown."),
        click.option("--limit", type=click.IntRange(min=1), default=40, show_default=True, help="Passages shown; JSON holds all."),
    ):
        function = option(function)
    return function


@click.group()
def matches() -> None:
    """Look at shared passages."""


@matches.command("list")
@click.argument("audit", default=LATEST)
@click.option("--finding", default=None, help="Only matches behind this finding or rule.")
@click.option("--dataset", default=None, help="Only matches in this dataset.")
@click.option("--reference", default=None, help="Only matches with this reference, or with references of this set.")
@click.option("--kind", type=click.Choice([k.value for k in ReferenceKind]), default=None, help="Only matches with references of this kind.")
@click.option("--state", default=None, help="Only alarms (alarm), or only what is explained this way (quotation, prompt …).")
@_page_options
@text_or_json
@pass_context
def list_matches(
    ctx: CommandContext,
    /,
    audit: str,
    finding: str | None,
    limit: int,
    offset: int,
    scans: bool,
    against: tuple[str, ...],
    output: str,
    **wanted: str | None,
) -> int:
    """List the shared passages of AUDIT, or with --scans those of current scans.

    Those in its record come first, the longest before the others; then those that only the evidence of the workspace keeps, in the order of the shards.
    """
    source = find_source(ctx, audit, scans=scans, against=against)
    found = itertools.islice((m for m in source.go_through(finding) if _is_wanted(m, wanted)), offset, None)
    if output == "json":
        say_json_list(source.as_json(found))
        return 0
    rows = [
        (
            m.id.removeprefix("sha256:")[:10],
            m.dataset,
            m.match.doc_id,
            m.match.aligned_words,
            m.match.words,
            m.match.longest_run,
            m.match.reference,
            m.match.because or "alarm",
        )
        for m in itertools.islice(found, limit)
    ]
    numbers = frozenset({"shared", "passage", "run"})
    say_table(("id", "dataset", "document", "shared", "passage", "run", "reference", "state"), rows, right=numbers, spare=("passage",))
    if next(found, None) is not None:
        say(f"… and more: add --offset {offset + limit}, or use -f json for all")
    return 0


@matches.command("suspects")
@click.argument("audit", default=LATEST)
@click.option("--pattern", default=None, help="Only this pattern.")
@click.option("--limit", default=40, show_default=True, help="Records shown in the table; JSON holds all.")
@text_or_json
@pass_context
def list_suspects(ctx: CommandContext, /, audit: str, pattern: str | None, limit: int, output: str) -> int:
    """List where the data of AUDIT speak as an assistant.

    Found by the pattern catalogue, without any reference: no match and no proof.
    """
    workspace = ctx.workspace()
    record = load_audit(ctx, audit)
    with workspace.units.read() as registry:
        results = [result for result, _ in registry.scan_results(set(record.scans)).values() if result.suspects_evidence]
    paths: dict[str, set[str]] = {r.shard: {r.path} for r in results}
    for shard in record.shards:  # equal bytes under several names share one scan
        if shard.sha256 in paths:
            paths[shard.sha256].add(shard.path)
    files = sorted({(path, r.suspects_evidence) for r in results for path in paths[r.shard]})
    every = [replace(s, path=path) for path, digest in files for s in workspace.evidence.get_suspects(digest)]
    found = [s for s in every if pattern in (None, s.pattern)]
    if output == "json":
        say_json(found)
        return 0
    say_table(("pattern", "path", "record", "document", "text"), [(s.pattern, s.path, s.record, s.doc_id, s.text) for s in found[:limit]])
    if len(found) > limit:
        say(f"… and {len(found) - limit} more: use -f json for all")
    return 0


def _is_wanted(item: FoundMatch, wanted: Mapping[str, str | None]) -> bool:
    """Tell whether a match passes the filters; other references that hold the passage count too."""
    match = item.match
    references = {match.reference, match.reference_set, *(a.reference for a in match.also), *(a.reference_set for a in match.also)}
    return (
        wanted["dataset"] in (None, item.dataset)
        and (wanted["reference"] is None or wanted["reference"] in references)
        and wanted["kind"] in (None, match.kind.value)
        and wanted["state"] in (None, match.because.value if match.because else "alarm")
    )


@matches.command("show")
@click.argument("match_id", default="")
@click.option("--audit", default=LATEST, help="The audit it belongs to.")
@click.option("--finding", default=None, help="Show the matches behind this finding or rule instead.")
@_page_options
@text_or_json
@pass_context
def show(
    ctx: CommandContext,
    /,
    match_id: str,
    audit: str,
    finding: str | None,
    limit: int,
    offset: int,
    scans: bool,
    against: tuple[str, ...],
    output: str,
) -> int:
    """Show shared passages word by word; MATCH_ID is the first digits of a match's id.

    What the record does not hold is read again, from shards and references that are still the ones that were judged.
    """
    source = find_source(ctx, audit, scans=scans, against=against)
    every = itertools.islice(source.go_through(finding) if finding else source.named(match_id), offset, None)
    first = next(every, None)
    if first is None:
        raise NotRegisteredError(f"no match begins with {match_id!r}" if match_id else "no such match", hint="see: provenance matches list")
    found = itertools.chain((first,), every)
    if output == "json":
        say_json_list(source.as_json(found))
        return 0
    for item in source.with_words(list(itertools.islice(found, limit))):
        print_match(item)
    if next(found, None) is not None:
        say(f"… and more: add --offset {offset + limit}, or use -f json for all")
    return 0
