"""Fields of records that hold text and are not read, since another field was named, or a tokenizer was not."""

from __future__ import annotations

from collections.abc import Mapping

from provenance.ingest.utf8 import whole

MANY_RECORDS = 11
"""So many texts of fewer than ``ALONE_WORDS`` words may give away 250 words of one work, which the policy asks about."""
_MAX_SEEN = 40
_MORE_FIELDS = "…"
"""Under this name fields are counted that come after the first ``_MAX_SEEN``."""


class UnreadFields:
    """Counts, by field, the records that hold text there; fields are paths with ``[*]`` for every index."""

    def __init__(self) -> None:
        """Count from nothing."""
        self._fields: dict[str, tuple[int, bool]] = {}

    def count(self, fields: Mapping[str, bool], records: int = 1) -> None:
        """Count that many more records as holding text in each of the fields; of each, whether one text could raise an alarm alone."""
        counted: dict[str, bool] = {}
        for name in sorted(fields):
            known = whole(name)
            known = known if known in self._fields or len(self._fields) < _MAX_SEEN else _MORE_FIELDS
            self._fields.setdefault(known, (0, False))
            counted[known] = counted.get(known, False) or fields[name]
        for known, alone in counted.items():
            before = self._fields[known]
            self._fields[known] = before[0] + records, before[1] or alone

    @property
    def left_out(self) -> dict[str, int]:
        """Field → records, of those where one text could raise an alarm alone, or so many records hold shorter ones that they could together."""
        return {name: records for name, (records, alone) in self._fields.items() if alone or records >= MANY_RECORDS}
