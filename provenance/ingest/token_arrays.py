"""NumPy arrays of token ids: of two dimensions one document a row; of one dimension documents that end in the tokenizer's end token.

Where the tokenizer has no end token, an array of one dimension is one document, however long.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.errors import ShardReadError
from provenance.ingest.detokenize import Detokenizer
from provenance.ingest.token_stream import TokenStream
from provenance.model.dataset import ShardFormat

_BLOCK_TOKENS = 1 << 20


class ArrayStream(TokenStream):
    """Rows of a ``.npy`` file."""

    format = ShardFormat.NUMPY
    holds = "an array of token ids"

    def _documents(self, path: Path, decoder: Detokenizer) -> Iterator[NDArray[Any]]:
        array = self._map(path).view(np.ndarray)  # mapped all the same, and cut faster
        if array.ndim > 1:
            yield from array
        elif decoder.end is None:
            yield array
        else:
            yield from _split(array, decoder.end)

    def _map(self, path: Path) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
        except (OSError, ValueError, EOFError, OverflowError) as err:
            raise ShardReadError(
                f"{self.location}: cannot be read as a NumPy array; it is cut short or no .npy file: {str(err).splitlines()[0][:200]}",
                hint="write it again with numpy.save",
            ) from err
        if array.dtype.kind not in "iu" or array.ndim not in {1, 2}:
            raise ShardReadError(
                f"{self.location}: holds {array.ndim} dimensions of {array.dtype}, expected one or two dimensions of whole numbers",
                hint="write token ids as uint16, uint32 or int32, or take the file out of the data",
            )
        return array


def _split(array: NDArray[Any], end: int) -> Iterator[NDArray[Any]]:
    """Yield the documents of an array, each with its end token; the last one may have none."""
    start = 0
    for block in range(0, len(array), _BLOCK_TOKENS):
        for place in np.flatnonzero(array[block : block + _BLOCK_TOKENS] == end).tolist():
            yield array[start : block + place + 1]
            start = block + place + 1
    if start < len(array):
        yield array[start:]
