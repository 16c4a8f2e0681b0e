"""The datasets of an audit as exports see them. A record names at most a part of the shards, so that none are listed: the manifest's root stands for all of them."""

from __future__ import annotations

import re
from dataclasses import replace

from provenance.errors import ReportError
from provenance.exchange.export_facts import Export, ShardTotals, prepare
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import DatasetVersion
from provenance.model.wire import read_value, to_wire
from provenance.report.record_json import unicode_only

_MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")


def unicode_record(record: AuditRecord) -> AuditRecord:
    """Return a record in which lone surrogates are U+FFFD: no JSON document can hold them."""
    return read_value(AuditRecord, unicode_only(to_wire(record)), where="audit record")


def exports_of(record: AuditRecord, *, form: str) -> list[Export]:
    """Return every dataset of an audit as it was judged.

    Raises:
        ReportError: If the record, which may have been edited, tells no time: machine formats need one.
    """
    if not _MOMENT.fullmatch(record.created):
        raise ReportError(f"audit record {record.id[:19]}: its time {record.created[:40]!r} is no time, and {form} needs one")
    return [_export(summary, record.created) for summary in record.datasets]


def _export(summary: DatasetSummary, created: str) -> Export:
    made = prepare(DatasetVersion(dataset=summary.dataset, root_digest=summary.root_digest, shards=(), created=created))
    totals = ShardTotals(
        shards=summary.shards, size_bytes=summary.size_bytes, records=summary.records, words=summary.words, unread_records=summary.unread_records
    )
    return replace(made, totals=totals)


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
