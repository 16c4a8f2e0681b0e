"""The registry's runs: taken over from run records, never changed or removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from provenance.errors import ConflictError, RegistryError
from provenance.model.absence import TriState
from provenance.model.training import DatasetReads, RecordedRun
from provenance.model.wire import to_wire
from provenance.registry.row_digest import row_digest
from provenance.registry.tables import TrainingReadRow, TrainingRunRow
from provenance.registry.unit import RegistryUnit

_PAGE = 1_000  # rows read at a time
_RENAMED = {"end": "ended_as"}


class RunRegistry(RegistryUnit):
    """Keeps what run records say."""

    def add_run(self, recorded: RecordedRun) -> bool:
        """Take over a run; do nothing if it is known by the same record, and no less signed. Tell whether it is new.

        Raises:
            ConflictError: If another record of the same run is known.
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = run_digest(recorded)
        known = self._session.scalars(select(TrainingRunRow).where(TrainingRunRow.id == recorded.id)).all()
        if any(row.content_digest != recorded.content_digest for row in known):
            raise ConflictError(
                f"another record of run {recorded.id} is known, and it says something else",
                hint=f"two records of one run cannot both be right: provenance runs show {recorded.id[:12]}",
            )
        if known and (not recorded.is_signed or any(row.keyid for row in known)):
            return False
        row = TrainingRunRow(**_columns(recorded))
        row.reads = [TrainingReadRow(position=i, **to_wire(reads)) for i, reads in enumerate(recorded.reads)]
        self._session.add(row)
        self._session.flush()
        self._session.expire(row)
        self._changed("training_runs", id=recorded.id, model=recorded.model, signed_by=recorded.signed_by, digest=digest)
        return True

    def training_runs(self, dataset: str | None = None) -> Sequence[RecordedRun]:
        """Return all runs in the order they were taken over, each once, or those that had a dataset to read."""
        found = {run.id: run for run in self.recorded_runs()}
        return [run for run in found.values() if dataset is None or any(r.dataset == dataset for r in run.reads)]

    def recorded_runs(self) -> Iterator[RecordedRun]:
        """Yield every row of runs, in the order they were recorded."""
        after = 0
        query = select(TrainingRunRow).order_by(TrainingRunRow.number).limit(_PAGE).options(selectinload(TrainingRunRow.reads))
        while rows := self._session.scalars(query.where(TrainingRunRow.number > after)).all():
            yield from map(_value, rows)
            after = rows[-1].number


def run_digest(recorded: RecordedRun) -> str:
    """Return the digest of a run, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    columns = {name: str(value) for name, value in _columns(recorded).items()}
    for number, reads in enumerate(recorded.reads):
        columns |= {f"reads.{number}.{name}": str(value) for name, value in to_wire(reads).items()}
    return row_digest(columns, f"run {recorded.id[:80]!r}")


def _columns(recorded: RecordedRun) -> dict[str, Any]:
    return {_RENAMED.get(name, name): value for name, value in to_wire(recorded).items() if name != "reads"}


def _value(row: TrainingRunRow) -> RecordedRun:
    try:
        unseen = TriState(row.unseen)
    except ValueError as err:
        raise RegistryError(f"run {row.id}: the registry holds a fact that cannot be read: {err}", hint="run: provenance log verify") from err
    return RecordedRun(
        id=row.id,
        model=row.model,
        clearance=row.clearance,
        audit=row.audit,
        audit_id=row.audit_id,
        verdict=row.verdict,
        run_digest=row.run_digest,
        manifest_root=row.manifest_root,
        framework=row.framework,
        began=row.began,
        ended=row.ended,
        end=row.ended_as,
        steps=row.steps,
        size_bytes=row.size_bytes,
        covered_bytes=row.covered_bytes,
        unseen=unseen,
        signed_by=row.signed_by,
        keyid=row.keyid,
        content_digest=row.content_digest,
        file_digest=row.file_digest,
        at=row.at,
        actor=row.actor,
        reads=tuple(_reads(r) for r in row.reads),
    )


def _reads(row: TrainingReadRow) -> DatasetReads:
    return DatasetReads(
        dataset=row.dataset,
        root_digest=row.root_digest,
        shards=row.shards,
        shards_read=row.shards_read,
        size_bytes=row.size_bytes,
        bytes_read=row.bytes_read,
        first_read=row.first_read,
        last_read=row.last_read,
    )
