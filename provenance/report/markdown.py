"""The audit as Markdown, for a pull request or a wiki: the sections of the page, with text of the data in code spans. What does not fit is counted, and stands in findings.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord
from provenance.model.finding import Finding
from provenance.report.wording import clip, code_span, percent

SHOWN = 200
"""Findings and datasets that are listed."""
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class MarkdownReport:
    """Writes the audit as CommonMark with tables."""

    name: str = "markdown"
    file_name: str = "audit.md"
    suffix: str = ".md"

    def render(self, record: AuditRecord) -> bytes:
        """Return the document as UTF-8."""
        return ("\n".join(markdown_lines(record)) + "\n").encode("utf-8", "replace")


def markdown_lines(record: AuditRecord) -> Iterator[str]:
    """Yield the document's lines."""
    t, run = record.totals, record.run
    yield f"# {record.verdict.value}: {_code(run.model.name)}"
    yield ""
    yield f"Audit {_code(record.id)} of {_code(record.created)}, asked for by {_known(run.requested_by)}. Policy: {', '.join(_code(f'{p.bundle} {p.version}') for p in record.policy)}."
    if record.broken_glass:
        yield f"\n**BREAK-GLASS: the run was let start although this audit did not clear it, {len(record.broken_glass)} time(s).**"
    yield from _table(
        ("what", "number", "of"),
        [
            ("open findings that deny", t.deny, ""),
            ("open findings that ask for a review", t.review, ""),
            ("open findings that warn", t.warn, ""),
            ("waived findings", t.waived, ""),
            ("shards judged", t.shards_judged, t.shards_named),
            ("words under a known licence", t.words_with_known_license, t.words),
            ("words under known terms", t.words_with_known_terms, t.words),
            ("words shared with unlicensed works", t.words_shared_unlicensed, t.words),
        ],
    )
    if record.steps:
        yield from ("", "## What to do", "")
        yield from (f"{n}. {_code(s.summary)} → {_code(s.effect)}" for n, s in enumerate(record.steps, 1))
    yield from _findings(record.findings)
    yield from ("", "## Datasets")
    rows = [
        (
            _code(d.dataset.name),
            "not known" if d.weight is None else percent(d.weight),
            d.shards,
            d.words,
            _code(d.license_use),
            d.alarms,
            d.open_findings,
        )
        for d in record.datasets[:SHOWN]
    ]
    yield from _table(("dataset", "share of the run", "shards", "words", "licence", "alarms", "open findings"), rows)
    yield from _left(len(record.datasets))
    if record.waivers:
        yield from ("", "## Waivers")
        yield from _table(
            ("waiver", "rule", "subject", "approved by", "expires"),
            [(_code(w.id), _code(w.rule), _code(w.subject.id), _code(w.approved_by), _code(w.expires)) for w in record.waivers[:SHOWN]],
        )
        yield from _left(len(record.waivers))
    yield from _list("Obligations", record.obligations)
    yield from _list("What was not checked", record.limits)
    yield from ("", "## Audit trail", "")
    yield from (f"- {name}: {_code(value)}" for name, value in _trail(record))


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    shown = sorted(findings, key=lambda f: not f.is_open)[:SHOWN]
    yield from ("", "## Findings")
    if not findings:
        yield from ("", "No rule found fault.")
        return
    rows = [
        (
            f.action.value if f.waiver is None else f"waived by {_code(f.waiver)}",
            _code(f.rule),
            f.outcome.value,
            _code(f.dataset or f.subject.id),
            _code(f.message),
            f.size,
        )
        for f in shown
    ]
    yield from _table(("action", "rule", "outcome", "dataset", "what was found", "stands for"), rows)
    yield from _left(len(findings))


def _left(number: int) -> Iterator[str]:
    if number > SHOWN:
        yield from ("", f"{number - SHOWN} more stand in audit.json.")


def _list(title: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield from ("", f"## {title}", "")
        yield from (f"- {_code(text)}" for text in texts[:SHOWN])
        yield from _left(len(texts))


def _trail(record: AuditRecord) -> Iterator[tuple[str, str]]:
    yield "tool", f"provenance {record.tool.version}"
    yield "shard manifest", record.manifest_root
    yield "facts", record.facts_digest
    yield "registry", record.registry_revision
    yield "head of the log", record.log_head
    yield "terms catalogue", f"{record.terms_catalog_version} {record.terms_catalog_digest}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(map(str, row)) + " |" for row in rows)


def _code(text: str) -> str:
    return code_span(clip(text, _LONGEST))


def _known(text: str) -> str:
    return "nobody named" if is_absent(text) else _code(text)
