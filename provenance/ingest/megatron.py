"""Megatron's indexed datasets: ``X.bin`` holds token ids one after another, ``X.idx`` says of which type they are and where documents begin.

Source:
    Megatron-LM, ``megatron/core/datasets/indexed_dataset.py``: nine bytes of magic, then little-endian: version (uint64), type code (uint8), number of
    sequences and of document bounds (uint64 each), sequence lengths (int32), their places in bytes (int64), document bounds in sequences (int64).

Rules:
* Both files are shards, so that both are held against their digests. The index is no text, and is checked to be nothing but an index.
* The sequences must cover the ``.bin`` from its first byte to its last, in order, and the documents all sequences: what no document holds would pass unread.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import ShardReadError
from provenance.ingest.detokenize import Detokenizer
from provenance.ingest.interface import Stream
from provenance.ingest.token_stream import TokenStream, mappable
from provenance.model.dataset import ShardFormat
from provenance.ports import TextBatch

BIN_ENDING, INDEX_ENDING = ".bin", ".idx"
_MAGIC: Final = b"MMIDIDX\x00\x00"
_HEADER: Final = struct.Struct("<QBQQ")
_VERSION: Final = 1
_TYPES = MappingProxyType({1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"})
"""Type code → type; 6 and 7 are floating-point numbers, which are no ids."""
_BLOCK: Final = 1 << 18
"""Entries of the index that are looked at together."""


@dataclass(frozen=True, slots=True)
class MegatronIndex:
    """An index that fits its ``.bin``; the arrays are mapped from the file.

    Shapes:
        sizes: (n_sequences,) int32, tokens.
        places: (n_sequences,) int64, bytes before each.
        bounds: (n_documents + 1,) int64, sequences.
    """

    dtype: np.dtype[Any]
    sizes: NDArray[np.int32]
    places: NDArray[np.int64]
    bounds: NDArray[np.int64]

    def documents(self) -> Iterator[tuple[int, int]]:
        """Yield (first token, one past the last) of every document."""
        total = int(self.places[-1]) // self.dtype.itemsize + int(self.sizes[-1]) if len(self.sizes) else 0
        for block in range(0, len(self.bounds) - 1, _BLOCK):
            bounds = np.asarray(self.bounds[block : block + _BLOCK + 1])
            edges = np.full(len(bounds), total, np.int64)
            inner = bounds < len(self.sizes)
            edges[inner] = self.places[bounds[inner]] // self.dtype.itemsize
            yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def index_of(bin_location: str) -> str:
    """Return where the index of a ``.bin`` must lie."""
    return bin_location[: -len(BIN_ENDING)] + INDEX_ENDING


def open_index(path: Path, bin_path: Path) -> MegatronIndex:
    """Map an index and hold it against its ``.bin``.

    Raises:
        ShardReadError: If one of the two is missing, the index is damaged or of another kind, or they do not fit.
    """
    for file, other in ((path, "says where documents begin"), (bin_path, "holds the tokens")):
        if not file.is_file():
            here = bin_path if file is path else path
            raise ShardReadError(f"{here}: there is no {file.name} beside it, which {other}", hint=_missing_hint(file.suffix))
    dtype, sequences, bounds = _header(path)
    start = len(_MAGIC) + _HEADER.size
    expected = start + 12 * sequences + 8 * bounds
    size = path.stat().st_size
    if size != expected:
        more = "; it has sequence modes, as multimodal data do, which are not read" if size == expected + sequences else ""
        raise ShardReadError(f"{path}: has {size:,} bytes, its header tells of {expected:,}{more}", hint="fetch or write it again")
    sizes = _mapped(path, "<i4", start, sequences)
    places = _mapped(path, "<i8", start + 4 * sequences, sequences)
    index = MegatronIndex(dtype, sizes, places, _mapped(path, "<i8", start + 12 * sequences, bounds))
    _check_bounds(path, index.bounds, sequences)
    _check_fit(path, index, bin_path)
    return index


def _missing_hint(suffix: str) -> str:
    if suffix == INDEX_ENDING:
        return "put the .idx that was written with it there; a file of bare token ids can be written as .npy: numpy.save"
    return "put the .bin that was written with it there, or remove the index"


def _header(path: Path) -> tuple[np.dtype[Any], int, int]:
    with path.open("rb") as file:
        raw = file.read(len(_MAGIC) + _HEADER.size)
    if not raw.startswith(_MAGIC):
        raise ShardReadError(f"{path}: is no Megatron index: its first bytes are {raw[:9]!r}", hint="write it with Megatron's preprocess_data.py")
    if len(raw) < len(_MAGIC) + _HEADER.size:
        raise ShardReadError(f"{path}: is cut short within its header", hint="fetch or write it again")
    version, code, sequences, bounds = _HEADER.unpack_from(raw, len(_MAGIC))
    if version != _VERSION:
        raise ShardReadError(f"{path}: is a Megatron index of version {version}, expected {_VERSION}", hint="write it again with a current Megatron")
    if code not in _TYPES:
        known = ", ".join(f"{c} ({np.dtype(t).name})" for c, t in _TYPES.items())
        raise ShardReadError(f"{path}: has type code {code}, which is none of token ids: {known}", hint="fetch or write it again")
    return np.dtype(_TYPES[code]), sequences, bounds


def _mapped(path: Path, dtype: str, offset: int, count: int) -> NDArray[Any]:
    return np.memmap(path, dtype, "r", offset, (count,)) if count else np.zeros(0, dtype)


def _check_bounds(path: Path, bounds: NDArray[np.int64], sequences: int) -> None:
    whole = len(bounds) > 0 and bounds[0] == 0 and bounds[-1] == sequences
    if not whole or any((np.diff(bounds[b : b + _BLOCK + 1]) < 0).any() for b in range(0, len(bounds), _BLOCK)):
        raise ShardReadError(f"{path}: its documents do not hold each of its {sequences:,} sequences once, in order", hint="write it again")


def _check_fit(path: Path, index: MegatronIndex, bin_path: Path) -> None:
    width, at = index.dtype.itemsize, 0
    for block in range(0, len(index.sizes), _BLOCK):
        sizes = index.sizes[block : block + _BLOCK].astype(np.int64)
        ends = at + np.cumsum(sizes * width)
        if (sizes < 0).any() or (index.places[block : block + _BLOCK] != ends - sizes * width).any():
            raise ShardReadError(f"{path}: its sequences do not follow one another in the .bin", hint="write both again")
        at = int(ends[-1])
    size = bin_path.stat().st_size
    if size != at:
        raise ShardReadError(f"{bin_path}: has {size:,} bytes, {path.name} tells of {at:,}: they do not fit", hint="fetch or write both again")


class MegatronStream(TokenStream):
    """Rows of a ``.bin`` file, one document of the index a record."""

    format = ShardFormat.MEGATRON
    holds = "Megatron token ids"

    def _documents(self, path: Path, decoder: Detokenizer) -> Iterator[NDArray[Any]]:
        del decoder
        index = open_index(Path(index_of(str(path))), path)
        ids = np.memmap(path, index.dtype, "r").view(np.ndarray)  # mapped all the same, and cut faster
        for start, end in index.documents():
            yield ids[start:end]


class MegatronIndexStream(Stream):
    """An ``.idx`` file: no rows, but it must be the index of the ``.bin`` beside it and nothing else."""

    format = ShardFormat.MEGATRON_INDEX

    def _batches(self) -> Iterator[TextBatch]:
        path = mappable(self.location)
        open_index(path, path.with_suffix(BIN_ENDING))
        self._bytes_read = path.stat().st_size
        yield from ()

    def _require_text(self) -> None:
        """It holds no text."""
