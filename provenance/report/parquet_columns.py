"""What the Parquet tables of an audit hold, column by column (docs/formats/report-tables.md)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from provenance.model.audit import DatasetSummary, MatchEvidence, ShardSummary
from provenance.model.finding import Finding
from provenance.model.wire import to_wire

VERSION = "1"
Column = tuple["pa.Field[Any]", Callable[[Any], object]]
"""A column, and what it takes of a row's value."""


def _texts(*names: str) -> list[pa.Field[Any]]:
    return [pa.field(name, pa.string(), nullable=False) for name in names]


def _list(*fields: pa.Field[Any]) -> pa.DataType:
    return pa.list_(pa.field("item", pa.struct(list(fields)), nullable=False))


def _text(name: str, take: Callable[[Any], object], *, nullable: bool = False) -> Column:
    return pa.field(name, pa.string(), nullable=nullable), take


def _int(name: str, take: Callable[[Any], object], *, nullable: bool = False) -> Column:
    return pa.field(name, pa.int64(), nullable=nullable), take


def _real(name: str, take: Callable[[Any], object], *, nullable: bool = False) -> Column:
    return pa.field(name, pa.float64(), nullable=nullable), take


def _many(name: str, kind: pa.DataType, take: Callable[[Any], object]) -> Column:
    return pa.field(name, kind, nullable=False), take


_BECAUSE = _list(*_texts("path", "value"))
_CLAUSES = _list(*_texts("terms", "clause", "quote", "source", "value", "effective_from", "effective_to"))
_EVIDENCE = _list(*_texts("kind", "digest", "summary"))
_REMEDIES = _list(*_texts("kind", "summary", "effect"))
_MISSING = _list(*_texts("path", "supply"))
_GENERATORS = _list(*_texts("provider", "model", "channel", "region", "generated_from", "generated_to", "role"))
_ALSO = _list(*_texts("reference_set", "reference"), pa.field("start", pa.int64()), pa.field("end", pa.int64()), pa.field("score", pa.float64()))
_NAMES = pa.list_(pa.field("item", pa.string(), nullable=False))


def _because(finding: Finding) -> list[dict[str, str]]:
    return [{"path": r.path, "value": json.dumps(r.value, ensure_ascii=False)} for r in finding.because]


def _generators(summary: DatasetSummary) -> list[dict[str, str]]:
    return [
        {
            "provider": g.provider,
            "model": g.model,
            "channel": g.channel,
            "region": g.region,
            "generated_from": g.generated.start,
            "generated_to": g.generated.end,
            "role": g.role,
        }
        for g in summary.dataset.generators
    ]


def _wires(values: tuple[object, ...]) -> list[Any]:
    return [to_wire(v) for v in values]


FINDINGS: tuple[Column, ...] = (
    _text("id", lambda f: f.id),
    _text("rule", lambda f: f.rule),
    _text("title", lambda f: f.title),
    _text("bundle", lambda f: f.bundle),
    _text("severity", lambda f: f.severity.value),
    _text("outcome", lambda f: f.outcome.value),
    _text("action", lambda f: f.action.value),
    (pa.field("open", pa.bool_(), nullable=False), lambda f: f.is_open),
    _text("waiver", lambda f: f.waiver, nullable=True),
    _text("dataset", lambda f: f.dataset),
    _text("subject_kind", lambda f: f.subject.kind.value),
    _text("subject", lambda f: f.subject.id),
    _text("subject_digest", lambda f: f.subject.digest),
    _text("message", lambda f: f.message),
    _int("stands_for", lambda f: f.size),
    _many("because", _BECAUSE, _because),
    _many("clauses", _CLAUSES, lambda f: _wires(f.clauses)),
    _many("evidence", _EVIDENCE, lambda f: _wires(f.evidence)),
    _many("remedies", _REMEDIES, lambda f: _wires(f.remedies)),
    _many("missing", _MISSING, lambda f: _wires(f.missing)),
)
"""Of a ``Finding``."""

DATASETS: tuple[Column, ...] = (
    _text("name", lambda d: d.dataset.name),
    _text("title", lambda d: d.dataset.title),
    _text("root_digest", lambda d: d.root_digest),
    _int("shards", lambda d: d.shards),
    _int("size_bytes", lambda d: d.size_bytes),
    _int("records", lambda d: d.records),
    _int("words", lambda d: d.words),
    _int("unread_records", lambda d: d.unread_records),
    _real("weight", lambda d: d.weight, nullable=True),
    _text("license_declared", lambda d: d.dataset.license.declared.value),
    _text("license_detected", lambda d: d.dataset.license.detected.value),
    _text("license_concluded", lambda d: d.dataset.license.concluded.value),
    _text("license_effective", lambda d: d.dataset.license.effective),
    _text("license_use", lambda d: d.license_use),
    _text("source_kind", lambda d: d.dataset.source.kind.value),
    _text("source_url", lambda d: d.dataset.source.url),
    _text("collected_from", lambda d: d.dataset.source.collected.start),
    _text("collected_to", lambda d: d.dataset.source.collected.end),
    _text("synthetic", lambda d: d.synthetic.value),
    _text("domain", lambda d: d.dataset.domain),
    _many("languages", _NAMES, lambda d: list(d.dataset.languages)),
    _many("derived_from", _NAMES, lambda d: list(d.dataset.derived_from)),
    _many("generators", _GENERATORS, _generators),
    _int("matches", lambda d: d.matches),
    _int("alarms", lambda d: d.alarms),
    _int("matched_words", lambda d: d.matched_words),
    _int("open_findings", lambda d: d.open_findings),
)
"""Of a ``DatasetSummary``."""

SHARDS: tuple[Column, ...] = (
    _text("dataset", lambda s: s.dataset),
    _text("path", lambda s: s.path),
    _text("sha256", lambda s: s.sha256),
    _int("size_bytes", lambda s: s.size_bytes),
    _int("records", lambda s: s.records, nullable=True),
    _int("words", lambda s: s.words, nullable=True),
    _text("state", lambda s: s.state),
    _int("alarms", lambda s: s.alarms),
    _int("matched_words", lambda s: s.matched_words),
    _text("scan", lambda s: s.scan),
)
"""Of a ``ShardSummary``."""

MATCHES: tuple[Column, ...] = (
    _text("id", lambda e: e.id),
    _text("dataset", lambda e: e.dataset),
    _text("shard", lambda e: e.match.shard),
    _text("path", lambda e: e.match.path),
    _int("record", lambda e: e.match.record),
    _int("line", lambda e: e.match.line, nullable=True),
    _text("doc_id", lambda e: e.match.doc_id),
    _text("field", lambda e: e.match.field),
    _int("start", lambda e: e.match.start),
    _int("end", lambda e: e.match.end),
    _int("token_start", lambda e: e.match.token_start, nullable=True),
    _int("token_end", lambda e: e.match.token_end, nullable=True),
    _text("reference_set", lambda e: e.match.reference_set),
    _text("reference", lambda e: e.match.reference),
    _text("kind", lambda e: e.match.kind.value),
    _int("reference_start", lambda e: e.match.reference_start),
    _int("reference_end", lambda e: e.match.reference_end),
    _text("title", lambda e: e.reference.title),
    _text("author", lambda e: e.reference.author),
    _text("holder", lambda e: e.reference.holder),
    _text("license", lambda e: e.reference.license),
    _text("provider", lambda e: e.reference.provider),
    _text("model", lambda e: e.reference.model),
    _many("also", _ALSO, lambda e: _wires(e.match.also)),
    _text("method", lambda e: e.match.method.value),
    _int("words", lambda e: e.match.words),
    _int("aligned_words", lambda e: e.match.aligned_words),
    _int("longest_run", lambda e: e.match.longest_run),
    _real("exact_jaccard", lambda e: e.match.exact_jaccard),
    _real("exact_containment", lambda e: e.match.exact_containment),
    _real("document_jaccard", lambda e: e.match.document_jaccard),
    _real("score", lambda e: e.match.score),
    _real("chance_alarms_per_million", lambda e: e.match.chance_alarms_per_million),
    _real("ci_low", lambda e: e.match.ci_low),
    _real("ci_high", lambda e: e.match.ci_high),
    (pa.field("explained", pa.bool_(), nullable=False), lambda e: e.match.explained),
    _text("because", lambda e: e.match.because.value if e.match.because else None, nullable=True),
)
"""Of a ``MatchEvidence``."""

Row = Finding | DatasetSummary | ShardSummary | MatchEvidence
"""What a row is made of."""
TABLES: dict[str, tuple[Column, ...]] = {"findings": FINDINGS, "datasets": DATASETS, "shards": SHARDS, "matches": MATCHES}
"""Table → its columns. A file is named ``TABLE.parquet``."""
