"""Which columns of a Parquet file to read, and of these which leaves: those that may hold text, without the numbers beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from provenance.errors import ShardReadError
from provenance.ingest.columns import holds_map, holds_text
from provenance.ingest.detokenize import NamedTokens
from provenance.ingest.fields import ID_FIELDS, TEXT_FIELDS
from provenance.ingest.interface import needs_tokenizer
from provenance.ingest.problems import list_names
from provenance.ingest.token_fields import LABELS, hides_ids, holds_ids, may_hold_ids, token_names


@dataclass(frozen=True, slots=True)
class Layout:
    """The top-level columns of a file by what is done with them."""

    text: tuple[str, ...]
    """Of these every string is a row: those by convention, or the one that the user named."""
    others: tuple[str, ...]
    """All others that hold strings, or bytes that may be text, pictures among them."""
    ids: tuple[str, ...]
    """Those that may name a record."""
    tokens: tuple[str, ...]
    """Of these every list is a document of token ids."""
    unread: tuple[str, ...]
    """Those that hold token ids which are not read: no tokenizer is named, or another column."""
    names: tuple[str, ...]
    """All columns."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read as text or names, each once."""
        return tuple(dict.fromkeys((*self.text, *self.others, *self.ids)))


def plan_columns(schema: pa.Schema, location: str, *, text_field: str | None, tokens: NamedTokens | None) -> Layout:
    """Return what to read of a file.

    Args:
        schema: Of the file.
        location: For messages.
        text_field: The field that holds the text, a column or a dotted path that starts at one; ``None`` reads every text.
        tokens: What reads token ids; ``None`` where no tokenizer is named.

    Raises:
        ShardReadError: If no column holds text or tokens that can be read, or a named one is not there; the message names the columns.
    """
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
    ids = tuple(name for name in ID_FIELDS if name in names and name not in text and _may_name(schema.field(name).type))
    chosen, unread = _plan_tokens(schema, location, tokens)
    ids_alone = [name for name in unread if may_hold_ids(schema.field(name).type)]
    if not text and not chosen and ids_alone and text_field is None:
        raise needs_tokenizer(location, f"token ids in column {ids_alone[0]!r} and no text")
    if not text and (text_field is not None or not (others or chosen)):
        wanted = "no column holds text" if text_field is None else f"no column {text_field!r} that holds text"
        raise ShardReadError(
            f"{location}: {wanted}; the columns are: {list_names(dict.fromkeys(names))}",
            hint="name the field: fields: {text: …} in the manifest, or --text-field",
        )
    return Layout(text, others, ids, chosen, unread, names)


def parquet_paths(file: pq.ParquetFile, layout: Layout) -> tuple[str, ...]:
    """Return what to ask Parquet for: columns, or leaves of them."""
    return tuple(dict.fromkeys((*layout.ids, *_text_paths(file, (*layout.text, *layout.others)), *layout.tokens, *layout.unread)))


def _plan_tokens(schema: pa.Schema, location: str, tokens: NamedTokens | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of token ids that are read, and those that are not."""
    names = tuple(schema.names)
    kinds = {name: schema.field(name).type for name in names}
    named = token_names(names)
    found = tuple(name for name in named if holds_ids(kinds[name]) or (name != LABELS and may_hold_ids(kinds[name])))
    hidden = tuple(name for name in names if hides_ids(kinds[name]) and name not in named)
    if tokens is None:
        return (), (*(name for name in named if name != LABELS), *hidden)
    chosen = found if tokens.field is None else (tokens.field,)
    for name in chosen:
        if name not in names:
            raise ShardReadError(
                f"{location}: no column {name!r}; the columns are: {list_names(dict.fromkeys(names))}",
                hint="name the column of token ids: fields: {tokens: …} in the manifest, or --tokens-field",
            )
        if not holds_ids(kinds[name]):
            raise ShardReadError(f"{location}: column {name!r} holds {kinds[name]}, expected lists of token ids", hint="write it as list<int32>")
    return chosen, (*(name for name in named if name not in chosen and name != LABELS), *hidden)


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
