"""How many records of a dataset state which licence, where each record has its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from provenance.licensing.classes import LicenseCatalog, shipped_licenses
from provenance.licensing.conclusion import join_all
from provenance.model.absence import Absence
from provenance.model.license_detection import EXCERPT, LicenseShare

MAX_ORIGINALS = 8
"""Spellings kept of one licence."""
_MAX_LISTED = 64
"""Licences of one record that are read; more make it UNKNOWN."""
_BIG = 10**20
_REMEMBERED = 1 << 16
"""Spellings whose reading is remembered; hostile records all differ."""


def license_breakdown(rows: Iterable[tuple[object, int]], *, catalog: LicenseCatalog | None = None) -> tuple[LicenseShare, ...]:
    """Return the records and words that state each licence, most records first.

    Args:
        rows: Of each record the value of its licence field, and its words. A text is a name or an expression, a list names licences that all apply,
            ``None`` states nothing; anything else is UNKNOWN.
        catalog: The names known; the shipped ones where not given.
    """
    counter = _Counter(catalog or shipped_licenses())
    for value, words in rows:
        counter.add(value, words)
    return counter.shares()


class _Counter:
    def __init__(self, catalog: LicenseCatalog) -> None:
        self._catalog = catalog
        self._records: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._originals: dict[str, Counter[str]] = {}
        self._known: dict[str, str] = {}

    def add(self, value: object, words: int) -> None:
        expression = self._read(value)
        self._records[expression] += 1
        self._words[expression] += words
        if value is not None:
            spellings = self._originals.setdefault(expression, Counter())
            written = _written(value)
            if written in spellings or len(spellings) < _REMEMBERED:
                spellings[written] += 1

    def _read(self, value: object) -> str:
        if value is None:
            return Absence.NOT_STATED.value
        if isinstance(value, str):
            return self._name(value)
        if isinstance(value, list | tuple):
            if len(value) > _MAX_LISTED:
                return Absence.UNKNOWN.value
            return join_all(Absence.UNKNOWN.value if isinstance(item, list | tuple) else self._read(item) for item in value)
        if isinstance(value, Mapping) and isinstance(value.get("name") or value.get("id"), str):
            return self._name(str(value.get("name") or value.get("id")))
        return Absence.UNKNOWN.value

    def _name(self, text: str) -> str:
        if len(text) > EXCERPT * 16:
            return Absence.UNKNOWN.value
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = self._catalog.normalize(text)[0]
        return self._known[text]

    def shares(self) -> tuple[LicenseShare, ...]:
        ordered = sorted(self._records, key=lambda e: (-self._records[e], e))
        return tuple(LicenseShare(expression=e, records=self._records[e], words=self._words[e], originals=self._spellings(e)) for e in ordered)

    def _spellings(self, expression: str) -> tuple[str, ...]:
        found = self._originals.get(expression, Counter())
        return tuple(text for text, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MAX_ORIGINALS])


def _written(value: object) -> str:
    """Return a value's own wording, bounded: what is no text is named by its type."""
    if isinstance(value, str):
        return value[:EXCERPT]
    if isinstance(value, list | tuple):
        return "; ".join(item[:EXCERPT] if isinstance(item, str) else type(item).__name__ for item in value[:_MAX_LISTED])[:EXCERPT]
    return str(value) if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < _BIG) else type(value).__name__
