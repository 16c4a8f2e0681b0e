"""Build one immutable segment of a reference set: its arrays, its texts, and its manifest entry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from provenance.canonical import digest_of
from provenance.errors import ReferenceIndexError
from provenance.fingerprint.digest import hash_file
from provenance.fingerprint.tokens import codepoint_offsets
from provenance.matching.candidates import digest_rows
from provenance.matching.frontmatter import body_span
from provenance.matching.neardup import near_arrays
from provenance.matching.params import IndexParams
from provenance.matching.seeds import count_seeds, fill_seeds
from provenance.matching.segment import ANCHOR_WORDS, ARRAYS, TEXTS_NAME, TEXTS_SCHEMA
from provenance.matching.spelling import spelling_codes
from provenance.matching.stored import FileEntry, SegmentEntry, segment_digest
from provenance.matching.words import read_words
from provenance.model.absence import is_absent
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.wire import to_wire

_RECORDS_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """References gathered for one segment."""

    records: Sequence[ReferenceRecord]
    texts: Sequence[str]
    digests: Sequence[str]


def write_segment(folder: Path, draft: Draft, params: IndexParams) -> SegmentEntry:
    """Build a segment's files in an existing empty folder, synced to disk, and return its manifest entry.

    Raises:
        ReferenceIndexError: If the folder cannot be written.
    """
    arrays = build_arrays(draft, params)
    try:
        for name in ARRAYS:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, arrays[name], allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        _write_texts(folder / TEXTS_NAME, draft)
        files = tuple(_describe(folder / name) for name in (*(f"{a}.npy" for a in ARRAYS), TEXTS_NAME))
    except OSError as err:
        raise ReferenceIndexError(f"{folder}: cannot write a segment: {err}") from err
    return SegmentEntry(digest=segment_digest(params, files), references=len(draft.records), words=len(arrays["words"]), params=params, files=files)


def _describe(path: Path) -> FileEntry:
    sha256, size = hash_file(path)
    return FileEntry(name=path.name, sha256=sha256, size_bytes=size)


def _write_texts(path: Path, draft: Draft) -> None:
    table = pa.table(
        {
            "id": [r.id for r in draft.records],
            "sha256": list(draft.digests),
            "record": _record_column(draft.records),
            "text": [encode(t) for t in draft.texts],
        },
        schema=TEXTS_SCHEMA,
    )
    with path.open("wb") as file:
        with pa.ipc.new_file(file, TEXTS_SCHEMA) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())


def _record_column(records: Sequence[ReferenceRecord]) -> pa.Array[Any]:
    """Return records as JSON, few at a time: each one that orjson has written holds on to 8 kB until it is freed."""
    starts = range(0, len(records), _RECORDS_AT_A_TIME)
    return pa.concat_arrays([pa.array([orjson.dumps(to_wire(r)) for r in records[at : at + _RECORDS_AT_A_TIME]], pa.binary()) for at in starts])


def encode(text: str) -> bytes:
    """Return UTF-8; lone surrogates travel as three bytes, so that no text is refused."""
    return text.encode("utf-8", "surrogatepass")


def as_buffers(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return texts as one UTF-8 buffer and its (n + 1) offsets."""
    raw = [encode(t) for t in texts]
    offsets = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    return np.frombuffer(b"".join(raw), dtype=np.uint8), offsets


def build_arrays(draft: Draft, params: IndexParams) -> dict[str, NDArray[Any]]:
    """Return a segment's arrays by name."""
    data, offsets = as_buffers(draft.texts)
    read = read_words(data, offsets)
    words, ref_offsets = read.words, read.offsets
    if len(words) >= 2**32 - 1:
        raise ReferenceIndexError(f"{len(words)} words exceed what one segment holds", hint="add the references in several steps")
    prompts = read_words(*as_buffers([r.prompt or "" for r in draft.records]))
    starts = read.start - np.repeat(offsets[:-1], np.diff(ref_offsets))
    codes = np.empty(len(words), dtype=np.uint16)
    spelling_codes(data, read.start, read.end, codes)
    return {
        "words": words,
        "ref_offsets": ref_offsets,
        "bodies": _bodies(draft.texts, starts, ref_offsets),
        "prompt_words": prompts.words,
        "prompt_offsets": prompts.offsets,
        "origins": _origins(draft.records),
        "digests": _digest_table(words, ref_offsets),
        **_spellings(words, codes),
        "anchors": _anchors(data, offsets, read.start, ref_offsets),
        **_seed_table(words, ref_offsets, params),
        **near_arrays(words, ref_offsets),
    }


def _spellings(words: NDArray[np.uint32], codes: NDArray[np.uint16]) -> dict[str, NDArray[Any]]:
    """Return the words with the code that most of their places have, and the other places: one word may be written in several ways (``exam-`` + ``ple``).

    Every place keeps the code of what stands there: what else is in the segment must not matter.
    """
    pairs, counts = np.unique(words.astype(np.uint64) << np.uint64(16) | codes, return_counts=True)
    pairs = pairs[np.lexsort((-counts, pairs >> np.uint64(16)))]
    vocabulary, firsts = np.unique((pairs >> np.uint64(16)).astype(np.uint32), return_index=True)
    spellings = (pairs[firsts] & np.uint64(0xFFFF)).astype(np.uint16)
    others = np.flatnonzero(spellings[np.searchsorted(vocabulary, words)] != codes)
    return {"vocabulary": vocabulary, "spellings": spellings, "other_words": others.astype(np.uint32), "other_spellings": codes[others]}


def _anchors(data: NDArray[np.uint8], offsets: NDArray[np.int64], start: NDArray[np.int64], ref_offsets: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return (n, 2): byte and code point at which every ``ANCHOR_WORDS``-th word of each reference begins in its text, the first one left out."""
    anchors = []
    for ref in range(len(offsets) - 1):
        places = start[ref_offsets[ref] + ANCHOR_WORDS : ref_offsets[ref + 1] : ANCHOR_WORDS]
        if len(places):
            anchors.append(np.column_stack([places - offsets[ref], codepoint_offsets(data, int(offsets[ref]), places)]))
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *anchors]).astype(np.uint32)


def _bodies(texts: Sequence[str], starts: NDArray[np.int64], ref_offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    bodies = np.empty((len(texts), 2), dtype=np.int64)
    for i, text in enumerate(texts):
        first, last = ref_offsets[i], ref_offsets[i + 1]
        start, end = body_span(text)
        if (start, end) == (0, len(text)):
            bodies[i] = first, last
            continue
        edges = [len(encode(text[:start])), len(encode(text[:end]))]
        bodies[i] = first + np.searchsorted(starts[first:last], edges)
    return bodies


def stable_hash(text: str) -> int:
    """Return a 64-bit hash of text that is the same everywhere."""
    return int(digest_of(text).removeprefix("sha256:")[:16], 16)


def _origins(records: Sequence[ReferenceRecord]) -> NDArray[np.uint64]:
    """Return (n, 2): which model made it (or which work it is), and whose model that is (or the work again). 0 where nobody knows."""
    origins = np.zeros((len(records), 2), dtype=np.uint64)
    for i, record in enumerate(records):
        origins[i] = [stable_hash(name) if name else 0 for name in _origin_names(record)]
    return origins


def _origin_names(record: ReferenceRecord) -> tuple[str, str]:
    model, provider = plain_name(record.model), plain_name(record.provider)
    if record.kind is ReferenceKind.API_OUTPUT or (record.kind is ReferenceKind.BACKGROUND and (model or provider)):
        return model and f"model\x00{model}", provider and f"provider\x00{provider}"
    title, author = plain_name(record.title), plain_name(record.author)
    named = f"family\x00{record.edition_family}" if record.edition_family else f"title\x00{title}\x00{author}" if title else f"id\x00{record.id}"
    return named, named


def plain_name(name: str | None) -> str:
    """Return a name in the form in which names are compared, empty where it says nothing."""
    return "" if is_absent(name) else " ".join((name or "").split()).casefold()


def _digest_table(words: NDArray[np.uint32], ref_offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return (n, 2) uint64: digest of each reference's words, and its number; ordered by digest. Empty references are left out."""
    filled = np.flatnonzero(np.diff(ref_offsets))
    table = np.column_stack([digest_rows(words, ref_offsets)[filled], filled.astype(np.uint64)])
    return table[np.argsort(table[:, 0], kind="stable")]


def _seed_table(words: NDArray[np.uint32], ref_offsets: NDArray[np.int64], params: IndexParams) -> dict[str, NDArray[Any]]:
    expected = max(len(words) // params.one_in, 1)
    bucket_bits = min(max(int(expected - 1).bit_length() - 1, 4), 30)
    shift = np.uint64(64 - bucket_bits)
    buckets = np.zeros(2**bucket_bits + 1, dtype=np.uint32)
    total = count_seeds(words, ref_offsets, params.window, params.one_in, shift, buckets)
    np.cumsum(buckets, out=buckets)
    positions = np.empty(total, dtype=np.uint32)
    fill_seeds(words, ref_offsets, params.window, params.one_in, shift, buckets[:-1].copy(), positions)
    return {"buckets": buckets, "positions": positions}
