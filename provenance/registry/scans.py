"""The registry's scan results: recorded once, read by id or by the frame in which they were made."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Select, func, select
from sqlalchemy.orm import selectinload

from provenance.model.match import ScanResult
from provenance.registry import mapping
from provenance.registry.digests import scan_digest
from provenance.registry.tables import ScanFrameRow, ScanRow
from provenance.registry.unit import IDS_PER_QUERY, RegistryUnit

_PAGE = 1000  # scans read at a time
_SCAN_PARTS = (
    selectinload(ScanRow.indexes),
    selectinload(ScanRow.left_out),
    selectinload(ScanRow.suspicion),
    selectinload(ScanRow.suspects),
    selectinload(ScanRow.problems),
    selectinload(ScanRow.frame),
)


class ScanRecords(RegistryUnit):
    """What a unit of work can do with scan results."""

    def save_scan(self, result: ScanResult, evidence: str) -> None:
        """Record a scan result and the digest of its evidence file; the last one recorded for a scan id counts.

        Raises:
            RegistryError: In a reading unit, or if the result holds what cannot be stored.
        """
        self._must_write()
        digest = scan_digest(result)
        newest = self._session.scalars(_newest_scan(result.id)).first()
        if newest is not None and (newest.result_digest, newest.evidence) == (digest, evidence):
            return
        self._session.add(mapping.scan_row(result, evidence=evidence, result_digest=digest))
        self._session.flush()
        self._changed("scans", id=result.id, shard=result.shard, alarms=result.alarms, evidence=evidence, result_digest=digest)

    def scan_result(self, scan_id: str) -> tuple[ScanResult, str] | None:
        """Return a scan result and the digest of its evidence file, ``None`` where there is none."""
        return self.scan_results((scan_id,)).get(scan_id)

    def scan_results(self, scan_ids: Collection[str]) -> dict[str, tuple[ScanResult, str]]:
        """Return the scan results that are recorded of these ids, each with the digest of its evidence file; the last one recorded of an id counts."""
        wanted = sorted(set(scan_ids))
        found = {}
        for start in range(0, len(wanted), IDS_PER_QUERY):
            chunk = wanted[start : start + IDS_PER_QUERY]
            query = select(ScanRow).where(ScanRow.id.in_(chunk)).order_by(ScanRow.number)
            for row in self._session.scalars(query.options(*_SCAN_PARTS)):
                found[row.id] = (mapping.scan_value(row), row.evidence)
        return found

    def scans_in(self, frames: Collection[str], *, newest: int) -> dict[str, list[tuple[ScanResult, str]]]:
        """Return the scans last recorded in each of some frames, at most ``newest`` of one, the last one first, each with its evidence file's digest."""
        wanted = sorted(set(frames))
        found: dict[str, list[tuple[ScanResult, str]]] = {}
        place = func.row_number().over(partition_by=ScanFrameRow.frame, order_by=ScanFrameRow.scan_number.desc()).label("place")
        for start in range(0, len(wanted), IDS_PER_QUERY):
            placed = select(ScanFrameRow.scan_number, place).where(ScanFrameRow.frame.in_(wanted[start : start + IDS_PER_QUERY])).subquery()
            numbers = select(placed.c.scan_number).where(placed.c.place <= newest)
            query = select(ScanRow).where(ScanRow.number.in_(numbers)).order_by(ScanRow.number.desc())
            for row in self._session.scalars(query.options(*_SCAN_PARTS)):
                result = mapping.scan_value(row)
                found.setdefault(result.frame, []).append((result, row.evidence))
        return found

    def recorded_scans(self) -> Iterator[tuple[ScanResult, str, str]]:
        """Yield every recording of a scan result with the digest of its evidence file and its own stored digest, in the order they were made."""
        after = 0
        while rows := self._session.scalars(
            select(ScanRow).where(ScanRow.number > after).order_by(ScanRow.number).limit(_PAGE).options(*_SCAN_PARTS)
        ).all():
            yield from ((mapping.scan_value(row), row.evidence, row.result_digest) for row in rows)
            after = rows[-1].number


def _newest_scan(scan_id: str) -> Select[ScanRow]:
    return select(ScanRow).where(ScanRow.id == scan_id).order_by(ScanRow.number.desc()).limit(1)
