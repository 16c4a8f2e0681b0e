"""The datasets of an audit as exports see them. A record may name a part of the shards only: then none are listed, and the root stands for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from provenance.errors import ReportError
from provenance.exchange.export_facts import Export, ShardTotals, prepare
from provenance.model.audit import AuditRecord, DatasetSummary, ShardSummary
from provenance.model.dataset import DatasetVersion, Shard, ShardFormat
from provenance.model.wire import read_value, to_wire
from provenance.report.record_checks import MOMENT
from provenance.report.record_json import unicode_only

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMPRESSED = frozenset({".gz", ".zst", ".bz2", ".xz"})
_FORMATS = {
    ".jsonl": ShardFormat.JSONL,
    ".ndjson": ShardFormat.JSONL,
    ".json": ShardFormat.JSONL,
    ".parquet": ShardFormat.PARQUET,
    ".txt": ShardFormat.TEXT,
    ".md": ShardFormat.TEXT,
    ".arrow": ShardFormat.ARROW,
    ".npy": ShardFormat.NUMPY,
}


def unicode_record(record: AuditRecord) -> AuditRecord:
    """Return a record in which lone surrogates are U+FFFD: no JSON document can hold them."""
    return read_value(AuditRecord, unicode_only(to_wire(record)), where="audit record")


def exports_of(record: AuditRecord, *, form: str, with_shards: bool = False) -> list[Export]:
    """Return every dataset of an audit as it was judged.

    Args:
        record: What was established.
        form: The format's name, for errors.
        with_shards: List the shards of each dataset of which the record tells all.

    Raises:
        ReportError: If the record, which may have been edited, tells no time: machine formats need one.
    """
    if not MOMENT.fullmatch(record.created):
        raise ReportError(f"audit record {record.id[:19]}: its time {record.created[:40]!r} is no time, and {form} needs one")
    told: dict[str, list[ShardSummary]] = {}
    for shard in record.shards if with_shards else ():
        told.setdefault(shard.dataset, []).append(shard)
    return [_export(s, record.created, _all_of(s, told.get(s.dataset.name, ()))) for s in record.datasets]


def _all_of(summary: DatasetSummary, told: Sequence[ShardSummary]) -> tuple[Shard, ...]:
    """Return the shards of a dataset if the record tells all of them with path, size and digest; none otherwise."""
    if len(told) != summary.shards or len({s.path for s in told}) != len(told) or not all(_DIGEST.fullmatch(s.sha256) for s in told):
        return ()
    return tuple(Shard(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes, records=s.records, words=s.words, format=_format(s.path)) for s in told)


def _format(path: str) -> ShardFormat:
    """Return how a shard is read, as its name tells; where it tells nothing, one whose media type says no more than bytes."""
    endings = [e.lower() for e in PurePosixPath(path).suffixes if e.lower() not in _COMPRESSED]
    return _FORMATS.get(endings[-1] if endings else "", ShardFormat.MEGATRON)


def _export(summary: DatasetSummary, created: str, shards: tuple[Shard, ...]) -> Export:
    version = DatasetVersion(dataset=summary.dataset, root_digest=summary.root_digest, shards=shards, created=created)
    totals = ShardTotals(
        shards=summary.shards, size_bytes=summary.size_bytes, records=summary.records, words=summary.words, unread_records=summary.unread_records
    )
    return replace(prepare(version, max_inline=len(shards)), totals=totals)


def totals_of(summary: DatasetSummary) -> list[tuple[str, str]]:
    """Return what the audit counted of a dataset, by the names of properties."""
    share = "not known" if summary.weight is None else f"{summary.weight:.6g}"
    return [
        ("provenance:root", summary.root_digest),
        ("provenance:shards", str(summary.shards)),
        ("provenance:records", str(summary.records)),
        ("provenance:words", str(summary.words)),
        ("provenance:shareOfRun", share),
        ("provenance:alarms", str(summary.alarms)),
        ("provenance:openFindings", str(summary.open_findings)),
    ]
