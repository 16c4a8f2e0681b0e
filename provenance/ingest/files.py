"""Open a shard's bytes: local paths and URLs of stores, plain or compressed, in one pass and in bounded memory.

Damage in a compressed stream ends the bytes and is told by :attr:`ByteSource.damage`, so that every record before it is still delivered. What cannot
be opened or fails to be read raises ``ShardReadError``; no foreign error leaves this module.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, Self, cast
from urllib.parse import urlsplit

import pyarrow as pa

from provenance.errors import ShardReadError
from provenance.storage.stores import Stores
from provenance.storage.urls import is_url, local_path, parse_url

COMPRESSIONS: dict[str, str] = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2", ".xz": "xz"}
"""Ending → compression."""
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b\x08", "gzip"),  # RFC 1952 section 2.3.1
    (b"\x28\xb5\x2f\xfd", "zstd"),  # RFC 8878 section 3.1.1
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_ZSTD_SKIPPABLE = range(0x184D2A50, 0x184D2A60)  # RFC 8878 section 3.1.2
HEAD_BYTES = 512
_ZSTD_READ_BYTES = 1 << 18
_CHAIN_READ_BYTES = 1 << 16
"""Arrow drops what one call has decoded when that call meets damage: small calls lose little, and that little is read again."""
_WRONG_DATA = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowInvalid)


class _Decoder(Protocol):
    def read1(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def split_name(location: str) -> tuple[str, str, str]:
    """Return (stem, format ending, compression ending) of a location: ``a/b.jsonl.zst`` gives ``("b", ".jsonl", ".zst")``, endings in lower case."""
    path = PurePosixPath(_path_in_store(location) if is_url(location) else local_path(location))
    name, compression = path.name, ""
    if path.suffix.lower() in COMPRESSIONS:
        name, compression = path.stem, path.suffix.lower()
    inner = PurePosixPath(name)
    return inner.stem, inner.suffix.lower(), compression


def _path_in_store(url: str) -> str:
    """Return the path of a URL. Only on the web a ``?`` ends it: elsewhere it is a character like others."""
    path = urlsplit(url).path if url.lower().startswith(("http://", "https://")) else url.partition("://")[2].partition("/")[2]
    return path or url


def open_binary(location: str, stores: Stores, *, in_ranges: bool = False) -> BinaryIO:
    """Open a file for reading, seekable where its store allows it; of a store, nothing is fetched ahead where it is read in ranges.

    Raises:
        ShardReadError: If it is missing, a folder, not permitted, or its store is not known here.
        LocationError: If its URL cannot be used.
    """
    try:
        if is_url(location):
            return cast("BinaryIO", stores.open(parse_url(location), in_ranges=in_ranges))
        return cast("BinaryIO", Path(local_path(location)).open("rb", buffering=0))
    except FileNotFoundError as err:
        raise ShardReadError(f"{location}: no such file", hint="check the path and the data root it is relative to") from err
    except IsADirectoryError as err:
        raise ShardReadError(
            f"{location}: is a folder, expected a file", hint=f"name its files by a pattern, such as {location.rstrip('/')}/*.jsonl"
        ) from err
    except PermissionError as err:
        raise ShardReadError(f"{location}: may not be read: permission denied", hint="give this user the right to read it") from err
    except OSError as err:
        raise ShardReadError(f"{location}: cannot be opened: {err.strerror or err}") from err


def read_head(location: str, stores: Stores) -> bytes:
    """Return the first bytes of a file as they are stored, at most ``HEAD_BYTES``.

    Raises:
        ShardReadError: If it cannot be opened or is empty.
    """
    with _Counted(location, stores) as raw:
        return raw.head()


class _Counted(io.RawIOBase):
    """The stored bytes of a file, counted, with errors of its store turned into ours."""

    def __init__(self, location: str, stores: Stores) -> None:
        self._location, self._stores = location, stores
        self._file = open_binary(location, stores)
        self.taken = 0

    def readable(self) -> bool:
        return True

    def head(self) -> bytes:
        """Return the first bytes, and go back to the start."""
        head = self.read(HEAD_BYTES)
        if not head:
            raise ShardReadError(f"{self._location}: is empty: it has 0 bytes", hint="remove it from the data, or write it again")
        self.taken = 0
        if self._file.seekable():
            self._file.seek(0)
        else:
            self._file.close()
            self._file = open_binary(self._location, self._stores)
        return head

    def read(self, size: int = -1, /) -> bytes:
        try:
            block = self._file.read(size)
        except OSError as err:
            raise ShardReadError(f"{self._location}: reading stopped at byte {self.taken:,}: {err.strerror or err}") from err
        self.taken += len(block)
        return block

    def readinto(self, buffer: Any, /) -> int:
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _ZstdDecoder:
    """Arrow's zstd reader in small calls: frames may follow one another, skippable frames are skipped, truncation raises ``OSError``."""

    def __init__(self, raw: _Counted) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")

    def read1(self, size: int, /) -> bytes:
        return self._stream.read(min(size, _ZSTD_READ_BYTES))

    def close(self) -> None:
        self._stream.close()


class _ChainDecoder:
    """Streams of bzip2 or xz one after another. Python's own readers take what follows the first for the end if it is no stream; here it is damage."""

    def __init__(self, raw: _Counted, make: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor], padding: bytes) -> None:
        self._raw, self._make, self._padding = raw, make, padding
        self._decompressor = make()

    def read1(self, size: int, /) -> bytes:
        while True:
            data = b""
            if self._decompressor.eof:
                data = self._next_stream()
                if not data:
                    return b""
                self._decompressor = self._make()
            elif self._decompressor.needs_input:
                data = self._raw.read(_CHAIN_READ_BYTES)
                if not data:
                    raise EOFError("it ends within a compressed stream")
            block = self._decompressor.decompress(data, size)
            if block:
                return block

    def _next_stream(self) -> bytes:
        data = self._decompressor.unused_data.lstrip(self._padding) if self._padding else self._decompressor.unused_data
        while not data:
            more = self._raw.read(_CHAIN_READ_BYTES)
            if not more:
                return b""
            data = more.lstrip(self._padding) if self._padding else more
        return data

    def close(self) -> None:
        """Nothing is held open."""


def _decoder_of(compression: str, raw: _Counted) -> _Decoder | None:
    file = cast("BinaryIO", raw)
    match compression:
        case "gzip":
            return gzip.GzipFile(fileobj=file, mode="rb")
        case "bzip2":
            return _ChainDecoder(raw, bz2.BZ2Decompressor, b"")
        case "xz":
            return _ChainDecoder(raw, lzma.LZMADecompressor, b"\0")  # the format allows padding with zeros
        case "zstd":
            return _ZstdDecoder(raw)
        case _:
            return None


class ByteSource:
    """The decoded bytes of a file, from its start to its end or to the first damage."""

    def __init__(self, location: str, stores: Stores) -> None:
        """Open the file; compression is told by its first bytes, which must agree with a compressed ending.

        Raises:
            ShardReadError: If the file cannot be opened, is empty, or its ending names a compression that its bytes do not have.
        """
        self._location, self._stores = location, stores
        self._raw = _Counted(location, stores)
        try:
            self._compression = _compression_of(location, self._raw.head())
        except BaseException:
            self._raw.close()
            raise
        self._decoder = _decoder_of(self._compression, self._raw)
        self._position = 0
        self.damage: str | None = None
        """Why the bytes end before the file does, ``None`` where they do not."""

    def __enter__(self) -> Self:
        """Return the open source."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._decoder is not None:
            with suppress(*_WRONG_DATA):
                self._decoder.close()
        self._raw.close()

    @property
    def taken(self) -> int:
        """Bytes taken from the file so far, as stored."""
        return self._raw.taken

    def read(self, size: int) -> bytes:
        """Return between 1 and ``size`` decoded bytes, none at the end. Fewer only where the file ends or its store gives no more at a time.

        Raises:
            ShardReadError: If the store fails while reading.
        """
        return b"".join(self.read_pieces(size))

    def read_pieces(self, size: int) -> list[bytes]:
        """Return what ``read`` does, in the pieces that the decoder gives: who joins them with others copies them once.

        Raises:
            ShardReadError: If the store fails while reading.
        """
        if self._decoder is None:
            block = self._raw.read(size)
            return [block] if block else []
        pieces = []
        while size and (block := self._decode(self._decoder, size)):
            pieces.append(block)
            size -= len(block)
        return pieces

    def _decode(self, decoder: _Decoder, size: int) -> bytes:
        """Return between 1 and ``size`` decoded bytes, as the decoder has them ready; none at the end or behind damage."""
        if self.damage is not None:
            return b""
        try:
            block = decoder.read1(size)
        except _WRONG_DATA as err:
            self.damage = _describe_damage(self._compression, err)
            block = self._salvage() if self._compression == "zstd" else b""
        self._position += len(block)
        return block

    def _salvage(self) -> bytes:
        """Decode again what Arrow had decoded when it met the damage: reads of one byte lose nothing."""
        rest = bytearray()
        with _Counted(self._location, self._stores) as raw:
            decoder = _ZstdDecoder(raw)
            with suppress(*_WRONG_DATA):
                skip = self._position
                while skip:
                    skip -= len(decoder.read1(skip))
                while byte := decoder.read1(1):
                    rest += byte
            with suppress(*_WRONG_DATA):
                decoder.close()
        return bytes(rest)


def _compression_of(location: str, head: bytes) -> str:
    """Return the compression that the first bytes show, ``""`` for none."""
    found = next((name for magic, name in _MAGIC if head.startswith(magic)), "")
    if not found and int.from_bytes(head[:4], "little") in _ZSTD_SKIPPABLE:
        found = "zstd"
    ending = split_name(location)[2]
    if ending and found != COMPRESSIONS[ending]:
        raise ShardReadError(
            f"{location}: its name says {COMPRESSIONS[ending]}, its first bytes do not",
            hint="write it again, or drop the ending if it is not compressed",
        )
    return found


def _describe_damage(compression: str, err: Exception) -> str:
    if isinstance(err, EOFError) or "truncated" in str(err).lower():
        return f"ends in the middle of a compressed frame ({compression}): what follows is missing"
    return f"the compressed data are damaged ({compression}: {str(err).lower()}): what follows cannot be read"
