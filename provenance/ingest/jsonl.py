"""JSON Lines, and files that hold one JSON array of records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import orjson

from provenance.collector import collector_paused
from provenance.errors import ShardReadError
from provenance.ingest.files import ByteSource, split_name
from provenance.ingest.interface import Stream
from provenance.ingest.lines import MAX_LINE_BYTES, LineBlock, iter_line_blocks
from provenance.ingest.problems import ProblemLog
from provenance.ingest.rawbytes import is_utf8
from provenance.ingest.repeated import count_key_ends, find_repeated_key
from provenance.ingest.scanner import Scanned, Shape, scan_objects, shape_of
from provenance.model.dataset import ShardFormat
from provenance.ports import TextBatch
from provenance.storage.stores import PLAIN_STORES, Stores

MAX_ARRAY_BYTES = 1 << 30
"""A JSON array is decoded as a whole; a longer one must be written as JSON Lines."""
_MAX_SECOND_LOOK_BYTES = 64 << 20
_ARRAY_PART = 512
"""Elements of an array that are taken at a time."""
_FEW = 8
"""Fewer records are taken one by one."""
_LEAST_LINES, _MOST_LINES = 16, 4096
_CHECKED = -1
Decoded = tuple[int, object, bytes, int]
"""1-based line (0 for the elements of an array), its value, its text, and its count by ``count_key_ends`` (``_CHECKED``: no key comes twice)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands where a value would be: the line is no JSON value, and why."""

    reason: str


class JsonlStream(Stream):
    """Text rows of a JSON Lines file."""

    format = ShardFormat.JSONL

    def _batches(self) -> Iterator[TextBatch]:
        with ByteSource(self.location, self.stores) as source:
            for block in _slices(_blocks(source, self.location)):
                with collector_paused():
                    self._take_block(block)
                del block  # a line of a hundred megabytes must not be kept while its text is matched
                self._bytes_read = source.taken
                yield from self._rows.take_ready()
                if self._rows.full and (batch := self._rows.take()) is not None:
                    yield batch
            self._bytes_read = source.taken
            damage = source.damage
        if damage is not None:
            self._log.add(damage)
        if (batch := self._rows.take()) is not None:
            yield batch

    _shape: Shape | None = None
    """Of the objects that were read last, if these can be read straight from their bytes."""
    _patience = _LEAST_LINES
    """Lines that are decoded before the bytes are tried again."""

    def _take_block(self, block: LineBlock | list[object]) -> None:
        """Take the records of a block: read from their bytes as far as they are flat objects of one shape, decoded where they are not."""
        if not isinstance(block, LineBlock) or block.overlong:
            self._take(block)
            return
        raw, at, line = block.raw, 0, block.first_line
        data, readable = np.frombuffer(raw, np.uint8), None
        while at <= len(raw):
            shape = self._shape
            if shape is not None and (readable := is_utf8(raw) if readable is None else readable):
                scanned = scan_objects(data, at, shape)
                if len(scanned) >= _LEAST_LINES:
                    self._patience = _LEAST_LINES
                if len(scanned):
                    self._take_scanned(scanned, shape, raw, line)
                    at, line = scanned.end, line + len(scanned)
                    continue
            end = _end_of_lines(raw, at, self._patience)
            self._patience = min(2 * self._patience, _MOST_LINES)
            part = LineBlock(line, raw[at:end])
            self._take(part)
            at, line = end + 1, line + part.raw.count(b"\n") + 1

    def _take_scanned(self, scanned: Scanned, shape: Shape, raw: bytes, line: int) -> None:
        for i in self._rows.add_scanned(scanned, shape, index=self._records, line=line):
            start, end = scanned.lines[i].tolist()
            trouble = self._rows.no_rows(orjson.loads(raw[start:end]))
            if trouble is not None:
                self._log.add(trouble, line=line + i, record=self._records + i)
        self._records += len(scanned)

    def _take(self, block: LineBlock | list[object]) -> None:
        alike: list[Decoded] = []
        keys: tuple[str, ...] = ()
        for decoded in _decoded(block):
            _, value, _, ends = decoded
            # As many keys as in the whole text: it holds no other object, and no key twice.
            own = tuple(value) if type(value) is dict and ends in (len(value), _CHECKED) else None
            if alike and own != keys:
                self._take_alike(alike)
                alike = []
            if own is None:
                self._take_one(decoded)
            else:
                keys = own
                alike.append(decoded)
        if alike:
            self._take_alike(alike)

    def _take_alike(self, alike: Sequence[Decoded]) -> None:
        """Take objects that have the same keys."""
        if len(alike) < _FEW or not self._add_alike([cast("dict[str, object]", value) for _, value, _, _ in alike], [line for line, *_ in alike]):
            for decoded in alike:
                self._take_one(decoded)
            return
        keys = tuple(cast("dict[str, object]", alike[0][1]))
        if self._shape is None or self._shape.keys != keys:
            self._shape = shape_of(keys) if self._rows.may_scan(keys) else None

    def _take_one(self, decoded: Decoded) -> None:
        line, value = decoded[0], _checked(decoded)
        if isinstance(value, Unreadable):
            self._log.add(value.reason, line=line, record=self._records)
            self._records += 1
        else:
            self._add(value, line)

    def _hint(self) -> str | None:
        return "expected one JSON object a line"


def _end_of_lines(raw: bytes, at: int, count: int) -> int:
    """Return where the last of some lines ends that begin at a place."""
    end = at - 1
    for _ in range(count):
        end = raw.find(b"\n", end + 1)
        if end < 0:
            return len(raw)
    return end


def _blocks(source: ByteSource, location: str) -> Iterator[LineBlock | list[object]]:
    """Yield blocks of lines, or of a ``.json`` file that starts with ``[`` its records as one list."""
    if split_name(location)[1] != ".json":
        yield from iter_line_blocks(source, location)
        return
    blocks = iter_line_blocks(source, location)
    first = next((block for block in blocks if block.overlong or not is_blank(block)), None)
    if first is None:
        return
    if not starts_array(first):
        yield first
        yield from blocks
        return
    yield _read_array(first, blocks, source, location)


def _slices(blocks: Iterator[LineBlock | list[object]]) -> Iterator[LineBlock | list[object]]:
    """Yield blocks, an array in parts: each part becomes batches of bounded size before the next is taken."""
    for block in blocks:
        if isinstance(block, LineBlock):
            held = [block]
            del block
            yield held.pop()
            continue
        block.reverse()
        while block:
            part = block[: -_ARRAY_PART - 1 : -1]
            del block[-_ARRAY_PART:]
            yield part


def is_blank(block: LineBlock) -> bool:
    """Tell whether all lines of a block are blank."""
    return all(not line or line.isspace() for line in block.lines)


def starts_array(block: LineBlock) -> bool:
    """Tell whether the first block of a ``.json`` file that is not blank begins an array of records."""
    start = next((line for line in block.lines if line and not line.isspace()), b"").lstrip()
    # ``[1]`` alone on its line is a JSON Lines value; an array of records opens with an object or goes on in the next line.
    return start.startswith(b"[")


def _read_array(first: LineBlock, blocks: Iterator[LineBlock], source: ByteSource, location: str) -> list[object]:
    lines, size = list(first.lines), sum(map(len, first.lines))
    for block in blocks:
        lines += block.lines
        size += sum(map(len, block.lines)) + len(block.lines)
        if size > MAX_ARRAY_BYTES or block.overlong:
            raise ShardReadError(f"{location}: is a JSON array of more than {MAX_ARRAY_BYTES:,} bytes", hint="write it as JSON Lines: jq -c '.[]'")
    if source.damage is not None:
        raise ShardReadError(f"{location}: {source.damage}; a JSON array cannot be read in part", hint="write it again, or as JSON Lines")
    raw = b"\n".join(lines)
    try:
        records = orjson.loads(raw)
    except orjson.JSONDecodeError as err:
        records = decode_again(raw, err)
    if not isinstance(records, Unreadable):
        records = checked(raw, records, count_key_ends([raw])[0])
    if isinstance(records, Unreadable):
        raise ShardReadError(f"{location}: {records.reason}", hint="expected an array of records, or one JSON object a line")
    return cast("list[object]", records)


def _decoded(block: LineBlock | list[object]) -> Iterator[Decoded]:
    """Yield every line that is not blank, or the elements of an array."""
    if isinstance(block, list):
        for value in block:
            yield 0, value, b"", _CHECKED
    elif block.overlong:
        yield block.first_line, Unreadable(f"the line is longer than {MAX_LINE_BYTES:,} bytes"), b"", _CHECKED
    else:
        loads = orjson.loads
        lines = block.lines
        ends = count_key_ends(lines)
        for number, line in enumerate(lines, block.first_line):
            try:
                value = loads(line)
            except orjson.JSONDecodeError as err:
                if not line or line.isspace():
                    continue
                value = decode_again(line, err)
            yield number, value, line, ends[number - block.first_line]


def _checked(decoded: Decoded) -> object:
    """Return the value of a line, or ``Unreadable``."""
    _, value, raw, ends = decoded
    return value if ends == _CHECKED or isinstance(value, Unreadable) else checked(raw, value, ends)


def checked(raw: bytes, value: object, ends: int) -> object:
    """Return a decoded value, or ``Unreadable`` where its text has a key twice: nobody knows which value another reader takes."""
    try:
        key = find_repeated_key(raw, value, ends)
    except (ValueError, RecursionError) as why:
        return Unreadable(f"cannot be looked at for keys that come twice: {str(why).lower()[:200]}")
    return value if key is None else Unreadable(f"has the key {key[:40]!r} twice in one object: readers disagree which one counts")


def decode_again(line: bytes, err: orjson.JSONDecodeError) -> object:
    """Read a line that orjson refused as Python's own ``json`` does, which takes NaN, lone surrogates and huge numbers as trainers do.

    Returns:
        The value, or ``Unreadable`` with where the line is broken.
    """
    if len(line) > _MAX_SECOND_LOOK_BYTES:
        return Unreadable(f"is not JSON: {str(err)[:200].lower()}")
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as why:
        return Unreadable(f"is not UTF-8: byte 0x{line[why.start]:02x} at byte {why.start + 1:,} of the line ({why.reason})")
    except json.JSONDecodeError as why:
        reason = why.msg.removesuffix(" at")  # as in "Unterminated string starting at"
        return Unreadable(f"is not JSON: {reason[:1].lower()}{reason[1:]} at column {why.pos + 1:,}")
    except (ValueError, RecursionError) as why:
        return Unreadable(f"is not readable JSON: {str(why).lower()}")


def iter_json_records(location: str, log: ProblemLog, stores: Stores = PLAIN_STORES) -> Iterator[tuple[int, int, object]]:
    """Yield (0-based record, 1-based line or 0, value) of a JSON Lines file; what cannot be read goes to the log.

    Raises:
        ShardReadError: If the file cannot be opened.
    """
    index = -1
    with ByteSource(location, stores) as source:
        for block in _blocks(source, location):
            for decoded in _decoded(block):
                line, value = decoded[0], _checked(decoded)
                index += 1
                if isinstance(value, Unreadable):
                    log.add(value.reason, line=line, record=index)
                else:
                    yield index, line, value
        if source.damage is not None:
            log.add(source.damage)
