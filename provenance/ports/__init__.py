"""Protocols between the rooms, and the one data structure that crosses them in bulk. Importable without numpy: the gate may reach this module.

Rooms on one level never import one another; ``bootstrap`` hands implementations of these protocols to the use cases in ``audit``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from provenance.ports.registry import Registry, StreamSummary, UnitOfWork

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from provenance.errors import ManifestError
    from provenance.model.dataset import Dataset, Shard, ShardFormat, Tokenizer
    from provenance.model.match import Match, MatchText, ReadProblem, Suspect
    from provenance.model.reference import ReferenceRecord


__all__ = [
    "Clock",
    "DatasetSource",
    "Engine",
    "Matcher",
    "OpenSegmentKey",
    "Progress",
    "ReferenceText",
    "Registry",
    "ShardListing",
    "ShardReader",
    "ShardRewriter",
    "ShardStream",
    "StreamSummary",
    "SuspectFinder",
    "TextBatch",
    "TokenPlaces",
    "Touched",
    "UnitOfWork",
    "WorkerLostError",
]

Task = TypeVar("Task")
Result = TypeVar("Result")


class TokenPlaces(Protocol):
    """Knows which tokens the text of some rows was made of."""

    def locate(self, matches: Sequence[Match]) -> list[Match]:
        """Return a batch's matches with their places in tokens; those that an earlier piece of the same document has reported are left out."""

    def without_special(self, batch: TextBatch) -> TextBatch:
        """Return the batch with blanks for special tokens, offsets as they are: tokenisation puts them there, they are nobody's words."""


@dataclass(frozen=True, slots=True)
class TextBatch:
    """A batch of text fields as buffers. One row is one text field of one record (of a chat record: one turn).

    Shapes:
        data: (n_bytes,) uint8, UTF-8 of all rows one after the other.
        offsets: (n_rows + 1,) int64 into ``data``.
        record: (n_rows,) int64, 0-based record in the shard. Rows of one record need not stand together.
        line: (n_rows,) int64, 1-based line, 0 where the format has no lines.
        field_code: (n_rows,) int32 into ``field_names``.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    record: NDArray[np.int64]
    line: NDArray[np.int64]
    field_code: NDArray[np.int32]
    field_names: tuple[str, ...]
    """Such as ``text``, ``output``, ``messages[1].content``."""
    doc_ids: Sequence[str | None]
    """One a row: the record's ``doc_id``, ``id`` or ``uuid`` field as text, else ``None``; for a one-document file its stem."""
    tokens: TokenPlaces | None = None
    """Where the tokens stand, of rows that were made of token ids; ``None`` where all were read as text."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.record)

    def text(self, row: int) -> str:
        """Return one row as a Python string. For matches only: bulk work stays in the buffers."""
        return bytes(self.data[self.offsets[row] : self.offsets[row + 1]]).decode("utf-8", "surrogatepass")


class ShardStream(Protocol):
    """An open shard: iterate it once for its batches; counters and problems grow while iterating.

    A record that cannot be read becomes a problem and the rest goes on. A shard of which nothing can be read raises ``ShardReadError``.
    """

    @property
    def format(self) -> ShardFormat:
        """How the bytes are read."""

    @property
    def problems(self) -> Sequence[ReadProblem]:
        """What could not be read so far."""

    @property
    def unread(self) -> int:
        """Problems so far, all of them, those that are only counted too."""

    @property
    def records(self) -> int:
        """Records seen so far, unreadable ones included."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """Fields with long text that are not read, since another one was named → records that hold such text so far."""

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file so far (compressed), for progress."""

    def __iter__(self) -> Iterator[TextBatch]:
        """Yield batches of bounded size."""


class ShardReader(Protocol):
    """Opens shards of every format."""

    @property
    def scheme(self) -> str:
        """A name that changes whenever the rows that a file gives change: results of one scheme say nothing of another's."""

    def open(self, location: str, *, text_field: str | None = None, tokenizer: Tokenizer | None = None) -> ShardStream:
        """Open the shard at a local path or fsspec URL; token ids in it are read by the tokenizer.

        Raises:
            ShardReadError: If the file is missing, its format is unknown, or it needs a tokenizer that is not named or not the one it was.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSegmentKey:
    """A segment that a matcher compares with."""

    digest: str
    """Of its content, its scheme, and the name and kind of the set it is in: all that a match can depend on."""
    words: int


@dataclass(frozen=True, slots=True)
class Touched:
    """With which segments the records of a batch that have matches share words.

    Shapes:
        records: (n,) int64; with ``segments`` each pair once, ordered by both.
        segments: (n,) int32, numbers among the matcher's segments.
    """

    records: NDArray[np.int64]
    segments: NDArray[np.int32]
    dropped: tuple[int, ...]
    """Seed hits that caps have left out in the batch, by segment."""


class Matcher(Protocol):
    """Compares batches of text with the reference sets it was opened on."""

    @property
    def scheme(self) -> str:
        """A name that records every parameter that can change a result."""

    @property
    def rules(self) -> str:
        """A name that records every parameter that holds for all segments; those of one segment are in its key."""

    @property
    def segments(self) -> tuple[OpenSegmentKey, ...]:
        """What is compared with, in order."""

    @property
    def index_digests(self) -> tuple[str, ...]:
        """Digests of the reference sets, in the order given."""

    @property
    def reference_sets(self) -> tuple[str, ...]:
        """Their names, which matches carry and digests do not tell."""

    def match_batch(self, batch: TextBatch, *, path: str, shard: str = "", scan: str = "") -> list[Match]:
        """Return the matches of a batch, explained ones included, ordered by row and position."""

    def trace_batch(self, batch: TextBatch, *, path: str, shard: str, scan: str) -> tuple[list[Match], Touched]:
        """Return the matches of a batch as ``match_batch`` does, and which segments they may depend on."""

    def find_touched(self, batch: TextBatch, *, added: Sequence[int], reported: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Return the records of a batch of which the matches may differ from what they are without some segments.

        Args:
            batch: The batch.
            added: Numbers of those segments.
            reported: Records that have matches without them.

        Returns:
            The records, ascending, and the seed hits that caps have left out in each of those segments.
        """

    def chance_alarms(self, score: float) -> float:
        """Return ``Match.chance_alarms_per_million`` of a score: the one number that depends on how much there is to compare with."""

    @property
    def words_seen(self) -> int:
        """Words tokenised so far."""

    @property
    def dropped_seeds(self) -> int:
        """Seed hits that caps have left out so far."""

    def reference(self, reference_set: str, reference: str) -> ReferenceRecord:
        """Return who and what a reference is."""

    def match_text(self, match: Match, field_text: str, *, context: int = 240) -> MatchText:
        """Return the words behind a match, given the whole training field."""


class SuspectFinder(Protocol):
    """Finds formulas of assistants, without any reference."""

    @property
    def scheme(self) -> str:
        """A name that changes with the patterns."""

    def find(self, batch: TextBatch, *, path: str, shard: str = "", scan: str = "") -> list[Suspect]:
        """Return what a batch holds, for each record and pattern the first place, ordered by row and pattern."""


class ReferenceText(Protocol):
    """One reference to be indexed."""

    @property
    def record(self) -> ReferenceRecord:
        """Who and what it is."""

    @property
    def text(self) -> str:
        """Its text."""


class WorkerLostError(Exception):
    """A task whose worker process was killed; an outcome of ``Engine.run``, never raised."""


class Engine(Protocol):
    """Where tasks run: in this process, or on all cores of the machine."""

    def run(
        self, work: Callable[[Task, Progress], Result], tasks: Sequence[Task], sizes: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, Result | WorkerLostError]]:
        """Do some independent tasks and yield (number of the task, what became of it) as each is done.

        Args:
            work: What to do with a task; picklable. It is told of every byte through the progress it is given.
            tasks: The tasks, picklable.
            sizes: Bytes of each.
            progress: Told of the bytes that are done, and what is in hand.

        Raises:
            Exception: What ``work`` raises; the tasks in hand are given up.
        """


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> str:
        """Return the time, RFC 3339 UTC with seconds, ending in ``Z``."""


class Progress(Protocol):
    """What long work reports to: drawn by the command line, silent elsewhere."""

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a stage of known size."""

    def advance(self, n_bytes: int) -> None:
        """Say that bytes are done."""

    def note(self, text: str) -> None:
        """Name what is being worked on."""

    def finish(self) -> None:
        """End the stage."""


class ShardListing(Protocol):
    """Finds and hashes files under the data roots."""

    def expand(self, patterns: Sequence[str], *, root: str, passed_over: list[ManifestError] | None = None) -> list[str]:
        """Return the files that glob patterns or folders name, relative to the root's folder, sorted.

        Args:
            patterns: What is looked for.
            root: Name of the data root.
            passed_over: Takes the error of each file that cannot be named or leads out of the roots; without it the first one is raised.

        Raises:
            NoFilesError: If a pattern names no file.
            ManifestError: If a pattern leads out of the roots, or to a file that cannot be named; ``context["path"]`` is that file, where there is one.
        """

    def locate(self, path: str, *, root: str) -> str:
        """Return where a shard's bytes are: its URL, or its absolute path."""

    def digest(self, path: str, *, root: str) -> tuple[str, int]:
        """Return (``sha256:<hex>``, size in bytes) of a file as it is now, without reading its records.

        Raises:
            ShardReadError: If it is not there or cannot be read.
        """

    def size(self, path: str, *, root: str) -> int:
        """Return a file's size in bytes, 0 where it cannot be told without reading it."""

    def stamp(self, path: str, *, root: str) -> str:
        """Return a text that tells a file, without reading it, from what it was or will be at other times; empty where nothing tells that for certain."""

    def describe(
        self, path: str, *, root: str, text_field: str | None = None, tokenizer: Tokenizer | None = None, license_field: str | None = None
    ) -> Shard:
        """Hash and count a file: digest, size, records, words, format, unread records, and licences of records where a field names them."""


class ShardRewriter(Protocol):
    """Writes a shard again without some records."""

    def without(self, source: str, target: str, *, records: frozenset[int], lines: frozenset[int]) -> int:
        """Write ``source`` to ``target`` without 0-based ``records`` (formats without lines) or 1-based ``lines``; return how many were left out.

        Raises:
            ShardReadError: If the shard is damaged, or its format cannot be written again.
        """


class DatasetSource(Protocol):
    """Gives the datasets that a manifest or the command line describes, with shard patterns resolved by the caller."""

    def datasets(self) -> Sequence[tuple[Dataset, tuple[str, ...], str]]:
        """Return (dataset, shard patterns, root name)."""
