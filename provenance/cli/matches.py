"""``provenance matches``: shared passages, listed and shown word by word."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_table, visible
from provenance.errors import NotRegisteredError
from provenance.model.audit import MatchEvidence
from provenance.model.finding import Finding
from provenance.model.match import Span
from provenance.model.reference import ReferenceKind

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
@click.option("--limit", default=40, show_default=True, help="Passages shown in the table; JSON holds all.")
@text_or_json
@pass_context
def list_matches(ctx: CommandContext, /, audit: str, finding: str | None, limit: int, output: str, **wanted: str | None) -> int:
    """List the shared passages of AUDIT."""
    record = load_audit(ctx, audit)
    found = [e for e in record.evidence if (finding is None or _behind(record.findings, finding, e.id)) and _is_wanted(e, wanted)]
    if output == "json":
        say_json(found)
        return 0
    rows = [
        (
            e.id.removeprefix("sha256:")[:10],
            e.dataset,
            e.match.doc_id,
            e.match.words,
            e.match.longest_run,
            e.match.reference,
            e.match.because or "alarm",
        )
        for e in found[:limit]
    ]
    say_table(("id", "dataset", "document", "words", "run", "reference", "state"), rows, right=frozenset({"words", "run"}))
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


def _is_wanted(item: MatchEvidence, wanted: Mapping[str, str | None]) -> bool:
    """Tell whether a match passes the filters; other references that hold the passage count too."""
    match = item.match
    references = {match.reference, match.reference_set, *(a.reference for a in match.also), *(a.reference_set for a in match.also)}
    return (
        wanted["dataset"] in (None, item.dataset)
        and (wanted["reference"] is None or wanted["reference"] in references)
        and wanted["kind"] in (None, match.kind.value)
        and wanted["state"] in (None, match.because.value if match.because else "alarm")
    )


def _behind(findings: tuple[Finding, ...], wanted: str, match_id: str) -> bool:
    key = wanted.removeprefix("sha256:")
    return any(
        (f.rule == wanted or f.id.removeprefix("sha256:").startswith(key))
        and (f.subject.id == match_id or any(e.digest == match_id for e in f.evidence))
        for f in findings
    )


@matches.command("show")
@click.argument("match_id", default="")
@click.option("--audit", default=LATEST, help="The audit it belongs to.")
@click.option("--finding", default=None, help="Show the matches behind this finding or rule instead.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, match_id: str, audit: str, finding: str | None, output: str) -> int:
    """Show shared passages word by word; MATCH_ID is the first digits of a match's id."""
    record = load_audit(ctx, audit)
    key = match_id.removeprefix("sha256:")
    found = [e for e in record.evidence if (_behind(record.findings, finding, e.id) if finding else e.id.removeprefix("sha256:").startswith(key))]
    if not found:
        raise NotRegisteredError(f"no match begins with {match_id!r}" if match_id else "no such match", hint="see: provenance matches list")
    if output == "json":
        say_json(found)
        return 0
    for item in found:
        _print(item)
    return 0


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
        say("  the words could not be read again: the shard changed or is not there")
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
