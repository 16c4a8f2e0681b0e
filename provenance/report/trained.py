"""Which runs really read which data, by their run records: what the audit page says under "Trained on", and its table beside the report."""

from __future__ import annotations

from collections.abc import Sequence

from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.training import DatasetReads, RecordedRun
from provenance.report.charts import Table
from provenance.report.wording import clip, count, number

NO_RECORD = "not known – no run record"
UNSEEN = "not known – runs had it to read, and no read of it was seen"
RUNS = 8
"""Runs named for a dataset."""
_ENDED = {"UNKNOWN": "end not known"}
COLUMNS = (
    "dataset",
    "version",
    "run",
    "model",
    "record",
    "end",
    "first_read",
    "last_read",
    "bytes_read",
    "size_bytes",
    "shards_read",
    "shards",
    "unseen_reads",
)

Use = tuple[RecordedRun, DatasetReads]


def trained_table(record: AuditRecord, runs: Sequence[RecordedRun]) -> Table:
    """Return when each dataset version of a record was first and last used to train, and by which runs. No cell is ever blank."""
    rows = tuple(_row(summary, _uses(summary, runs)) for summary in record.datasets)
    unsigned = sum(not run.is_signed for run in {run.id: run for s in record.datasets for run, _ in _uses(s, runs)}.values())
    note = "By the run records in the registry when this page was made. What hooks did not see is not told here, and is not nothing."
    if unsigned:
        note += f" {count(unsigned, 'record is', 'records are')} UNSIGNED: anybody may have written {'it' if unsigned == 1 else 'them'}."
    return Table(caption="Datasets by their use in training", headers=("Dataset", "First used", "Last used", "Read by"), rows=rows, note=note)


def trained_rows(record: AuditRecord, runs: Sequence[RecordedRun]) -> list[tuple[object, ...]]:
    """Return a row for each dataset version and run, as ``COLUMNS`` names them."""
    return [
        (
            reads.dataset,
            reads.root_digest,
            run.id,
            run.model,
            signed(run),
            run.end,
            reads.first_read or "no read seen",
            reads.last_read or "no read seen",
            reads.bytes_read,
            reads.size_bytes,
            reads.shards_read,
            reads.shards,
            run.unseen.value,
        )
        for summary in record.datasets
        for run, reads in _uses(summary, runs)
    ]


def signed(run: RecordedRun) -> str:
    """Return who signed a run's record, or that nobody did."""
    return f"signed by {run.signed_by}" if run.is_signed else "UNSIGNED"


def _uses(summary: DatasetSummary, runs: Sequence[RecordedRun]) -> list[Use]:
    name, root = summary.dataset.name, summary.root_digest
    found = [(run, reads) for run in runs for reads in run.reads if (reads.dataset, reads.root_digest) == (name, root)]
    return sorted(found, key=lambda use: (not use[1].first_read, use[1].first_read, use[0].id))


def _row(summary: DatasetSummary, uses: Sequence[Use]) -> tuple[str, ...]:
    name = clip(summary.dataset.name, 60)
    seen = [reads for _, reads in uses if reads.first_read]
    if not uses:
        return (name, NO_RECORD, NO_RECORD, NO_RECORD)
    named = "; ".join(_named(run, reads) for run, reads in uses[:RUNS]) + (f"; and {number(len(uses) - RUNS)} more" if len(uses) > RUNS else "")
    if not seen:
        return (name, UNSEEN, UNSEEN, named)
    return (name, seen[0].first_read, max(r.last_read for r in seen), named)


def _named(run: RecordedRun, reads: DatasetReads) -> str:
    read = f"{number(reads.shards_read)} of {count(reads.shards, 'shard')}" if reads.first_read else "no read seen"
    more = "" if run.unseen is TriState.NO else ", perhaps more"
    return f"{clip(run.model, 40)}, run {run.id[:12]}, {_ENDED.get(run.end, run.end)}, {read}{more}, {clip(signed(run), 60)}"
