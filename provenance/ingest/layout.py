"""Which columns of a Parquet file to read, and of these which leaves: those that may hold text, without the numbers beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from provenance.errors import ShardReadError
from provenance.ingest.batches import list_names
from provenance.ingest.columns import holds_map, holds_text
from provenance.ingest.fields import ID_FIELDS, TEXT_FIELDS


@dataclass(frozen=True, slots=True)
class Layout:
    """The top-level columns of a file by what is done with them."""

    text: tuple[str, ...]
    """Of these every string is a row: those by convention, or the one that the user named."""
    others: tuple[str, ...]
    """All others that hold strings, or bytes that may be text, pictures among them."""
    ids: tuple[str, ...]
    """Those that may name a record."""
    paths: tuple[str, ...]
    """What to ask Parquet for: columns, or leaves of them."""
    names: tuple[str, ...]
    """All columns."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, each once."""
        return tuple(dict.fromkeys((*self.text, *self.others, *self.ids)))


def plan_columns(file: pq.ParquetFile, text_field: str | None, location: str) -> Layout:
    """Return what to read of a file.

    Args:
        file: The open file.
        text_field: The field that holds the text, a column or a dotted path that starts at one; ``None`` reads every text.
        location: For messages.

    Raises:
        ShardReadError: If no column holds text, or the named one is not there; the message names the columns.
    """
    schema = file.schema_arrow
    names = tuple(schema.names)
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise ShardReadError(f"{location}: has two columns named {twice[:40]!r}: readers disagree which one counts", hint="rename one of them")
    if text_field is None:
        text = tuple(name for name in TEXT_FIELDS if name in names and holds_text(schema.field(name).type))
    else:
        text = tuple(name for name in (text_field, text_field.split(".")[0]) if name in names)[:1]
        text = tuple(name for name in text if holds_text(schema.field(name).type))
    others = tuple(name for name in names if name not in text and holds_text(schema.field(name).type))
    if not text and (text_field is not None or not others):
        wanted = "no column holds text" if text_field is None else f"no column {text_field!r} that holds text"
        raise ShardReadError(
            f"{location}: {wanted}; the columns are: {list_names(dict.fromkeys(names))}",
            hint="name the field: fields: {text: …} in the manifest, or --text-field",
        )
    ids = tuple(name for name in ID_FIELDS if name in names and name not in text and _may_name(schema.field(name).type))
    paths = tuple(dict.fromkeys((*ids, *_text_paths(file, (*text, *others)))))
    return Layout(text, others, ids, paths, names)


def _may_name(kind: pa.DataType) -> bool:
    """Tell whether values of a type can name a record: text, whole numbers, UUIDs."""
    return pa.types.is_integer(kind) or (holds_text(kind) and not pa.types.is_nested(kind))


def _text_paths(file: pq.ParquetFile, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the leaves of some columns that are text; columns with maps as a whole, and all where Arrow and Parquet do not agree on the leaves."""
    schema = file.schema_arrow
    leaves = [(field.name, text) for field in schema for text in _leaves(field.type)]
    agreed = len(leaves) == len(file.schema.names)
    for i, (name, text) in enumerate(leaves if agreed else []):
        if text and name in names and not holds_map(schema.field(name).type):
            yield file.schema.column(i).path
    yield from (name for name in names if not agreed or holds_map(schema.field(name).type))


def _leaves(kind: pa.DataType) -> Iterator[bool]:
    """Yield for each leaf of a type, in Parquet's order, whether it holds strings."""
    if isinstance(kind, pa.BaseExtensionType):
        yield from _leaves(kind.storage_type)
    elif pa.types.is_nested(kind):
        for i in range(kind.num_fields):
            yield from _leaves(kind.field(i).type)
    else:
        yield holds_text(kind)
