"""What records say of themselves beside their text, and how it passes between rooms: read from a shard once, kept, and searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from provenance.fingerprint.wanted import KeyRole
    from provenance.model.dataset import Tokenizer
    from provenance.model.match import ReadProblem
    from provenance.model.reference import ReferenceRecord
    from provenance.ports import Matcher


@dataclass(slots=True)
class RecordKeys:
    """Keys of some records, column by column. ``host`` is empty but for addresses; ``line`` is 0 where a format has none."""

    role: list[KeyRole] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    host: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    """Of the field."""
    record: list[int] = field(default_factory=list)
    line: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self.key)


class RecordStream(Protocol):
    """The keys of a shard's records: iterate it once; counters and problems grow while iterating."""

    @property
    def records(self) -> int:
        """Records seen so far, unreadable ones included."""

    @property
    def unread(self) -> int:
        """Problems so far."""

    @property
    def problems(self) -> Sequence[ReadProblem]:
        """The first of them."""

    @property
    def told(self) -> Mapping[str, int]:
        """Records that tell ``host``, ``page``, ``id`` or ``author``, and those of which every ``text`` was digested."""

    def __iter__(self) -> Iterator[RecordKeys]:
        """Yield batches of bounded size."""


class RecordReader(Protocol):
    """Reads the keys of records of shards of every format."""

    @property
    def scheme(self) -> str:
        """A name that changes whenever the keys that a file gives change."""

    def open_records(self, location: str, *, text_field: str | None = None, tokenizer: Tokenizer | None = None) -> RecordStream:
        """Open the shard at a local path or URL.

        Raises:
            ShardReadError: If it is missing, or of an unknown format.
        """


class ReferenceSource(Protocol):
    """The reference sets at hand."""

    def set_digests(self) -> Mapping[str, str]:
        """Return the digest of every set, by name."""

    def iter_references(self, name: str) -> Iterator[ReferenceRecord]:
        """Yield who and what the references of a set are."""

    def open_matcher(self, names: Sequence[str]) -> Matcher:
        """Open some sets to be compared with."""
