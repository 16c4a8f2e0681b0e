"""Strict reading of the YAML documents that people write: run files, bundles, catalogues, manifests, waivers.

Plain scalars are read by rules without surprises: only ``true``/``false``, decimal numbers, ``null`` and text; dates stay text. Duplicate keys,
aliases and anchors (and so alias bombs), tags, several documents in one file and files beyond a size or depth limit are refused, with line and column.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from provenance.errors import DocumentError
from provenance.storage.secrets import find_secret
from provenance.storage.urls import CREDENTIALS_HINT

MAX_BYTES = 32 << 20
"""Largest document read, bytes."""
MAX_DEPTH = 40
"""Deepest nesting read."""
MAX_DIGITS = 20
"""Longest whole number read, sign included: no fact needs more, and Python refuses to parse thousands of digits."""


def load_document(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[object, bytes]:
    """Return the value that a YAML file holds, and the file's bytes.

    Raises:
        DocumentError: If the file is missing, unreadable, too large, or not strict YAML.
    """
    raw = read_document(path, max_bytes=max_bytes)
    return parse_document(raw, where=str(path)), raw


def read_document(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a document's bytes.

    Raises:
        DocumentError: If the file is missing, unreadable or too large.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentError(f"{path}: {size} bytes, more than the limit of {max_bytes}")
        return path.read_bytes()
    except OSError as err:
        raise DocumentError(f"{path}: cannot be read: {err.strerror or err}") from err


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    """A document's value, with what tells where in the file each part of it stands."""

    value: object
    node: yaml.Node | None
    """``None`` of an empty document."""
    text: str


def parse_document(raw: bytes, *, where: str) -> object:
    """Return the value that YAML text holds; an empty document is ``None``.

    Raises:
        DocumentError: With line and column.
    """
    return parse_placed(raw, where=where).value


def parse_placed(raw: bytes, *, where: str) -> PlacedDocument:
    """Return the value that YAML text holds, with the places of its parts.

    Raises:
        DocumentError: With line and column.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DocumentError(f"{where}: not UTF-8 at byte {err.start}") from err
    try:
        loader = _Loader(text)
    except yaml.YAMLError as err:  # a control character, which YAML does not allow anywhere
        raise DocumentError(f"{where}: {str(err).splitlines()[0]}") from err
    loader.where = where
    try:
        node = loader.get_single_node()
        value = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as err:
        raise DocumentError(_describe(err, where)) from err
    finally:
        loader.dispose()
    _refuse_secrets(value, text, where)
    return PlacedDocument(value, node, text)


def mark_places(raw: bytes) -> dict[tuple[str | int, ...], tuple[int, int]]:
    """Return where the values of a YAML document that ``parse_document`` has read stand.

    Returns:
        Path of keys and positions → (line, column), from 1. A value with a key stands where its key does.
    """
    loader = _Loader(raw.decode("utf-8-sig"))
    try:
        root = loader.get_single_node()
    finally:
        loader.dispose()
    found: dict[tuple[str | int, ...], tuple[int, int]] = {}
    pending: list[tuple[tuple[str | int, ...], yaml.Node, yaml.Mark]] = [] if root is None else [((), root, root.start_mark)]
    while pending:
        path, node, mark = pending.pop()
        found[path] = (mark.line + 1, mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            pending += [((*path, key.value), value, key.start_mark) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            pending += [((*path, number), value, value.start_mark) for number, value in enumerate(node.value)]
    return found


def _refuse_secrets(value: object, text: str, where: str) -> None:
    """Refuse a document with credentials in an address, whatever it is for: what is written here ends up in registries, records and reports."""
    found = next((f for item in _texts(value) if (f := find_secret(item)) is not None), None)
    if found is None:
        return
    line = next((n for n, part in enumerate(text.splitlines(), start=1) if find_secret(part) is not None), 1)
    raise DocumentError(f"{where}:{line}: an address holds {found}", hint=CREDENTIALS_HINT)


def _texts(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint such as ``did you mean 'license'?``, or the known words where none is near; empty where none are known."""
    words = sorted(set(known))
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(words)}" if words else ""


def _describe(err: yaml.YAMLError, where: str) -> str:
    mark = getattr(err, "problem_mark", None)
    place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark is not None else where
    return f"{place}: {getattr(err, 'problem', None) or str(err).splitlines()[0]}"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with fewer readings of plain scalars, and nothing that repeats or nests without bound."""

    where = ""
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it untyped
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.constructor.ConstructorError(None, None, "anchors and aliases are not allowed", event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key_node.start_mark)
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key_node.value!r} is given twice", key_node.start_mark)
            seen.add(key_node.value)
            key_node.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep=deep)


def _number(_loader: _Loader, node: yaml.ScalarNode) -> float | int:
    text = node.value.replace("_", "")
    if re.fullmatch(r"[-+]?[0-9]+", text):
        if len(text) > MAX_DIGITS:
            raise yaml.constructor.ConstructorError(None, None, f"a number of more than {MAX_DIGITS} digits", node.start_mark)
        return int(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise yaml.constructor.ConstructorError(None, None, "a number beyond the range of doubles", node.start_mark)
    return value


_Loader.yaml_implicit_resolvers = {}  # none of PyYAML's own readings of plain scalars
for _first in "-+0123456789.":
    _Loader.yaml_implicit_resolvers.setdefault(_first, []).append(
        ("tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:0|[1-9][0-9_]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$|^[-+]?\.[0-9]+$"))
    )
for _word, _tag in (("true", "bool"), ("false", "bool"), ("null", "null"), ("~", "null")):
    _Loader.yaml_implicit_resolvers.setdefault(_word[0], []).append((f"tag:yaml.org,2002:{_tag}", re.compile(f"^{_word}$")))
_Loader.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile(r"^$")))
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
