"""Plain text files: one document a file, its bytes unchanged."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import numpy as np

from provenance.errors import ShardReadError
from provenance.ingest.files import ByteSource, split_name
from provenance.ingest.interface import Stream
from provenance.ingest.lines import wide_encoding
from provenance.model.dataset import ShardFormat
from provenance.ports import TextBatch

MAX_DOCUMENT_BYTES = 1 << 30
"""A document is matched as a whole, which takes several times its size in memory; a longer file must be cut into documents."""
_BLOCK_BYTES = 1 << 20


class TextStream(Stream):
    """The one text row of a text file. Line ends and a byte order mark stay as they are, as Python's ``open(newline="")`` gives them."""

    format = ShardFormat.TEXT

    def _batches(self) -> Iterator[TextBatch]:
        with ByteSource(self.location, self.stores) as source:
            raw = read_document(source, self.location)
            self._bytes_read = source.taken
            if source.damage is not None:
                self._log.add(source.damage, record=0)
        self._records = 1
        self._rows.rows_given = 1
        yield TextBatch(
            np.frombuffer(raw, np.uint8),
            np.array([0, len(raw)], np.int64),
            np.zeros(1, np.int64),
            np.zeros(1, np.int64),
            np.zeros(1, np.int32),
            ("text",),
            (split_name(self.location)[0],),
        )


def read_document(source: ByteSource, location: str) -> bytes:
    """Return the UTF-8 bytes of a text file. Where damage cuts it short, what stands before the damage.

    Raises:
        ShardReadError: If it is longer than ``MAX_DOCUMENT_BYTES``, not UTF-8, or empty.
    """
    blocks: list[bytes] = []
    size = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    while block := source.read(_BLOCK_BYTES):
        if not size and (encoding := wide_encoding(block[:4])):
            raise ShardReadError(f"{location}: is {encoding} text, expected UTF-8", hint=f"convert it: iconv -f {encoding} -t UTF-8")
        _check(decoder, block, blocks, location)
        blocks.append(block)
        size += len(block)
        if size > MAX_DOCUMENT_BYTES:
            raise ShardReadError(
                f"{location}: is one document of more than {MAX_DOCUMENT_BYTES:,} bytes",
                hint="cut it into documents: one file, or one JSON line, each",
            )
    raw = b"".join(blocks)
    pending = decoder.getstate()[0]
    if pending and source.damage is None:
        raise _not_utf8(location, raw, len(raw) - len(pending), "unexpected end of data")
    if not raw:
        raise ShardReadError(
            f"{location}: holds no text{': ' + source.damage if source.damage else ''}", hint="remove it from the data, or write it again"
        )
    return raw[: len(raw) - len(pending)] if pending else raw


def _check(decoder: codecs.IncrementalDecoder, block: bytes, before: list[bytes], location: str) -> None:
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block)
    except UnicodeDecodeError as err:
        raw = b"".join([*before, block])
        raise _not_utf8(location, raw, len(raw) - len(block) - pending + err.start, err.reason) from err


def _not_utf8(location: str, raw: bytes, at: int, reason: str) -> ShardReadError:
    line = raw.count(b"\n", 0, at) + 1
    return ShardReadError(
        f"{location}: is not UTF-8: byte 0x{raw[at]:02x} on line {line:,} ({reason})", hint="convert it, such as: iconv -f ISO-8859-1 -t UTF-8"
    )
