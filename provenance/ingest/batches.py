"""Turn records into batches of text rows. The same code serves every format that has records, so that they all give the same rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from provenance.ingest.fields import LABEL_KEYS, FieldPlan, id_text, iter_chosen, iter_texts, plan_fields
from provenance.ports import TextBatch

BATCH_BYTES = 4 << 20
"""Text at which a batch is given out; one longer row makes a batch of its own."""
BATCH_ROWS = 1 << 16
LONG_TEXT = 200
"""Characters from which a field that is not read is worth telling: about the shortest passage that matters."""
_MAX_PLANS = 1_024
_MAX_NAMES = 4_096
_MAX_SEEN = 40
_SURROGATES = re.compile("[\ud800-\udfff]")


class RowCollector:
    """Collects the text rows of records until they are taken as a batch."""

    def __init__(self, text_field: str | None = None) -> None:
        """Make an empty collector.

        Args:
            text_field: The field to read, a key or a dotted path; ``None`` reads all text fields by convention.
        """
        self._text_field = text_field
        self._plans: dict[tuple[str, ...], FieldPlan] = {}
        self._codes: dict[str, int] = {}
        self._turn_codes: dict[str, list[dict[str, int]]] = {}
        self.fields_seen: dict[str, None] = {}
        """Fields of records that had no text, for the message when no record has any."""
        self.left_out: dict[str, None] = {}
        """Fields with long text that were not read, by the first record of each set of keys."""
        self.rows_given = 0
        self._clear()

    def _clear(self) -> None:
        self._parts: list[bytes] = []
        self._records: list[int] = []
        self._lines: list[int] = []
        self._row_codes: list[int] = []
        self._ids: list[str | None] = []
        self._bytes = 0
        if len(self._codes) > _MAX_NAMES:
            self._codes = {}
            self._turn_codes = {}

    @property
    def full(self) -> bool:
        """Whether the rows should be taken now."""
        return self._bytes >= BATCH_BYTES or len(self._parts) >= BATCH_ROWS

    @property
    def rows(self) -> int:
        """Rows given out so far and still here."""
        return self.rows_given + len(self._parts)

    def add(self, record: object, *, index: int, line: int) -> str | None:
        """Take the text rows of a record.

        Args:
            record: The decoded record.
            index: 0-based record.
            line: 1-based line, 0 where the format has none.

        Returns:
            Why the record could not be read, ``None`` where it could.
        """
        if type(record) is not dict:
            return f"is {json_kind(record)}, expected an object with named fields"
        keys = tuple(record)
        plan = self._plans.get(keys) or self._make_plan(keys, record)
        before = len(self._parts)
        doc_id = id_text(record, plan.ids) if plan.ids else None
        try:
            if self._text_field is None:
                self._add_conventional(record, plan.text)
            else:
                for path, text in iter_chosen(record, self._text_field):
                    self._append(path, text)
        except RecursionError as err:
            self._drop_after(before)
            return str(err)
        added = len(self._parts) - before
        if not added:
            return self._no_text(record)
        self._records += [index] * added
        self._lines += [line] * added
        self._ids += [None if doc_id is None else whole(doc_id)] * added
        return None

    def _add_conventional(self, record: Mapping[str, Any], names: tuple[str, ...]) -> None:
        for name in names:
            value = record[name]
            if type(value) is str:
                self._append(name, value)
            elif type(value) is list:
                self._add_turns(name, value)
            elif value is not None:
                for path, text in iter_texts(value, name):
                    self._append(path, text)

    def _add_turns(self, name: str, turns: list[Any]) -> None:
        """Take a list's texts in the order and under the names of ``iter_texts``, quickly where its items are plain chat turns."""
        known = self._turn_codes.setdefault(name, [])
        known.extend({} for _ in range(len(turns) - len(known)))
        parts, row_codes = self._parts, self._row_codes
        for i, turn in enumerate(turns):
            if type(turn) is not dict:
                for path, text in iter_texts(turn, f"{name}[{i}]", 1):
                    self._append(path, text)
                continue
            codes = known[i]
            for key, value in turn.items():
                if key in LABEL_KEYS:
                    continue
                if type(value) is str:
                    code = codes.get(key)
                    if code is None:
                        code = codes[key] = self._code(f"{name}[{i}].{key}")
                    part = utf8(value)
                    parts.append(part)
                    row_codes.append(code)
                    self._bytes += len(part)
                else:
                    for path, text in iter_texts(value, f"{name}[{i}].{key}", 2):
                        self._append(path, text)

    def _append(self, path: str, text: str) -> None:
        part = utf8(text)
        self._parts.append(part)
        self._row_codes.append(self._code(path))
        self._bytes += len(part)

    def _code(self, path: str) -> int:
        code = self._codes.get(path)
        if code is None:
            code = self._codes[path] = len(self._codes)
        return code

    def _drop_after(self, before: int) -> None:
        self._bytes -= sum(map(len, self._parts[before:]))
        del self._parts[before:], self._row_codes[before:]

    def _make_plan(self, keys: tuple[str, ...], record: Mapping[str, Any]) -> FieldPlan:
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[keys] = plan_fields(keys)
        read = plan.text if self._text_field is None else (self._text_field, self._text_field.split(".")[0])
        for key in keys:
            if key not in read and len(self.left_out) < _MAX_SEEN and isinstance(record[key], str) and len(record[key]) >= LONG_TEXT:
                self.left_out[key] = None
        return plan

    def _no_text(self, record: Mapping[str, Any]) -> str:
        for key in record:
            if len(self.fields_seen) < _MAX_SEEN:
                self.fields_seen[key] = None
        wanted = "no text field" if self._text_field is None else f"no text in field {self._text_field!r}"
        return f"{wanted}; its fields are: {list_names(record)}"

    def take(self) -> TextBatch | None:
        """Return the collected rows as a batch, ``None`` where there are none, and start anew."""
        if not self._parts:
            return None
        parts = self._parts
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=offsets[1:])
        joined = parts[0] if len(parts) == 1 else b"".join(parts)  # one huge row is not copied again
        batch = TextBatch(
            np.frombuffer(joined, np.uint8),
            offsets,
            np.array(self._records, np.int64),
            np.array(self._lines, np.int64),
            np.array(self._row_codes, np.int32),
            tuple(map(whole, self._codes)),
            self._ids,
        )
        self.rows_given += len(parts)
        self._clear()
        return batch


def utf8(text: str) -> bytes:
    """Return UTF-8. A lone surrogate, which is no character and has no UTF-8, stands as U+FFFD: one code point for one, so that offsets hold."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text).encode()


def whole(text: str) -> str:
    """Return text that has UTF-8: lone surrogates as U+FFFD, one for one."""
    return text if text.isascii() else utf8(text).decode()


def json_kind(value: object) -> str:
    """Return what a JSON value is, with its article, for messages."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null", int: "a number", float: "a number"}
    return names.get(type(value), "a value")


def list_names(names: Mapping[str, object]) -> str:
    """Return up to twelve field names for a message, or that there are none."""
    shown = [repr(name[:40]) for name in list(names)[:12]]
    more = len(names) - len(shown)
    return (", ".join(shown) + (f" and {more} more" if more > 0 else "")) or "none"
