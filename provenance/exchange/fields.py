"""Reading a parsed document strictly: every fault is collected with its path, and the line where the document has it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import yaml

from provenance.documents import nearest
from provenance.errors import ManifestError
from provenance.model.absence import ABSENCES, Absence
from provenance.model.dataset import DateRange

MAX_FAULTS = 20
"""Faults listed in one error; the rest are counted."""
MAX_TEXT = 10_000
"""Longest text fact taken, characters."""
Place = tuple[str | int, ...]
E = TypeVar("E", bound=StrEnum)


def path_text(place: Place) -> str:
    """Return a place as people write it.

    >>> path_text(("datasets", 0, "license"))
    'datasets[0].license'
    """
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).removeprefix(".") or "the document"


@dataclass(slots=True)
class Faults:
    """Collects what is wrong with a document."""

    where: str
    text: str
    found: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        """Note a fault."""
        self.found.append((place, message))

    def raise_if_any(self) -> None:
        """Raise all faults as one error.

        Raises:
            ManifestError: If there is a fault.
        """
        if not self.found:
            return
        # Parsed a second time, for lines, only where there is something to say. The text is known to be strict YAML: no aliases, bounded depth.
        root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        lines = [f"{self.where}:{_line(root, place)}: {path_text(place)}: {message}" for place, message in self.found[:MAX_FAULTS]]
        rest = len(self.found) - len(lines)
        raise ManifestError("\n".join(lines + ([f"and {rest} more"] if rest else [])), context={"path": self.where, "faults": str(len(self.found))})


class Fields:
    """The fields of one mapping of a document. A reader method notes a fault and returns a value that means "unknown"."""

    def __init__(self, raw: object, place: Place, faults: Faults, *, known: Iterable[str]) -> None:
        """Take a mapping; anything else, and every unknown key, is a fault."""
        self._place, self._faults = place, faults
        known = tuple(known)
        if not isinstance(raw, Mapping):
            faults.add(place, f"expected a mapping with {', '.join(known)}; got {_kind(raw)}")
        self._raw: Mapping[str, object] = raw if isinstance(raw, Mapping) else {}
        for key in self._raw:
            if key not in known:
                faults.add((*place, key), f"unknown field {key!r}; {nearest(key, known)}")

    def __contains__(self, key: str) -> bool:
        """Tell whether a field is given."""
        return key in self._raw

    @property
    def given(self) -> Mapping[str, object]:
        """Return all fields as parsed, unknown ones included."""
        return self._raw

    def raw(self, key: str) -> object:
        """Return a field as parsed, ``None`` where it is not given."""
        return self._raw.get(key)

    def at(self, key: str) -> Place:
        """Return a field's place."""
        return (*self._place, key)

    def fault(self, key: str, message: str) -> None:
        """Note a fault of a field."""
        self._faults.add(self.at(key) if key else self._place, message)

    def text(self, key: str, default: str = Absence.UNKNOWN.value) -> str:
        """Return a text field."""
        return default if key not in self._raw else self._text(self._raw[key], self.at(key), default)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one."""
        raw = self._raw.get(key, [])
        if isinstance(raw, str):
            raw = [raw]
        if not isinstance(raw, list):
            self.fault(key, f"expected a list of texts, got {_kind(raw)}")
            return ()
        return tuple(self._text(item, (*self.at(key), i), "") for i, item in enumerate(raw))

    def mapping(self, key: str, known: Iterable[str]) -> Fields:
        """Return a nested mapping; empty where it is not given."""
        return Fields(self._raw.get(key, {}), self.at(key), self._faults, known=known)

    def mappings(self, key: str, known: Iterable[str]) -> tuple[Fields, ...]:
        """Return a list of nested mappings."""
        raw = self._raw.get(key, [])
        if not isinstance(raw, list):
            self.fault(key, f"expected a list, got {_kind(raw)}")
            return ()
        known = tuple(known)
        return tuple(Fields(item, (*self.at(key), i), self._faults, known=known) for i, item in enumerate(raw))

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """Return a member of an enumeration."""
        words = [str(m.value) for m in kind]
        found = self.text(key, default.value)
        if found not in words:
            self.fault(key, f"{found!r} is not one of {', '.join(words)}; {nearest(found, words)}")
            return default
        return kind(found)

    def days(self, start_key: str, end_key: str) -> DateRange:
        """Return an inclusive range of days, ends that are not given being UNKNOWN."""
        start, end = self.day(start_key), self.day(end_key)
        if start not in ABSENCES and end not in ABSENCES and end < start:
            self.fault(end_key, f"{end} is before {start}")
        return DateRange(start=start, end=end)

    def day(self, key: str) -> str:
        """Return a day, ``YYYY-MM-DD``, or a named absence."""
        found = self.text(key)
        if found in ABSENCES:
            return found
        try:
            valid = re.fullmatch(r"\d{4}-\d{2}-\d{2}", found, re.ASCII) is not None and dt.date.fromisoformat(found) is not None
        except ValueError:
            valid = False
        if not valid:
            self.fault(key, f"{found[:40]!r} is not a day: expected YYYY-MM-DD or {', '.join(sorted(ABSENCES))}")
            return Absence.UNKNOWN.value
        return found

    def _text(self, raw: object, place: Place, default: str) -> str:
        if not isinstance(raw, str):
            hint = (
                f"; to mean the text, write it in quotes: {str(raw).lower() if isinstance(raw, bool) else raw!r}"
                if isinstance(raw, int | float)
                else ""
            )
            self._faults.add(place, f"expected text, got {_kind(raw)}{hint}")
            return default
        if not raw.strip() or "\x00" in raw or len(raw) > MAX_TEXT:
            self._faults.add(place, f"expected text of 1 to {MAX_TEXT} characters; for an unknown fact leave the field out or write UNKNOWN")
            return default
        return raw


def _kind(raw: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "nothing"}
    return names.get(type(raw), type(raw).__name__)


def _line(node: yaml.Node | None, place: Place) -> int:
    line = 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
