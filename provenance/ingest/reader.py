"""Open shards of every format behind one door (``ports.ShardReader``). Compression and format are told by the name, compression is checked by the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from provenance.errors import ShardReadError
from provenance.ingest.files import COMPRESSIONS, read_head, split_name
from provenance.ingest.interface import Stream
from provenance.ingest.jsonl import JsonlStream
from provenance.ingest.parquet import ParquetStream
from provenance.ingest.text import TextStream
from provenance.model.dataset import ShardFormat

SCHEME = "rows-4"
"""Names how bytes become rows. Another number whenever a file may give other rows, fields, records or offsets than before."""
ENDINGS: Mapping[str, ShardFormat] = MappingProxyType(
    {
        **dict.fromkeys((".jsonl", ".ndjson", ".json"), ShardFormat.JSONL),
        **dict.fromkeys((".parquet", ".pq"), ShardFormat.PARQUET),
        **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst", ".tex", ".html", ".htm", ".xml"), ShardFormat.TEXT),
        **dict.fromkeys((".py", ".c", ".h", ".cpp", ".java", ".js", ".ts", ".go", ".rs", ".sh", ".sql"), ShardFormat.TEXT),
    }
)
"""Name ending, without a compression's → format."""
_STREAMS: Mapping[ShardFormat, type[Stream]] = MappingProxyType(
    {ShardFormat.JSONL: JsonlStream, ShardFormat.PARQUET: ParquetStream, ShardFormat.TEXT: TextStream}
)


class Reader:
    """Opens shards at local paths and fsspec URLs."""

    @property
    def scheme(self) -> str:
        """A name that changes whenever the rows that a file gives change (``ports.ShardReader``)."""
        return SCHEME

    def open(self, location: str, *, text_field: str | None = None) -> Stream:
        """Open the shard at a local path or fsspec URL.

        Args:
            location: Path or URL.
            text_field: The field that holds the text, a key or a dotted path; ``None`` reads every text.

        Raises:
            ShardReadError: If the file is missing, empty, a folder, not permitted, or its format is unknown.
        """
        head = read_head(location)
        form = format_of(location)
        if form is None:
            raise ShardReadError(f"{location}: its format is unknown: the name ends in {split_name(location)[1] or 'nothing'!r}", hint=_known())
        if form is not ShardFormat.PARQUET and head.startswith(b"PAR1"):
            raise ShardReadError(f"{location}: holds Parquet, its name says {form.value}", hint="rename it to end in .parquet")
        return _STREAMS[form](location, text_field)


def format_of(location: str) -> ShardFormat | None:
    """Return the format that a name's ending tells, ``None`` where it tells none."""
    _, ending, compression = split_name(location)
    form = ENDINGS.get(ending)
    return None if compression and form is ShardFormat.PARQUET else form


def _known() -> str:
    return f"known endings: {' '.join(ENDINGS)}, each but Parquet also with {' '.join(COMPRESSIONS)}"
