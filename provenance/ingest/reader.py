"""Open shards of every format behind one door (``ports.ShardReader``). Compression and format are told by the name, compression is checked by the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from provenance.errors import ShardReadError
from provenance.ingest.arrow import ArrowStream
from provenance.ingest.detokenize import NamedTokens
from provenance.ingest.files import COMPRESSIONS, read_head, split_name
from provenance.ingest.interface import Stream
from provenance.ingest.jsonl import JsonlStream
from provenance.ingest.megatron import BIN_ENDING, INDEX_ENDING, MegatronIndexStream, MegatronStream
from provenance.ingest.parquet import ParquetStream
from provenance.ingest.text import TextStream
from provenance.ingest.token_arrays import ArrayStream
from provenance.model.dataset import ShardFormat, Tokenizer
from provenance.storage.stores import PLAIN_STORES, Stores

SCHEME = "rows-4"
"""Names how bytes become rows. Another number whenever a file may give other rows, fields, records or offsets than before."""
ENDINGS: Mapping[str, ShardFormat] = MappingProxyType(
    {
        **dict.fromkeys((".jsonl", ".ndjson", ".json"), ShardFormat.JSONL),
        **dict.fromkeys((".parquet", ".pq"), ShardFormat.PARQUET),
        ".arrow": ShardFormat.ARROW,
        ".npy": ShardFormat.NUMPY,
        BIN_ENDING: ShardFormat.MEGATRON,
        INDEX_ENDING: ShardFormat.MEGATRON_INDEX,
        **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".html", ".htm", ".xml"), ShardFormat.TEXT),
        **dict.fromkeys((".py", ".c", ".h", ".cpp", ".java", ".js", ".ts", ".go", ".rs", ".sh", ".sql"), ShardFormat.TEXT),
    }
)
"""Name ending, without a compression's → format."""
_STREAMS: Mapping[ShardFormat, type[Stream]] = MappingProxyType(
    {
        ShardFormat.JSONL: JsonlStream,
        ShardFormat.PARQUET: ParquetStream,
        ShardFormat.TEXT: TextStream,
        ShardFormat.ARROW: ArrowStream,
        ShardFormat.NUMPY: ArrayStream,
        ShardFormat.MEGATRON: MegatronStream,
        ShardFormat.MEGATRON_INDEX: MegatronIndexStream,
    }
)
_COMPRESSED = frozenset({ShardFormat.JSONL, ShardFormat.TEXT})
"""Formats that may be compressed as a whole: the others are read from several places."""


class Reader:
    """Opens shards at local paths and URLs of stores."""

    def __init__(self, folder: Path | None = None, stores: Stores = PLAIN_STORES) -> None:
        """Make a reader.

        Args:
            folder: What paths of tokenizers are relative to; the current folder where none is given.
            stores: Opens URLs.
        """
        self._folder = folder or Path()
        self.stores = stores
        self._tokens: dict[Tokenizer, NamedTokens] = {}

    def __reduce__(self) -> tuple[type[Reader], tuple[Path, Stores]]:
        """Send a reader to another process without the tokenizers it has loaded."""
        return type(self), (self._folder, self.stores)

    @property
    def scheme(self) -> str:
        """A name that changes whenever the rows that a file gives change (``ports.ShardReader``)."""
        return SCHEME

    def open(self, location: str, *, text_field: str | None = None, tokenizer: Tokenizer | None = None) -> Stream:
        """Open the shard at a local path or URL.

        Args:
            location: Path or URL.
            text_field: The field that holds the text, a key or a dotted path; ``None`` reads every text.
            tokenizer: Reads token ids; ``None`` = none is named. It is loaded when there are ids to read.

        Raises:
            ShardReadError: If the file is missing, empty, a folder, not permitted, or its format is unknown.
        """
        head = read_head(location, self.stores)
        form = format_of(location)
        if form is None:
            raise ShardReadError(f"{location}: its format is unknown: the name ends in {split_name(location)[1] or 'nothing'!r}", hint=_known())
        if form is not ShardFormat.PARQUET and head.startswith(b"PAR1"):
            raise ShardReadError(f"{location}: holds Parquet, its name says {form.value}", hint="rename it to end in .parquet")
        return _STREAMS[form](location, text_field, None if tokenizer is None else self._named(tokenizer), stores=self.stores)

    def _named(self, tokenizer: Tokenizer) -> NamedTokens:
        """Return what reads the ids of a tokenizer, which is loaded once."""
        return self._tokens.setdefault(tokenizer, NamedTokens(tokenizer, self._folder))


def format_of(location: str) -> ShardFormat | None:
    """Return the format that a name's ending tells, ``None`` where it tells none."""
    _, ending, compression = split_name(location)
    form = ENDINGS.get(ending)
    return None if compression and form not in _COMPRESSED else form


def _known() -> str:
    return f"known endings: {' '.join(ENDINGS)}, those of text and JSON Lines also with {' '.join(COMPRESSIONS)}"
