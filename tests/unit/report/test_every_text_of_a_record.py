"""Each text of a record in turn is an attack: no format runs it, links to it, breaks under it or lets it steer a terminal."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from provenance.errors import ReportError, WireFormatError
from provenance.model.audit import AuditRecord
from provenance.model.report_look import ReportLook
from provenance.model.wire import read_value, to_wire
from provenance.report.beside import Beside
from provenance.report.folder import formats_of
from provenance.report.sidecars import render_sidecars
from tests.fakes.records import blocked_record

ATTACKS = (
    "<script>window.pwned=1</script></style><img src=x onerror=alert(1)>\u202egnp\u202c\u200b\x00\x1b[31m\ud800&amp;\"'](javascript:1)|`<!--\r\n# x\n",
    "=cmd|'/c calc'!A1",
    "[a](http://evil.example) <b>x</b> ![i](http://evil.example/p.png)",
)
FORMATS = {name: form for name, form in formats_of(Beside(clearances=()), ReportLook(), None).items() if name != "pdf"}
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
_RUNS = {"html_block", "html_inline", "link_open", "image"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.faults += [tag] if tag in {"img", "iframe", "object", "embed"} else []
        for name, value in attrs:
            target = (value or "").strip().lower()
            if name.startswith("on") or (name in {"href", "src", "xlink:href"} and target.startswith(("javascript:", "data:text", "vbscript:"))):
                self.faults.append(f"{tag} {name}={value!r:.60}")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of the first text of each kind of place."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list | dict):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))


def with_text(wire: dict[str, Any], path: tuple[str | int, ...], text: str) -> AuditRecord:
    changed: Any = copy.deepcopy(wire)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = text
    return read_value(AuditRecord, changed, where="record")


def tokens(found: list[Token]) -> Iterator[Token]:
    for token in found:
        yield token
        yield from tokens(token.children or [])


def faults_of(name: str, text: str) -> Iterator[str]:
    yield from (f"{char!r} stands in it" for char in "\x00\x1b" if char in text)
    if name == "html":
        page = _Page()
        page.feed(text)
        yield from page.faults
        if page.scripts != 1:
            yield f"{page.scripts} scripts"
    elif name == "markdown":
        yield from (token.type for token in tokens(MARKDOWN.parse(text)) if token.type in _RUNS)
    elif name == "junit":
        ET.fromstring(text)
    elif name in {"json", "sarif", "spdx", "cyclonedx"}:
        json.loads(text)


def cell_faults(raw: bytes) -> Iterator[str]:
    for row in csv.reader(io.StringIO(raw.decode(), newline="")):
        for cell in row:
            if cell.startswith(("=", "+", "@", "\t", "\r")) or (cell.startswith("-") and not re.fullmatch(r"-?[\d.]+", cell)):
                yield f"a cell begins {cell[:20]!r}"


@pytest.mark.full
@pytest.mark.parametrize("attack", ATTACKS, ids=["markup and controls", "formula", "markdown"])
def test_no_text_of_a_record_is_more_than_text_in_any_format(attack: str) -> None:
    wire = to_wire(blocked_record())
    assert isinstance(wire, dict)
    places = {tuple("*" if isinstance(key, int) else key for key in path): path for path in leaves(wire)}
    assert len(places) > 200
    faults: list[str] = []
    for pattern, path in places.items():
        try:
            record = with_text(wire, path, attack)
        except WireFormatError:  # a choice or a digest: no such record is read
            continue
        for name, form in FORMATS.items():
            try:
                text = form.render(record).decode()
            except ReportError:  # a format that needs a time, or an id, says so
                continue
            faults += [f"{name}, {'.'.join(pattern)}: {fault}" for fault in faults_of(name, text)]
        faults += [f"{file}, {'.'.join(pattern)}: {fault}" for file, raw in render_sidecars(record, ()).items() for fault in cell_faults(raw)]
    assert faults == []
