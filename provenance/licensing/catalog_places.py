"""Where in a catalogue file something stands: file, line and column for faults that the loaders name by file, entry and field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from provenance.documents import load_document, mark_places
from provenance.errors import ProvenanceError, TermsDocumentError
from provenance.licensing.catalog_files import catalog_paths
from provenance.licensing.catalog_json import Places, Steps, load_json, mark_json_places

_LISTS = ("terms", "licenses")
"""Fields that hold entries."""
_WORD = re.compile(r"'([^']+)'|([A-Za-z_][\w-]*)")
_PLACED = re.compile(r":\d+:\d+: ")


def read_places(path: Path) -> tuple[object, Places]:
    """Return a catalogue file's value and where in it everything stands; what was read last is remembered, as long as the file stays as it is.

    Raises:
        DocumentError: If it cannot be read.
    """
    stamp = path.stat()
    return _read_places(path, stamp.st_size, stamp.st_mtime_ns)


@lru_cache(maxsize=4)
def _read_places(path: Path, _size: int, _changed: int) -> tuple[object, Places]:
    if path.suffix == ".json":
        return load_json(path), mark_json_places(path.read_text(encoding="utf-8-sig"))
    value, raw = load_document(path)
    return value, mark_places(raw)


def place_text(path: Path, places: Places, steps: Steps) -> str:
    """Return ``file:line:column`` of a value, or of the nearest one around it that is there."""
    for length in range(len(steps), -1, -1):
        if steps[:length] in places:
            line, column = places[steps[:length]]
            return f"{path}:{line}:{column}"
    return str(path)


@contextmanager
def telling_places(folders: Sequence[Path]) -> Iterator[None]:
    """Add line and column to what a loader says of an entry: loaders know values, and values have lost their places.

    Args:
        folders: The catalogue folders that are loaded inside, in their order.
    """
    try:
        yield
    except TermsDocumentError as err:
        raise _placed(err, folders) from err


def _placed(err: TermsDocumentError, folders: Sequence[Path]) -> TermsDocumentError:
    message = str(err)
    for folder in reversed(folders):  # what overrides is read last
        for path in _paths(folder):
            rest = message.removeprefix(f"{path}: ")
            found = _find(path, rest, named=rest != message)
            if found:
                return TermsDocumentError(f"{found}: {rest}", hint=err.hint)
    return err


def _paths(folder: Path) -> list[Path]:
    try:
        return catalog_paths(folder)
    except TermsDocumentError:
        return []


def _find(path: Path, rest: str, *, named: bool) -> str:
    """Return the place in a file that a message without the file's name is about; empty where it is about another file."""
    if not named and (_PLACED.search(rest) or "/" in rest.partition(": ")[0]):
        return ""
    try:
        value, places = read_places(path)
    except (ProvenanceError, OSError):
        return ""
    for field in _LISTS:
        entries = value.get(field) if isinstance(value, dict) else None
        for number, entry in reversed(list(enumerate(entries if isinstance(entries, list) else ()))):
            name = entry.get("id") if isinstance(entry, dict) else None
            if isinstance(name, str) and re.match(rf"(?:licence )?{re.escape(name)}: ", rest):
                return place_text(path, places, _steps(entry, (field, number), rest.partition(f"{name}: ")[2]))
    return place_text(path, places, _steps(value, (), rest)) if named else ""


def _steps(value: object, steps: Steps, message: str) -> Steps:
    """Go down into a value by the names and the words in quotes that a message mentions, in their order."""
    for match in _WORD.finditer(message):
        quoted, word = match[1], match[1] or match[2]
        if isinstance(value, dict) and word in value:
            steps, value = (*steps, word), value[word]
        elif quoted is not None or "_" in word:
            below = _below(value, word)
            if below is not None:
                return (*steps, *below)
    return steps


def _below(value: object, word: str) -> Steps | None:
    """Return the way to the first key or text of this wording inside a value."""
    pending: list[tuple[Steps, object]] = [((), value)]
    while pending:
        steps, item = pending.pop()
        if steps and (steps[-1] == word or (isinstance(item, str | int) and str(item) == word)):
            return steps
        inner = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        pending += reversed([((*steps, key), part) for key, part in inner])
    return None
