"""``provenance matches``: shared passages, listed and shown word by word."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_json_list, say_table, visible
from provenance.errors import NotRegisteredError, ProvenanceError
from provenance.model.audit import AuditRecord, MatchEvidence
from provenance.model.finding import Finding
from provenance.model.match import MatchText, Span
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.wire import to_wire

if TYPE_CHECKING:
    from provenance.audit.browse import FoundMatch

WIDTH = 76


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
@click.option("--limit", type=click.IntRange(min=1), default=40, show_default=True, help="Passages shown in the table; JSON holds all.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Passages left out before the first that is shown.")
@text_or_json
@pass_context
def list_matches(ctx: CommandContext, /, audit: str, finding: str | None, limit: int, offset: int, output: str, **wanted: str | None) -> int:
    """List the shared passages of AUDIT.

    Those in its record come first, the longest before the others; then those that only the evidence of the workspace keeps, in the order of the shards.
    """
    record = load_audit(ctx, audit)
    found = itertools.islice((m for m in _go_through(ctx, record, finding) if _is_wanted(m, wanted)), offset, None)
    if output == "json":
        say_json_list(_as_json(record, found))
        return 0
    rows = [
        (
            m.id.removeprefix("sha256:")[:10],
            m.dataset,
            m.match.doc_id,
            m.match.words,
            m.match.longest_run,
            m.match.reference,
            m.match.because or "alarm",
        )
        for m in itertools.islice(found, limit)
    ]
    say_table(("id", "dataset", "document", "words", "run", "reference", "state"), rows, right=frozenset({"words", "run"}))
    if next(found, None) is not None:
        say(f"… and more: add --offset {offset + limit}, or use -f json for all")
    return 0


def _go_through(ctx: CommandContext, record: AuditRecord, finding: str | None) -> Iterator[FoundMatch]:
    """Go through the matches of an audit, or those behind a finding; the workspace is opened only for what the record does not hold."""
    from provenance.audit.browse import FoundMatch, behind_in_record, find_behind, find_unlisted

    chosen = None if finding is None else _chosen(record, finding)
    behind = None if chosen is None else behind_in_record(record, chosen)
    yield from (FoundMatch(id=e.id, dataset=e.dataset, match=e.match) for e in record.evidence if behind is None or e.id in behind)
    if chosen is not None and record.match_findings:
        yield from find_behind(record, chosen, ctx.workspace().evidence)
    elif chosen is None and record.totals.matches > len(record.evidence):
        workspace = ctx.workspace()
        yield from find_unlisted(record, workspace.units, workspace.evidence)


def _chosen(record: AuditRecord, wanted: str) -> list[Finding]:
    key = wanted.removeprefix("sha256:")
    return [f for f in record.findings if f.rule == wanted or f.id.removeprefix("sha256:").startswith(key)]


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
@click.option("--limit", type=click.IntRange(min=1), default=40, show_default=True, help="Passages printed; JSON holds all.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Passages left out before the first that is shown.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, match_id: str, audit: str, finding: str | None, limit: int, offset: int, output: str) -> int:
    """Show shared passages word by word; MATCH_ID is the first digits of a match's id.

    What the record does not hold is read again, from shards and references that are still the ones that were judged.
    """
    record = load_audit(ctx, audit)
    every = itertools.islice(_go_through(ctx, record, finding) if finding else _named(ctx, record, match_id), offset, None)
    first = next(every, None)
    if first is None:
        raise NotRegisteredError(f"no match begins with {match_id!r}" if match_id else "no such match", hint="see: provenance matches list")
    found = itertools.chain((first,), every)
    if output == "json":
        say_json_list(_as_json(record, found))
        return 0
    for item in _with_words(ctx, record, list(itertools.islice(found, limit))):
        _print(item)
    if next(found, None) is not None:
        say(f"… and more: add --offset {offset + limit}, or use -f json for all")
    return 0


def _named(ctx: CommandContext, record: AuditRecord, match_id: str) -> Iterator[FoundMatch]:
    """Go through the matches whose ids begin so: in the record, and only where none of these does, in the evidence."""
    key, none_yet = match_id.removeprefix("sha256:"), True
    listed = len(record.evidence)
    for place, item in enumerate(_go_through(ctx, record, None)):
        if place >= listed and not none_yet:
            return
        if item.id.removeprefix("sha256:").startswith(key):
            none_yet = False
            yield item


def _as_json(record: AuditRecord, found: Iterable[FoundMatch]) -> Iterator[object]:
    """Go through matches as the record has them; of the others, the reference and the words are null."""
    known = {e.id: e for e in record.evidence}
    return (known.get(m.id) or {**to_wire(m), "reference": None, "text": None} for m in found)


def _with_words(ctx: CommandContext, record: AuditRecord, page: Sequence[FoundMatch]) -> list[MatchEvidence]:
    """Return matches with their words: those that the record does not hold are read again where shards and references are still the same."""
    known = {e.id: e for e in record.evidence}
    without = [m for m in page if m.id not in known or known[m.id].text is None]
    texts: Mapping[str, MatchText] = {}
    references: dict[tuple[str, str], ReferenceRecord] = {(e.match.reference_set, e.reference.id): e.reference for e in record.evidence}
    if without:
        try:
            texts, more = _read_again(ctx, record, without)
            references.update(more)
        except ProvenanceError as err:
            say(f"words cannot be read again: {visible(str(err))}", err=True)
    items = []
    for m in page:
        reference = references.get((m.match.reference_set, m.match.reference)) or ReferenceRecord(id=m.match.reference, kind=m.match.kind)
        item = known.get(m.id) or MatchEvidence(id=m.id, dataset=m.dataset, match=m.match, reference=reference, text=None)
        items.append(replace(item, text=texts.get(m.id, item.text)))
    return items


def _read_again(
    ctx: CommandContext, record: AuditRecord, found: Sequence[FoundMatch]
) -> tuple[Mapping[str, MatchText], Mapping[tuple[str, str], ReferenceRecord]]:
    from provenance.audit.words import read_words

    workspace = ctx.workspace()
    names = [r.name for r in record.references]
    if [r.digest for r in workspace.reference_summaries(names)] != [r.digest for r in record.references]:
        raise NotRegisteredError("the references are not those of the audit any more")
    matcher = workspace.matcher(names)
    texts = read_words(record, found, matcher, workspace.tools(ctx.progress(), ctx.actor))
    return texts, {(m.match.reference_set, m.match.reference): matcher.reference(m.match.reference_set, m.match.reference) for m in found}


def _print(item: MatchEvidence) -> None:
    m, r = item.match, item.reference
    say(f"{item.id.removeprefix('sha256:')[:10]}  {m.words} words shared text, longest run {m.longest_run}", bold=True)
    tokens = "" if m.token_start is None else f", tokens {m.token_start} to {m.token_end}"
    say(f"  training   {visible(m.path)} record {m.record} {visible(m.field)} characters {m.start} to {m.end}{tokens} ({visible(m.doc_id)})")
    say(
        f"  reference  {visible(m.reference)} · {visible(r.title)} · {visible(r.provider)} {visible(r.model)} · characters {m.reference_start} to {m.reference_end}"
    )
    say(
        f"  containment {m.exact_containment:.2f} · Jaccard {m.exact_jaccard:.2f} · {m.chance_alarms_per_million:.1g} chance alarms per million documents"
    )
    say(f"  {'explained: ' + m.because if m.because else 'not explained'}")
    if item.text is None:
        say("  the words are not at hand: the shard or the references changed or are not there")
        return
    say("  training text:")
    _print_passage(item.text.text, item.text.shared)
    if not item.text.reference_text:
        say("  the reference is a pack: its words are not here")
        say()
        return
    say("  reference text:")
    _print_passage(item.text.reference_text, item.text.reference_shared)
    say()


def _print_passage(text: str, shared: tuple[Span, ...]) -> None:
    """Print a passage with shared stretches marked: coloured on a terminal, in brackets elsewhere."""
    colored = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    parts, at = [], 0
    for span in shared:
        inner = visible(text[span.start : span.end].replace("\n", " "))
        parts += [visible(text[at : span.start].replace("\n", " ")), click.style(inner, fg="yellow") if colored else f"[{inner}]"]
        at = span.end
    parts.append(visible(text[at:].replace("\n", " ")))
    for line in textwrap.wrap("".join(parts), WIDTH if not colored else WIDTH + 10, break_long_words=True):
        say("    " + line)
