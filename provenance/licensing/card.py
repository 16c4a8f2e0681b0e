"""The licence fields of a dataset or model card: the YAML header of a README, as the Hugging Face Hub reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provenance.documents import parse_document
from provenance.errors import DocumentError
from provenance.licensing.classes import LicenseCatalog
from provenance.model.absence import Absence

MAX_HEADER = 1 << 20
"""Code points of a header that is read; a longer one is UNREADABLE."""
MAX_YAML = 1 << 17
"""Code points of a header that is parsed; of a longer one only the lines that name a licence are read."""
MAX_VALUES = 64
_HEADER = re.compile(r"\ufeff?---[ \t]*\r?\n")
_END = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
_LINE = re.compile(r"^(?P<key>licen[cs]es?)[ \t]*:[ \t]*(?P<value>[^\n]*)$(?P<items>(?:\n[ \t]*-[ \t]+[^\n]*)*)", re.MULTILINE)
_KEYS = ("license", "licenses", "licence")
_NAMED_ELSEWHERE = frozenset({"LicenseRef-hf-other"})
"""What says only that ``license_name`` and ``license_link`` say more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardField:
    """One licence that a card's header states."""

    start: int
    """First code point of the field; of the header where the field's own place is not known."""
    end: int
    expression: str
    """Its licence, or ``UNREADABLE`` where there is a header and it could not be read."""
    original: str
    note: str = ""


def read_card(text: str, catalog: LicenseCatalog) -> tuple[CardField, ...]:
    """Return the licences that a card's header states, all of which apply; empty where there is no header, or none in it."""
    opened = _HEADER.match(text)
    if opened is None:
        return ()
    closed = _END.search(text, opened.end(), opened.end() + MAX_HEADER)
    if closed is None:
        longer = len(text) > opened.end() + MAX_HEADER
        unreadable = CardField(start=0, end=opened.end(), expression=Absence.UNREADABLE.value, original="", note="the card's header has no end")
        return (unreadable,) if longer or _LINE.search(text, opened.end()) else ()
    header = text[opened.end() : closed.start()]
    if len(header) > MAX_YAML:
        return tuple(_read_lines(header, opened.end(), catalog, f"a header of {len(header)} characters"))
    try:
        document = parse_document(header.encode("utf-8", "replace"), where="header")
    except DocumentError as err:
        return tuple(_read_lines(header, opened.end(), catalog, str(err)))
    if not isinstance(document, Mapping):
        return ()
    return tuple(_read_fields(document, header, opened.end(), catalog))


def _read_fields(document: Mapping[object, object], header: str, offset: int, catalog: LicenseCatalog) -> Iterator[CardField]:
    name = str(document.get("license_name") or "")
    for key in _KEYS:
        if key not in document:
            continue
        place = re.search(rf"^{key}[ \t]*:[^\n]*(?:\n[ \t]*-[^\n]*|\n[ \t]+[^\n]*)*", header, re.MULTILINE)
        start, end = (offset + place.start(), offset + place.end()) if place else (offset, offset + len(header))
        for value in _values(document[key]):
            expression = catalog.normalize(value)[0]
            note, original = "", value
            if expression in _NAMED_ELSEWHERE and name:
                named = catalog.normalize(name)[0]
                expression = named if named != Absence.UNKNOWN else expression
                original, note = f"{value} ({name})", "named by license_name"
            yield CardField(start=start, end=end, expression=expression, original=original, note=note)


def _values(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list):
        return [text for item in value[:MAX_VALUES] for text in _values(item)][:MAX_VALUES]
    if isinstance(value, Mapping):  # one licence a configuration, as some cards of 2022 have it
        return [text for item in list(value.values())[:MAX_VALUES] for text in _values(item)][:MAX_VALUES]
    return [str(value)]


def _read_lines(header: str, offset: int, catalog: LicenseCatalog, fault: str) -> Iterator[CardField]:
    """Read ``license:`` lines of a header that is no strict YAML: what it says is better than nothing, and labelled."""
    found = False
    for line in _LINE.finditer(header):
        values = [line["value"], *re.findall(r"-[ \t]+([^\n]*)", line["items"] or "")]
        for value in (v.strip().strip("'\"[]") for v in values[:MAX_VALUES]):
            if value:
                found = True
                note = f"read as plain lines: {fault}"
                yield CardField(
                    start=offset + line.start(), end=offset + line.end(), expression=catalog.normalize(value)[0], original=value, note=note
                )
    if not found:
        yield CardField(start=0, end=offset, expression=Absence.UNREADABLE.value, original="", note=fault)
