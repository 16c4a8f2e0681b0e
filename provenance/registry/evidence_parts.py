"""Evidence files while they are written: rows are taken as they come, and nothing bears a name before all of it is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Generic

import pyarrow as pa
import pyarrow.parquet as pq

from provenance.model.match import Match, Suspect
from provenance.ports import Touched
from provenance.ports.evidence import ScanFiles
from provenance.registry.aside import Aside
from provenance.registry.columns import ROWS_PER_GROUP, Kind, Pair, Value

if TYPE_CHECKING:
    from provenance.registry.evidence import EvidenceFolder


class Part(Generic[Value]):
    """One Parquet file that is written aside, in row groups of ``ROWS_PER_GROUP``, however many rows come at a time."""

    def __init__(self, folder: EvidenceFolder, kind: Kind[Value]) -> None:
        self._folder, self._kind = folder, kind
        self._waiting: list[Value] = []
        self._stack = ExitStack()
        self._opened: tuple[Aside, Any] | None = None
        self.rows = 0

    def __enter__(self) -> Part[Value]:
        """Do nothing yet: the file is made when the first rows are written."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not published."""
        self._stack.close()

    def add(self, rows: Sequence[Value]) -> None:
        """Take rows."""
        self.rows += len(rows)
        self._waiting += rows
        while len(self._waiting) >= ROWS_PER_GROUP:
            self._write()

    def publish(self, facts: dict[str, str] | None = None) -> str:
        """Write what is left and return the file's digest.

        Args:
            facts: Goes into the file's metadata.
        """
        aside, writer = self._write()
        try:
            if facts:
                writer.add_key_value_metadata(facts)
            writer.close()
            return self._folder.publish(aside, suffix=self._kind.suffix)
        except (OSError, pa.ArrowException) as err:
            raise self._folder.refuse(self._kind.name, err) from err

    def _write(self) -> tuple[Aside, Any]:
        try:
            aside, writer = self._open()
            if self._waiting:
                writer.write_table(self._kind.table(self._waiting[:ROWS_PER_GROUP]))
        except (OSError, pa.ArrowException, UnicodeError, OverflowError) as err:
            raise self._folder.refuse(self._kind.name, err) from err
        del self._waiting[:ROWS_PER_GROUP]
        return aside, writer

    def _open(self) -> tuple[Aside, Any]:
        if self._opened is None:
            aside = self._stack.enter_context(self._folder.writing())
            writer = pq.ParquetWriter(aside.file, self._kind.schema, compression="zstd")
            self._stack.callback(_close, writer)
            self._opened = aside, writer
        return self._opened


class ScanWriter:
    """Implements ``ports.ScanWriter``: three files that are written side by side."""

    def __init__(self, matches: Part[Match], suspects: Part[Suspect], touched: Part[Pair]) -> None:
        self._matches, self._suspects, self._touched = matches, suspects, touched
        self._dropped: list[int] = []

    def add_matches(self, matches: Sequence[Match]) -> None:
        """Take matches, in order."""
        self._matches.add(matches)

    def add_suspects(self, suspects: Sequence[Suspect]) -> None:
        """Take suspects, in order."""
        self._suspects.add(suspects)

    def add_touched(self, touched: Touched) -> None:
        """Take what records touch, in order."""
        self._touched.add(list(zip(touched.records.tolist(), touched.segments.tolist(), strict=True)))
        self._dropped = [a + b for a, b in zip(self._dropped or [0] * len(touched.dropped), touched.dropped, strict=True)]

    def publish(self) -> ScanFiles:
        """Store all of it.

        Raises:
            RegistryError: If it cannot be written.
        """
        suspects = self._suspects.publish() if self._suspects.rows else ""
        touched = self._touched.publish({"dropped": json.dumps(self._dropped)})
        return ScanFiles(matches=self._matches.publish(), suspects=suspects, touched=touched)


def _close(writer: Any) -> None:
    if writer.is_open:
        writer.close()
