"""Turn records into batches of text rows. The same code serves every format that has records, so that they all give the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.ingest.detokenize import NamedTokens
from provenance.ingest.fields import ID_FIELDS, FieldPlan, find_chosen, find_unread, id_text, plan_fields
from provenance.ingest.flat import FlatRows, Raw, find_flat_rows, scanned_rows
from provenance.ingest.lengths import PASSAGE_WORDS, is_alone, is_passage
from provenance.ingest.pieces import Reported, RowTokens, TokenMap, cut
from provenance.ingest.problems import json_kind, list_names
from provenance.ingest.scanner import Scanned, Shape
from provenance.ingest.token_fields import LABELS, NO_IDS, ids_of, labels_beyond, may_be_ids, unread_token_fields
from provenance.ingest.unread import UnreadFields
from provenance.ingest.utf8 import utf8, whole
from provenance.ingest.walk import HOLDERS, LABEL_KEYS, FoundTexts, extend, holds_string, join_pieces
from provenance.ports import TextBatch

BATCH_BYTES = 1 << 20
"""Text at which a batch is given out; one longer row makes a batch of its own."""
BATCH_ROWS = 1 << 16
_MAX_PLANNED_KEYS = 65_536
"""Keys of all plans that are kept: records with thousands of keys, each time others, must not pile up."""
_MAX_NAMES = 4_096
_MAX_SEEN = 40
_LABEL, _ODD = -1, -2
"""Codes of keys whose values are no rows: labels, and keys that are rows themselves."""
_NESTED = frozenset({list, dict, tuple, bytes})


class RowCollector:
    """Collects the text rows of records until they are taken as a batch."""

    def __init__(self, text_field: str | None = None, *, keys: bool = True, tokens: NamedTokens | None = None, where: str = "") -> None:
        """Make an empty collector.

        Args:
            text_field: The field to read, a key or a dotted path; ``None`` reads every text.
            keys: Keys with room for a passage are text too; not so where they are a schema's names.
            tokens: What reads token ids; ``None`` where no tokenizer is named.
            where: The shard, for messages.
        """
        self._text_field = text_field
        self._keys = keys
        self._named = tokens
        self._where = where
        self._reported = Reported()
        self._plans: dict[tuple[str, ...], FieldPlan] = {}
        self._planned_keys = 0
        self._codes: dict[str, int] = {}
        self._turn_codes: dict[str, list[dict[str, int]]] = {}
        self.fields_seen: dict[str, None] = {}
        """Fields of records that had no text, for the message when no record has any."""
        self.unread = UnreadFields()
        self.tokens_seen = ""
        """A field with token ids that were not read for want of a tokenizer, for the message when no record has text."""
        self.rows_given = 0
        self._ready: list[TextBatch] = []
        self._clear()

    def _clear(self) -> None:
        self._parts: list[Raw] = []
        self._records: list[int] = []
        self._lines: list[int] = []
        self._row_codes: list[int] = []
        self._ids: list[str | None] = []
        self._tokens: dict[tuple[int, str], RowTokens] = {}
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

    def add(self, record: object, *, index: int, line: int, has_tokens: bool = False) -> str | None:
        """Take the text rows of a record.

        Args:
            record: The decoded record.
            index: 0-based record.
            line: 1-based line, 0 where the format has none.
            has_tokens: It has tokens too, which are taken apart from it: it needs no text.

        Returns:
            Why the record could not be read, ``None`` where it could.
        """
        if type(record) is not dict:
            return f"is {json_kind(record)}, expected an object with named fields"
        keys = tuple(record)
        plan = self._plans.get(keys) or self._make_plan(keys)
        before, rows = len(self._parts), self.rows
        doc_id = id_text(record, plan.ids) if plan.ids else None
        try:
            if self._text_field is None:
                self._add_every(record, plan)
            else:
                self._add_chosen(record, self._text_field)
        except RecursionError as err:
            self._drop_after(before)
            return str(err)
        except UnicodeDecodeError as err:
            self._drop_after(before)
            return f"a field of it is not UTF-8: byte 0x{err.object[err.start]:02x} at byte {err.start + 1:,} ({err.reason})"
        added = len(self._parts) - before
        if added:
            self._bytes += len(self._parts[-1]) if added == 1 else sum(map(len, self._parts[before:]))
            self._records += [index] * added
            self._lines += [line] * added
            self._ids += [None if doc_id is None else whole(doc_id)] * added
        names = self._token_fields(plan)
        trouble = self._add_token_fields(record, names, index=index, line=line, doc_id=doc_id) if names else None
        if trouble is not None or has_tokens or self.rows > rows or self._holds_document(record, names):
            return trouble
        return self.no_rows(record)

    def add_tokens(self, ids: NDArray[Any], path: str, *, index: int, line: int = 0, doc_id: str | None = None) -> Iterator[TextBatch]:
        """Take the rows of a document of token ids, and yield a batch whenever it is full. Nothing is taken unless this is iterated.

        Args:
            ids: The document, of any whole-number type.
            path: The field's name.
            index: 0-based record.
            line: 1-based line, 0 where the format has none.
            doc_id: The record's name.

        Raises:
            ShardReadError: If the tokenizer is not the one that made them.
        """
        if self._named is None:
            return
        for piece in cut(ids, self._named.decoder, where=f"{self._where}: record {index:,}"):
            name = whole(extend("", path + piece.suffix))
            self._append_bytes(name, piece.decoded.data)
            self._bytes += len(piece.decoded.data)
            self._records.append(index)
            self._lines.append(line)
            self._ids.append(None if doc_id is None else whole(doc_id))
            self._tokens[index, name] = RowTokens(len(self._parts) - 1, piece)
            if self.full and (batch := self.take()) is not None:
                yield batch

    def _token_fields(self, plan: FieldPlan) -> tuple[str, ...]:
        """Return the fields of records that hold token ids by their names, the one that the user named first; none where a schema tells them apart."""
        if not self._keys:
            return ()
        if self._named is None or self._named.field is None:
            return plan.tokens
        return self._named.field, *(name for name in plan.tokens if name != self._named.field)

    def _holds_document(self, record: Mapping[str, Any], names: Sequence[str]) -> bool:
        """Tell whether a record has a list of tokens that are read; it may be empty."""
        return self._named is not None and any(isinstance(record.get(name), list) for name in names)

    def _add_token_fields(self, record: Mapping[str, Any], names: Sequence[str], *, index: int, line: int, doc_id: str | None) -> str | None:
        """Take the tokens of a record, and count those that are not read; return what is wrong with them."""
        if self._named is None:
            self.tokens_seen = self.tokens_seen or next((name for name in names if may_be_ids(record[name]) and isinstance(record[name], list)), "")
            self.unread.count(unread_token_fields(record, names))
            return None
        chosen = self._named.field
        if chosen is not None:
            self.unread.count(unread_token_fields(record, names[1:]))
            if not isinstance(record.get(chosen), list):
                return f"no tokens in field {chosen!r}; its fields are: {list_names(record)}"
        lists: list[NDArray[np.int64]] = []
        for name in names if chosen is None else (chosen,):
            ids = ids_of(record[name])
            if ids is None and chosen is None and not may_be_ids(record[name]):
                continue
            if ids is None:
                return f"field {name!r} {NO_IDS}"
            lists.append(labels_beyond(ids, lists) if name == LABELS and chosen is None else ids)
            self._ready += self.add_tokens(lists[-1], name, index=index, line=line, doc_id=doc_id)
        return None

    def take_ready(self) -> list[TextBatch]:
        """Return the batches that were full before all of a record was taken, and forget them."""
        ready, self._ready = self._ready, []
        return ready

    def add_alike(self, records: Sequence[Mapping[str, Any]], *, index: int, lines: Sequence[int]) -> list[tuple[int, str]] | None:
        """Take the text rows of records that have one set of keys in one order, all at once where they are flat.

        Args:
            records: The decoded records.
            index: 0-based record of the first.
            lines: 1-based line of each.

        Returns:
            (position, why) of those that could not be read; ``None`` where nothing was taken, since each must be looked at by itself.
        """
        keys = tuple(records[0])
        plan = self._plans.get(keys) or self._make_plan(keys)
        one_by_one = self._text_field is not None or (self._named is not None and self._named.field is not None)
        found = None if one_by_one else find_flat_rows(records, plan, keys=self._keys)
        if found is None:
            return None
        silent = self._add_flat(found, index, lines)
        return [(i, why) for i in silent if (why := self.no_rows(records[i])) is not None]

    def may_scan(self, keys: Sequence[str]) -> bool:
        """Tell whether of objects with some keys, if they are flat, ``add_scanned`` takes what ``add_alike`` would."""
        plan = plan_fields(tuple(keys))
        return self._text_field is None and self._named is None and not plan.tokens and not plan.long_keys

    def add_scanned(self, scanned: Scanned, shape: Shape, *, index: int, line: int) -> list[int]:
        """Take the text rows of objects of one shape; return which of them have none.

        Args:
            scanned: The objects.
            shape: Their keys.
            index: 0-based record of the first.
            line: 1-based line of the first.
        """
        plan = self._plans.get(shape.keys) or self._make_plan(shape.keys)
        return self._add_flat(scanned_rows(scanned, shape, plan), index, range(line, line + len(scanned)))

    def _add_flat(self, found: FlatRows, index: int, lines: Sequence[int]) -> list[int]:
        self._parts += found.parts
        self._bytes += sum(map(len, found.parts))
        codes = {path: self._code(path) for path in dict.fromkeys(found.paths)}
        if len(codes) == 1 and len(found.paths) == len(found.ids):  # one row of each record: the most common case, at a fifth of the time
            self._row_codes += [*codes.values()] * len(found.ids)
            self._records += range(index, index + len(found.ids))
            self._lines += lines
            self._ids += found.ids
            return []
        self._row_codes += [codes[path] for path in found.paths]
        self._records += [index + i for i in found.owners]
        self._lines += [lines[i] for i in found.owners]
        self._ids += [found.ids[i] for i in found.owners]
        return sorted(set(range(len(found.ids))).difference(found.owners))

    def _add_every(self, record: Mapping[str, Any], plan: FieldPlan) -> None:
        for name in plan.text:
            value = record[name]
            if type(value) is str:
                self._append(name, value)
            elif type(value) is not list or not self._add_turns(name, value):
                self._add_found(value, name, every=True)
        self._add_others(record, plan)

    def _add_others(self, record: Mapping[str, Any], plan: FieldPlan) -> None:
        for name in plan.others:
            value = record[name]
            if type(value) is str:
                if len(value) >= PASSAGE_WORDS and is_passage(value):
                    self._append(name, value)
            elif type(value) in _NESTED:
                self._add_found(value, name, every=False)
        if self._keys:
            for n, key in plan.long_keys:
                self._append(f"{{{n}}}", key)

    def _add_found(self, value: object, name: str, *, every: bool) -> None:
        found = FoundTexts(every, keys=self._keys)
        path = extend("", name)
        found.walk(value, path, path)
        found.join()
        for path, text in found.rows:
            self._append(path, text)
        if found.hidden and self._keys:
            self.unread.count(dict.fromkeys(found.hidden, True))

    def _add_turns(self, name: str, turns: list[Any]) -> bool:
        """Take a list of plain chat turns, under the names and in the order of ``FoundTexts`` but faster.

        Returns:
            Whether it is one; if not, nothing was taken.
        """
        before = len(self._parts)
        pieces: dict[str, list[str]] = {}
        if not self._take_turns(name, turns, pieces):
            self._drop_after(before)
            return False
        for key in sorted(pieces):
            text = join_pieces(pieces[key], labels=key in LABEL_KEYS)
            if text is not None:
                self._append(extend(f"{name}[*]", f".{key}"), text)
        return True

    def _take_turns(self, name: str, turns: list[Any], pieces: dict[str, list[str]]) -> bool:
        parts, row_codes = self._parts, self._row_codes
        known = self._turn_codes.setdefault(name, [])
        known.extend({} for _ in range(len(turns) - len(known)))
        for i, turn in enumerate(turns):
            if type(turn) is not dict:
                return False
            codes = known[i]
            for key, value in turn.items():
                code = codes.get(key)
                if code is None:
                    code = codes[key] = self._turn_code(f"{name}[{i}]", key)
                if code >= 0:
                    if type(value) is str:
                        parts.append(utf8(value))
                        row_codes.append(code)
                        if not is_alone(value):
                            pieces.setdefault(key, []).append(value)
                    elif type(value) in HOLDERS:
                        return False
                elif code == _ODD or not _take_label(key, value, pieces):
                    return False
        return True

    def _turn_code(self, path: str, key: str) -> int:
        if is_passage(key):
            return _ODD
        return _LABEL if key in LABEL_KEYS else self._code(extend(path, f".{key}"))

    def _add_chosen(self, record: Mapping[str, Any], text_field: str) -> None:
        for path, text in find_chosen(record, text_field):
            self._append(path, text)
        self.unread.count(find_unread(record, text_field))

    def _append(self, path: str, text: str) -> None:
        self._append_bytes(path, utf8(text))

    def _append_bytes(self, path: str, raw: bytes) -> None:
        self._parts.append(raw)
        self._row_codes.append(self._code(path))

    def _code(self, path: str) -> int:
        code = self._codes.get(path)
        if code is None:
            code = self._codes.setdefault(extend("", path), len(self._codes))
        return code

    def _drop_after(self, before: int) -> None:
        del self._parts[before:], self._row_codes[before:]

    def _make_plan(self, keys: tuple[str, ...]) -> FieldPlan:
        if self._planned_keys + len(keys) > _MAX_PLANNED_KEYS:
            self._plans.clear()
            self._planned_keys = 0
        plan = self._plans[keys] = plan_fields(keys)
        self._planned_keys += len(keys)
        return plan

    def no_rows(self, record: Mapping[str, Any], names: Iterable[str] = ()) -> str | None:
        """Note a record without rows.

        Args:
            record: Its fields that were looked at.
            names: Names of all its fields, if there are more.

        Returns:
            Why it is a problem; ``None`` where it holds text, all of it too short for a passage.
        """
        known = dict.fromkeys(names or record)
        for key in known:
            if len(self.fields_seen) < _MAX_SEEN:
                self.fields_seen[key] = None
        if self._text_field is None and any(holds_string(value) for name, value in record.items() if name not in ID_FIELDS):
            return None
        wanted = "no text field" if self._text_field is None else f"no text in field {self._text_field!r}"
        return f"{wanted}; its fields are: {list_names(known)}"

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
            TokenMap(self._tokens, self._reported) if self._tokens else None,
        )
        self.rows_given += len(parts)
        self._clear()
        return batch


def _take_label(key: str, value: object, pieces: dict[str, list[str]]) -> bool:
    """Take a label, to be read together with the others of its key; tell whether it is no more than that."""
    if not isinstance(value, str):
        return type(value) not in HOLDERS
    pieces.setdefault(key, []).append(value)
    return not is_passage(value)
