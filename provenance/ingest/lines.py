"""Cut a byte source into lines, many at a time, in memory bounded by the block and the longest line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.errors import ShardReadError
from provenance.ingest.files import ByteSource
from provenance.ingest.rawbytes import count_feeds

BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 30
"""A longer line is a problem, not a record: it would need several times its size in memory."""
UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some whole lines that follow one another, without their line feeds."""

    first_line: int
    """1-based."""
    raw: bytes
    """The lines, a line feed between two."""
    overlong: bool = False
    """The one line of this block was longer than ``MAX_LINE_BYTES``; its bytes were skipped."""

    @property
    def lines(self) -> list[bytes]:
        """The lines one by one."""
        return self.raw.split(b"\n")


def iter_line_blocks(source: ByteSource, location: str) -> Iterator[LineBlock]:
    """Yield the lines of a source in blocks. A byte order mark at the start is left out; a last line needs no line feed.

    Where the source was cut short by damage, the unfinished last line is left out: it is not known how it ends.

    Raises:
        ShardReadError: If the bytes are UTF-16 or UTF-32.
    """
    carry: list[bytes] = []
    number, carried = 1, 0
    skipping = first = True
    while pieces := source.read_pieces(BLOCK_BYTES):
        if first or skipping:
            pieces = [b"".join(pieces)]
        if first:
            pieces, first, skipping = [_start(pieces[0], location)], False, False
        end, last = _last_feed(pieces)
        if last >= 0:
            first_byte = 0
            if skipping:
                yield LineBlock(number, b"", overlong=True)
                number, skipping, first_byte, carry = number + 1, False, pieces[0].find(b"\n") + 1, []
            whole = [b"".join([*carry, *pieces[:end], memoryview(pieces[end])[first_byte:last]])]
            pieces[: end + 1] = [pieces[end][last + 1 :]]
            carry, carried = [], 0
            if first_byte <= last:
                begun, number = number, number + count_feeds(whole[0]) + 1
                yield LineBlock(begun, whole.pop())  # who takes a huge line may forget it: it is not kept here
        carry += pieces
        carried += sum(map(len, pieces))
        if carried > MAX_LINE_BYTES:
            carry, carried, skipping = [], 0, True
    if skipping and not first:
        yield LineBlock(number, b"", overlong=True)
    elif carried and source.damage is None:
        whole, carry = [b"".join(carry)], []
        yield LineBlock(number, whole.pop())


def _last_feed(pieces: Sequence[bytes]) -> tuple[int, int]:
    """Return which of some pieces holds the last line feed, and where; -1 where none does."""
    found = ((i, pieces[i].rfind(b"\n")) for i in range(len(pieces) - 1, -1, -1))
    return next((place for place in found if place[1] >= 0), (0, -1))


def _start(block: bytes, location: str) -> bytes:
    encoding = wide_encoding(block[:4])
    if encoding:
        raise ShardReadError(f"{location}: is {encoding} text, expected UTF-8", hint=f"convert it: iconv -f {encoding} -t UTF-8")
    return block.removeprefix(UTF8_BOM)


def wide_encoding(head: bytes) -> str | None:
    """Return the name of a UTF-16 or UTF-32 encoding that a file's first four bytes show, by its mark or by where its zero bytes stand."""
    marks = ((b"\xff\xfe\x00\x00", "UTF-32LE"), (b"\x00\x00\xfe\xff", "UTF-32BE"), (b"\xff\xfe", "UTF-16LE"), (b"\xfe\xff", "UTF-16BE"))
    for mark, name in marks:
        if head.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in head)
    shapes: dict[tuple[bool, ...], str] = {
        (False, True, True, True): "UTF-32LE",
        (True, True, True, False): "UTF-32BE",
        (False, True, False, True): "UTF-16LE",
        (True, False, True, False): "UTF-16BE",
    }
    return shapes.get(zeros)
