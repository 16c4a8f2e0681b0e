"""Tables beside the report that hold every row, for spreadsheets and scripts. No cell can run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from provenance.model.audit import AuditRecord
from provenance.model.training import RecordedRun
from provenance.report.trained import COLUMNS, trained_rows
from provenance.report.wording import csv_cell, visible

_FINDINGS = (
    "id",
    "rule",
    "title",
    "bundle",
    "severity",
    "outcome",
    "action",
    "dataset",
    "subject_kind",
    "subject",
    "message",
    "because",
    "waiver",
    "stands_for",
)
_MATCHES = (
    "id", "dataset", "path", "record", "line", "field", "start", "end", "reference_set", "reference", "kind", "title", "provider", "model", "words",
    "aligned_words", "longest_run", "exact_containment", "exact_jaccard", "chance_alarms_per_million", "explained", "because", "token_start", "token_end",
)  # fmt: skip
_SHARDS = ("dataset", "path", "sha256", "size_bytes", "records", "words", "state", "alarms", "matched_words")


def render_sidecars(record: AuditRecord, runs: Sequence[RecordedRun] = ()) -> dict[str, bytes]:
    """Return file name → CSV bytes (UTF-8, RFC 4180 line ends) for findings, matches and shards, and for runs where any had the data to read."""
    made = {"findings.csv": _findings(record), "matches.csv": _matches(record), "shards.csv": _shards(record)}
    trained = trained_rows(record, runs)
    return made | ({"runs.csv": _table(COLUMNS, trained)} if trained else {})


def _findings(record: AuditRecord) -> bytes:
    rows = (
        (
            f.id, f.rule, f.title, f.bundle, f.severity.value, f.outcome.value, f.action.value, f.dataset, f.subject.kind.value, f.subject.id, f.message,
            "; ".join(f"{r.path} = {r.value}" for r in f.because), f.waiver, f.size,
        )
        for f in record.findings
    )  # fmt: skip
    return _table(_FINDINGS, rows)


def _matches(record: AuditRecord) -> bytes:
    rows = (
        (
            e.id, e.dataset, m.path, m.record, m.line, m.field, m.start, m.end, m.reference_set, m.reference, m.kind.value, e.reference.title,
            e.reference.provider, e.reference.model, m.words, m.aligned_words, m.longest_run, m.exact_containment, m.exact_jaccard,
            m.chance_alarms_per_million, "yes" if m.explained else "no", m.because.value if m.because else None, m.token_start, m.token_end,
        )
        for e in record.evidence
        for m in (e.match,)
    )  # fmt: skip
    return _table(_MATCHES, rows)


def _shards(record: AuditRecord) -> bytes:
    return _table(_SHARDS, (tuple(getattr(s, name) for name in _SHARDS) for s in record.shards))


def _table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headers)
    for row in rows:
        writer.writerow([visible(csv_cell(v)).replace("\n", "⏎") for v in row])
    return out.getvalue().encode("utf-8", "replace")
