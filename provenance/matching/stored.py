"""What every segment of a reference set has, whether the texts are in it or not: digested files, records, and what explanations ask of a reference.

``segment.TextSegment`` holds texts and words; ``pack.PackSegment`` holds sampled windows alone. Judging, explaining and reporting know only this class;
finding and measuring differ, and the cascade asks which of the two it has.
"""

from __future__ import annotations

import errno
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, ClassVar

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from provenance.canonical import digest_of
from provenance.errors import ReferenceIndexError, WireFormatError
from provenance.fingerprint.digest import hash_file
from provenance.matching.filters import Filter, make_filter
from provenance.matching.params import PACK_RULES, IndexParams
from provenance.matching.windows import KnownWindows
from provenance.model.reference import ReferenceRecord
from provenance.model.wire import read_value, to_wire

ADD_AGAIN = "remove the set and add it again"
RECORD_COLUMNS: dict[str, pa.DataType] = {"id": pa.string(), "sha256": pa.string(), "record": pa.binary()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentEntry:
    """What the manifest says of a segment."""

    digest: str
    """``sha256:<hex>`` over the parameters and the files' digests; names the folder."""
    references: int
    words: int
    params: IndexParams
    files: tuple[FileEntry, ...]
    pack: bool = False
    """It came from a reference pack: sampled windows, and no text."""

    @property
    def scheme(self) -> str:
        """Return the name that holds every parameter."""
        return f"{self.params.name}/{PACK_RULES}" if self.pack else self.params.name


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a segment."""

    name: str
    sha256: str
    size_bytes: int


def segment_digest(params: IndexParams, files: Sequence[FileEntry]) -> str:
    """Return the digest of a segment, which names it: of its parameters and its files' digests."""
    return digest_of({"params": to_wire(params), "files": to_wire(tuple(files))})


class Segment(ABC):
    """An open segment. Its arrays are digested and mapped when they are first asked for: opening costs a look at each file's size, whatever that is.

    Positions of words count through all references of the segment; ``ref_offsets[i]:ref_offsets[i + 1]`` are those of reference ``i``.
    """

    table_name: ClassVar[str]
    """File of ids and records."""
    schema: ClassVar[pa.Schema]
    has_text: ClassVar[bool]
    array_names: ClassVar[frozenset[str]]
    """Arrays there are, each in a file of its own and an attribute of the segment."""
    sampled: int = 1
    """One in how many 5-grams ``shingles`` holds: those whose hash is divisible by it."""
    shown: float = 1.0
    """Share of the words needed as evidence that must be seen to be equal; below 1 where only sampled windows can show it."""
    run_share: float = 1.0
    """Share of a long exact run that must be seen in one piece; sampled windows that do not touch break it."""
    ref_offsets: NDArray[np.int64]
    bodies: NDArray[np.int64]
    origins: NDArray[np.uint64]
    digests: NDArray[np.uint64]
    sketches: NDArray[np.uint32]
    sketch_refs: NDArray[np.uint32]

    def __init__(self, folder: Path, entry: SegmentEntry, *, set_name: str) -> None:
        """Look for the files.

        Raises:
            ReferenceIndexError: If a file is missing or of another size.
        """
        self.folder, self.entry, self.set_name = folder, entry, set_name
        self.params = entry.params
        self._check_sizes()
        self._sound: set[str] = set()
        self._records: dict[int, ReferenceRecord] = {}
        self._checked = False

    def check(self) -> None:
        """Digest the files and map the arrays, once: before the first use, since kernels trust what they read. What is mapped stays, if the set is removed too.

        Raises:
            ReferenceIndexError: If a file does not hold what was written, or the manifest says what was not.

        Cost: reads the segment once, over 1 GB/s.
        """
        if self._checked:
            return
        if segment_digest(self.entry.params, self.entry.files) != self.entry.digest:
            raise ReferenceIndexError(f"{self.folder}: damaged: the manifest's entry does not give its digest", hint=ADD_AGAIN)
        for file in self.entry.files:
            self._check_file(file)
        for name in self.array_names:
            getattr(self, name)
        self._check_lengths()
        self._checked = True

    def __getattr__(self, name: str) -> Any:
        """Digest and map an array that is asked for the first time.

        Raises:
            ReferenceIndexError: If its file does not hold what was written.
        """
        if name not in self.array_names:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        for file in self.entry.files:
            if file.name == f"{name}.npy":
                self._check_file(file)
        array = load_array(self.folder / f"{name}.npy")
        setattr(self, name, array)
        return array

    def _check_lengths(self) -> None:
        """Refuse arrays that are not of the segment that the manifest describes."""
        if len(self.ref_offsets) != self.entry.references + 1:
            raise ReferenceIndexError(
                f"{self.folder}: holds {len(self.ref_offsets) - 1} references, its manifest says {self.entry.references}",
                hint="run: provenance reference verify",
            )

    def _check_file(self, file: FileEntry) -> None:
        if file.name in self._sound:
            return
        path = self.folder / file.name
        try:
            found = hash_file(path)
        except OSError as err:
            raise ReferenceIndexError(f"{path}: cannot be read: {err.strerror}", hint=ADD_AGAIN) from err
        if found != (file.sha256, file.size_bytes):
            raise ReferenceIndexError(f"{path}: damaged: expected {file.sha256}, got {found[0]}", hint=ADD_AGAIN)
        self._sound.add(file.name)

    def _check_sizes(self) -> None:
        folder = str(self.folder)
        for file in self.entry.files:
            path = f"{folder}/{file.name}"  # a hundred segments have two thousand files
            try:
                size = os.stat(path).st_size  # noqa: PTH116 - half of what opening costs, as a path object
            except OSError as err:
                raise ReferenceIndexError(f"{path}: cannot be read: {err.strerror}", hint=ADD_AGAIN) from err
            if size != file.size_bytes:
                raise ReferenceIndexError(f"{path}: damaged: {size} bytes, its manifest says {file.size_bytes}", hint=ADD_AGAIN)

    @cached_property
    def texts(self) -> pa.Table:
        """The mapped table of ids and records, with texts where there are any; its file is digested first: Arrow ends the process on some damage."""
        path = self.folder / self.table_name
        for file in self.entry.files:
            if file.name == self.table_name:
                self._check_file(file)
        try:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        except FileNotFoundError as err:  # the set was removed since its files were looked for
            raise ReferenceIndexError(f"{path}: cannot be read: {os.strerror(errno.ENOENT)}", hint=ADD_AGAIN) from err
        except (OSError, pa.ArrowException) as err:
            raise ReferenceIndexError(f"{path}: damaged: {err}", hint=ADD_AGAIN) from err
        if table.schema != self.schema or table.num_rows != self.entry.references:
            raise ReferenceIndexError(f"{path}: damaged: unexpected columns or rows", hint=ADD_AGAIN)
        return table

    @cached_property
    def by_id(self) -> Mapping[str, int]:
        """Number of each reference by id."""
        return {str(name): i for i, name in enumerate(self.texts.column("id").to_pylist())}

    def record(self, ref: int) -> ReferenceRecord:
        """Return who and what a reference is."""
        if ref not in self._records:
            self._records[ref] = self.read_record(ref)
        return self._records[ref]

    def read_record(self, ref: int) -> ReferenceRecord:
        """Return who and what a reference is, and keep nothing of it: for walks over whole sets."""
        raw = self.texts.column("record")[ref].as_py()
        try:
            stored = read_value(ReferenceRecord, orjson.loads(raw), ignore_unknown=True)
        except (orjson.JSONDecodeError, WireFormatError) as err:
            raise ReferenceIndexError(f"{self.folder}: record {ref} is damaged: {err}") from err
        return replace(stored, words=self.ref_offsets.item(ref + 1) - self.ref_offsets.item(ref))

    @property
    @abstractmethod
    def seeds(self) -> int:
        """How many windows are looked for."""

    @abstractmethod
    def fill_filter(self, into: Filter) -> None:
        """Set a filter's bits of all of them."""

    @cached_property
    def filter(self) -> Filter:
        """Filter of the windows that are looked for, made from them when it is first asked for."""
        return make_filter([self])

    @abstractmethod
    def text_bytes(self, ref: int) -> bytes:
        """Return a reference's UTF-8 text.

        Raises:
            ReferenceIndexError: If the texts are not here.
        """

    @abstractmethod
    def shingles(self, ref: int) -> NDArray[np.uint64]:
        """Return the sorted distinct word 5-grams of a whole reference, as far as they are known (``sampled``)."""

    @abstractmethod
    def word_span(self, ref: int, first: int, last: int) -> tuple[int, int]:
        """Return the code points that words ``first`` … ``last - 1`` take in their text."""

    @abstractmethod
    def know_prompt(self, ref: int) -> tuple[KnownWindows, int]:
        """Return the windows of the prompt that a reference answers, as far as they are known, and of how many words they are."""

    @abstractmethod
    def count_new(self, words: NDArray[np.uint32], start: int, end: int, known: KnownWindows, mask: NDArray[np.bool_]) -> int:
        """Return how many windows of a text, among those that can be known, have all words in ``mask`` and are not in a prompt."""

    @abstractmethod
    def count_own(self, ref: int, known: KnownWindows) -> int:
        """Return how many windows of a reference, as far as they are known, are not in its prompt."""


def as_sampled(shingles: NDArray[np.uint64], one_in: int) -> NDArray[np.uint64]:
    """Return the members of a sorted set whose hash is divisible by ``one_in``, a power of two."""
    return shingles[shingles & np.uint64(one_in - 1) == 0] if one_in > 1 else shingles


def compared_shingles(segments: Sequence[Segment], a: tuple[int, int], b: tuple[int, int]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the 5-grams of two references, (segment, reference) each, as far as both sides know theirs."""
    one_in = max(segments[a[0]].sampled, segments[b[0]].sampled)
    return as_sampled(segments[a[0]].shingles(a[1]), one_in), as_sampled(segments[b[0]].shingles(b[1]), one_in)


def load_array(path: Path) -> NDArray[Any]:
    """Return a mapped array.

    Raises:
        ReferenceIndexError: If the file holds none.
    """
    try:
        with warnings.catch_warnings(action="error"):  # numpy warns of headers that it can only read with effort: ours are none of those
            array: NDArray[Any] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))  # a plain view: a memmap object costs on every slice
    except FileNotFoundError as err:
        raise ReferenceIndexError(f"{path}: cannot be read: {os.strerror(errno.ENOENT)}", hint=ADD_AGAIN) from err
    except OSError as err:
        raise ReferenceIndexError(f"{path}: cannot be read: {err.strerror or err}", hint=ADD_AGAIN) from err
    except (ValueError, EOFError, OverflowError, TypeError, SyntaxError, TokenError, UserWarning) as err:  # what numpy raises on bad headers
        raise ReferenceIndexError(f"{path}: damaged: {err}", hint=ADD_AGAIN) from err
    return array
