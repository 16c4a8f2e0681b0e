"""The licences that records name themselves: which, of how many records, of how many words."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from provenance.fingerprint.tokens import iter_tokens
from provenance.licensing.classes import normalize
from provenance.model.absence import Absence, is_absent
from provenance.model.dataset import LicensePart

if TYPE_CHECKING:
    from provenance.ports import TextBatch

MAX_WORDINGS = 1000
"""Different wordings kept apart in one shard; the records of further ones are counted together, as UNKNOWN."""
MAX_CHARACTERS = 1000
"""Characters of a wording that are looked at and kept: what is longer is no name of a licence."""
_UNSTATED, _REST = 0, 1
_FIRST = 2
_REST_WORDING = "further wordings"


class RecordLicenses:
    """Counts one shard's records and words by licence: first the licence of every record is read, then the words of its texts are added."""

    def __init__(self, rows: Iterable[TextBatch]) -> None:
        """Take the licence of every record.

        Args:
            rows: The shard's stream of nothing but the field that names it. A record without a row states none.
        """
        self._named: dict[tuple[str, ...], int] = {}
        self._codes = array("i")
        for record, wordings in _by_record(rows):
            self._codes.extend([_UNSTATED] * (record - len(self._codes)))
            self._codes.append(self._code(wordings))
        self._words = [0] * (_FIRST + len(self._named))

    def add_words(self, batch: TextBatch) -> int:
        """Add the words of a batch to the licences of its records, and return how many there are."""
        import numpy as np

        codes = np.frombuffer(self._codes, dtype=np.int32) if self._codes else np.zeros(0, np.int32)
        total = 0
        for first, last, tokens in iter_tokens(batch.data, batch.offsets):
            counts, records = np.diff(tokens.offsets), batch.record[first:last]
            known = records < len(codes)
            code = np.full(len(records), _UNSTATED)
            code[known] = codes[records[known]]
            for index, count in enumerate(np.bincount(code, weights=counts, minlength=len(self._words)).tolist()):
                self._words[index] += int(count)
            total += len(tokens.hashes)
        return total

    def parts(self, records: int) -> tuple[LicensePart, ...]:
        """Return the licences of a shard of so many records, most records first."""
        counts = [0] * len(self._words)
        for code in self._codes:
            counts[code] += 1
        counts[_UNSTATED] += records - len(self._codes)
        parts = [LicensePart(value=Absence.NOT_STATED.value, original="", records=counts[_UNSTATED], words=self._words[_UNSTATED])]
        parts.append(LicensePart(value=Absence.UNKNOWN.value, original=_REST_WORDING, records=counts[_REST], words=self._words[_REST]))
        for wordings, code in self._named.items():
            parts.append(LicensePart(value=_expression(wordings), original=", ".join(wordings), records=counts[code], words=self._words[code]))
        return tuple(sorted((p for p in parts if p.records), key=lambda p: (-p.records, p.value, p.original)))

    def _code(self, wordings: tuple[str, ...]) -> int:
        if not wordings:
            return _UNSTATED
        if wordings not in self._named and len(self._named) >= MAX_WORDINGS:
            return _REST
        return self._named.setdefault(wordings, _FIRST + len(self._named))


def _by_record(rows: Iterable[TextBatch]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (record, the different wordings that it names, sorted) in the order of records; rows of one record stand together."""
    stated = (
        (int(batch.record[row]), batch.text(row)[:MAX_CHARACTERS].replace("\x00", "\ufffd").strip())
        for batch in rows
        for row in range(len(batch))
        if not batch.field_names[batch.field_code[row]].endswith("[*]")  # one list's strings, read together once more
    )
    for record, group in groupby(stated, key=lambda item: item[0]):
        yield record, tuple(sorted({text for _, text in group if text}))


def _expression(wordings: tuple[str, ...]) -> str:
    """Return what a record's wordings say together: all of its licences apply; one that cannot be read makes the whole UNKNOWN."""
    values = sorted({normalize(text)[0] for text in wordings})
    absent = [v for v in values if is_absent(v)]
    if absent:
        return Absence.UNKNOWN.value if len(values) > 1 else absent[0]
    return " AND ".join(v if len(values) == 1 or " OR " not in v else f"({v})" for v in values)
