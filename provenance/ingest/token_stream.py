"""What shards of nothing but token ids have in common: they need a tokenizer, and their documents have no names or fields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from provenance.errors import ShardReadError
from provenance.ingest.detokenize import Detokenizer
from provenance.ingest.interface import Stream, needs_tokenizer
from provenance.ports import TextBatch
from provenance.storage.urls import is_url, local_path

FIELD = "tokens"
"""Name of the one field; a piece of a long document has its place after it, ``tokens[0:1048576]``."""


class TokenStream(Stream):
    """Rows of a shard of documents that are token ids."""

    holds: ClassVar[str] = "token ids"

    def _batches(self) -> Iterator[TextBatch]:
        if self.tokens is None:
            raise needs_tokenizer(self.location, self.holds)
        path = mappable(self.location)
        decoder = self.tokens.decoder
        for ids in self._documents(path, decoder):
            yield from self._rows.add_tokens(ids, FIELD, index=self._records)
            self._records += 1
            self._bytes_read += ids.nbytes
        self._bytes_read = path.stat().st_size
        if (batch := self._rows.take()) is not None:
            yield batch

    def _documents(self, path: Path, decoder: Detokenizer) -> Iterator[NDArray[Any]]:
        """Yield the documents, mapped from the file and not read into memory."""
        raise NotImplementedError

    def _require_text(self) -> None:
        if not self._rows.rows:
            raise ShardReadError(f"{self.location}: holds no tokens: its {self._records:,} documents are empty", hint="remove it from the data")


def mappable(location: str) -> Path:
    """Return the path of a local file.

    Raises:
        ShardReadError: If it is no local one.
    """
    if is_url(location):
        raise ShardReadError(f"{location}: arrays of token ids are read from local disks only", hint="copy it to a data root")
    return Path(local_path(location))
