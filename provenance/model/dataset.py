"""Datasets, their immutable versions, and the shards in them, with every fact about where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from provenance.model.absence import Absence, TriState
from provenance.model.claims import DateRange, Evidence, LicenseClaim, LicenseFacts
from provenance.model.details import Details, LicensePart

__all__ = [
    "Dataset",
    "DatasetVersion",
    "DateRange",
    "Details",
    "Evidence",
    "Generator",
    "LicenseClaim",
    "LicenseFacts",
    "LicensePart",
    "Obtained",
    "Shard",
    "ShardDigests",
    "ShardFormat",
    "Source",
    "SourceKind",
    "Tokenizer",
]


class SourceKind(StrEnum):
    """Where a dataset came from."""

    WEB_CRAWL = "web-crawl"
    PUBLIC_DATASET = "public-dataset"
    LICENSED = "licensed"
    USER_DATA = "user-data"
    SYNTHETIC = "synthetic"
    OWN = "own"
    OTHER = "other"
    UNKNOWN = "UNKNOWN"


class Obtained(StrEnum):
    """How the owner came by generated text: it decides who is bound by the generator's terms."""

    OWN_ACCOUNT = "own-account"
    THIRD_PARTY = "third-party"
    UNKNOWN = "UNKNOWN"


class ShardFormat(StrEnum):
    """How a shard's bytes are read; compression is told by the path's ending."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    TEXT = "text"
    ARROW = "arrow"
    """Arrow IPC, a stream or a file."""
    NUMPY = "numpy"
    """An array of token ids."""
    MEGATRON = "megatron"
    """Token ids one after another; the shard of the same name that ends in ``.idx`` says where documents begin."""
    MEGATRON_INDEX = "megatron-index"
    """Where the documents of the ``.bin`` beside it begin: no text of its own."""


class ShardDigests(StrEnum):
    """Where the digests of a version's shards are from."""

    READ = "read"
    """The bytes were read and hashed here."""
    DECLARED = "declared"
    """A manifest states them; nobody has read the bytes. What is only declared clears nothing: audits read the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where content came from."""

    kind: SourceKind = SourceKind.UNKNOWN
    url: str = Absence.UNKNOWN.value
    collected: DateRange = field(default_factory=DateRange)
    collector: str = Absence.UNKNOWN.value


LABEL: Final = "label"
"""Role of a model that wrote no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A model that made, changed or labelled the text."""

    provider: str = Absence.UNKNOWN.value
    model: str = Absence.UNKNOWN.value
    channel: str = Absence.UNKNOWN.value
    region: str = Absence.UNKNOWN.value
    generated: DateRange = field(default_factory=DateRange)
    role: str = "generate"
    """``generate``, ``rewrite`` or ``label``."""
    prompt_source: str = Absence.UNKNOWN.value

    @property
    def is_labeller(self) -> bool:
        """Whether it only labelled text, and wrote none of it. Terms hold for labels as for any output."""
        return self.role == LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One physical file of a dataset version."""

    path: str
    """POSIX path relative to the data root ``root``, or an fsspec URL."""
    root: str = "data"
    """Name of the data root."""
    sha256: str
    """``sha256:<hex>`` of the bytes on disk."""
    size_bytes: int
    records: int | None = None
    """Records read at registration; ``None`` where nobody has counted."""
    words: int | None = None
    """Words of text (runs of letters and digits); ``None`` where nobody has counted."""
    format: ShardFormat = ShardFormat.JSONL
    unread_records: int = 0
    """Records that could not be read; above zero the shard is not known completely."""
    licenses: tuple[LicensePart, ...] = ()
    """Records by the licence that a column of theirs names; empty where no column was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """The tokenizer whose ids shards hold in the place of text."""

    path: str
    """Of its ``tokenizer.json``: POSIX, relative to the workspace where it lies in it, else absolute."""
    sha256: str
    """``sha256:<hex>`` of the file: ids mean nothing under another one."""
    field: str | None = None
    """The field that holds the ids, in formats with fields; ``None`` = found by convention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A named collection of shards and all that is declared of it."""

    name: str
    title: str = ""
    source: Source = field(default_factory=Source)
    obtained: Obtained = Obtained.UNKNOWN
    license: LicenseFacts = field(default_factory=LicenseFacts)
    terms: tuple[str, ...] = ()
    """Ids of terms versions that the registrant names; they add to those resolved from the generators."""
    generators: tuple[Generator, ...] = ()
    synthetic: TriState = TriState.UNKNOWN
    """Whether a model wrote text of it: YES where one is declared that wrote or the source is synthetic, NO only where the registrant says so."""
    domain: str = Absence.UNKNOWN.value
    languages: tuple[str, ...] = ()
    derived_from: tuple[str, ...] = ()
    owner: str = Absence.UNKNOWN.value
    text_field: str | None = None
    """The field that holds the text; ``None`` = found by convention."""
    tags: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = None
    """Turns token ids back into text; ``None`` = none is named, so that ids cannot be read."""
    details: Details = field(default_factory=Details)
    """What else is known: who made it and how, people in it, rights, counts."""

    @property
    def writers(self) -> tuple[Generator, ...]:
        """The models that wrote or changed its text: not those that only labelled it."""
        return tuple(g for g in self.generators if not g.is_labeller)

    @property
    def declares_writer(self) -> bool:
        """Whether its facts name a model that wrote text, or a source that is synthetic: ``synthetic`` must then be YES."""
        return bool(self.writers) or self.source.kind is SourceKind.SYNTHETIC


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """The immutable state of a dataset: its facts and its shards, identified by the Merkle root of the shard manifest."""

    dataset: Dataset
    root_digest: str
    """``sha256:<hex>``: RFC 6962 Merkle root over the shard leaves."""
    shards: tuple[Shard, ...]
    created: str
    """RFC 3339 UTC."""
    digests: ShardDigests = ShardDigests.READ
