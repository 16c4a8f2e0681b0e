"""Terms entries as their authors wrote them, with the file they stand in: what ``terms show``, ``diff`` and ``check`` tell that resolution does not need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.licensing.catalog_files import iter_catalog_documents
from provenance.licensing.catalog_json import Steps
from provenance.licensing.catalog_places import place_text, read_places
from provenance.licensing.terms import TERMS_FORMAT, TERMS_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenEntry:
    """An entry of a file, its fields side by side."""

    id: str
    file: Path
    number: int
    """Position among the entries of its file, from 0."""
    is_shipped: bool
    values: tuple[tuple[str, str], ...]
    """Dotted name → text, in the order written: ``version.effective_from``, ``clauses.limits.value``, ``source.0.where``. Lists of words are joined by commas."""

    def get(self, name: str) -> str:
        """Return a field's text, empty where it is not there."""
        return next((text for known, text in self.values if known == name), "")

    def under(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the fields inside another one, by the rest of their names."""
        return tuple((known.removeprefix(f"{name}."), text) for known, text in self.values if known.startswith(f"{name}."))

    @property
    def clauses(self) -> tuple[str, ...]:
        """Return the names of its clauses, in the order written."""
        return tuple(dict.fromkeys(name.partition(".")[0] for name, _ in self.under("clauses")))


def read_entries(folders: Sequence[Path], *, shipped: Path) -> tuple[WrittenEntry, ...]:
    """Return all entries of some catalogue folders or files in the order they are read, those that a later one overrides included.

    Args:
        folders: Where to read.
        shipped: The folder of those that ship.

    Raises:
        TermsDocumentError: If a document cannot be read, or is none of terms.
    """
    return tuple(_iter(folders, shipped))


def _iter(folders: Sequence[Path], shipped: Path) -> Iterator[WrittenEntry]:
    for path, document in iter_catalog_documents(folders, format_name=TERMS_FORMAT, version=TERMS_VERSION, fields=("terms",)):
        entries = document.get("terms")
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
                yield WrittenEntry(id=str(entry["id"]), file=path, number=number, is_shipped=path.parent == shipped, values=tuple(_flat(entry, "")))


def in_force(entries: Sequence[WrittenEntry]) -> dict[str, WrittenEntry]:
    """Return by id the entries that hold: of two with one id the one that is read later."""
    return {entry.id: entry for entry in entries}


def overridden(entries: Sequence[WrittenEntry]) -> tuple[tuple[WrittenEntry, WrittenEntry], ...]:
    """Return the pairs (what was there, what took its place), in the order they are read."""
    known: dict[str, WrittenEntry] = {}
    pairs = []
    for entry in entries:
        if entry.id in known:
            pairs.append((known[entry.id], entry))
        known[entry.id] = entry
    return tuple(pairs)


def where(entry: WrittenEntry, field: str = "") -> str:
    """Return ``file:line:column`` of an entry, or of a field of it."""
    steps: Steps = ("terms", entry.number, *(int(s) if s.isdigit() else s for s in field.split(".") if s))
    return place_text(entry.file, read_places(entry.file)[1], steps)


def _flat(value: Mapping[str, Any], lead: str) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{lead}{name}.")
        elif isinstance(item, list) and any(isinstance(part, Mapping) for part in item):
            yield from _flat({str(n): part for n, part in enumerate(item)}, f"{lead}{name}.")
        elif isinstance(item, list):
            yield f"{lead}{name}", ", ".join(_text(part) for part in item)
        else:
            yield f"{lead}{name}", _text(item)


def _text(value: object) -> str:
    return {True: "true", False: "false"}.get(value, "") if isinstance(value, bool) else "" if value is None else str(value)
