"""A reference set as JSON Lines, one record with its text a line, in the form that ``reference add`` reads back.

Adding the lines again gives the same records and texts in the same order; where the set was made in one go, also the same digest. One text is held in
memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson

from provenance.matching.index import ReferenceStore
from provenance.model.reference import ReferenceRecord
from provenance.model.wire import to_wire


def iter_exported(store: ReferenceStore, name: str, *, with_text: bool = True) -> Iterator[bytes]:
    """Yield the lines of a set, each with its end, in the order in which references were added.

    Raises:
        ReferenceIndexError: If there is no such set, it is damaged, or the texts are asked for and are not in it.
    """
    for segment in store.open([name]).segments:
        segment.check()
        for ref in range(segment.entry.references):
            text = segment.text_bytes(ref).decode("utf-8", "surrogatepass") if with_text else None
            yield _line(segment.read_record(ref), text)


def _line(record: ReferenceRecord, text: str | None) -> bytes:
    fields: dict[str, Any] = {key: value for key, value in to_wire(record).items() if key != "words"}
    if text is not None:
        fields["text"] = text
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate has no UTF-8: it travels as an escape
        return json.dumps(fields).encode() + b"\n"
