"""Demands that something be kept out of training data, and what is known of each in a dataset version."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provenance.model.absence import Absence

EXCLUSIONS_FORMAT = "provenance.exclusions"
EXCLUSIONS_VERSION = 1


class DemandKind(StrEnum):
    """What a demand names."""

    DOMAIN = "domain"
    """A host name and all names below it."""
    URL = "url"
    """A page, or with ``/*`` at its end all pages below it."""
    WORK = "work"
    """A work, by the id of a reference or by its title."""
    AUTHOR = "author"
    """A person or body, as author or holder of rights."""
    RECORD_ID = "record-id"
    """A record, by the id that it carries."""
    DIGEST = "digest"
    """SHA-256 of a text, of a shard, or of a whole dataset version."""


class DemandBasis(StrEnum):
    """Why something must go. The list is closed."""

    OPT_OUT = "opt-out"
    """A reservation of rights: text and data mining is not permitted."""
    COPYRIGHT = "copyright"
    """A request to remove a protected work."""
    ERASURE = "erasure"
    """Personal data that a person has asked to erase, or to which they object."""
    CONTRACT = "contract"
    """A licence or contract ended, or never covered it."""
    COURT_ORDER = "court-order"
    """A court or an authority ordered it."""
    OTHER = "other"
    """Anything else: the comment says what."""


class Presence(StrEnum):
    """What is known of a demand in a dataset version."""

    STILL_INSIDE = "STILL_INSIDE"
    """At least one place holds what the demand names."""
    NOT_FOUND = "NOT_FOUND"
    """Everything that could hold it was looked at, and nothing was found."""
    UNKNOWN = "UNKNOWN"
    """Not all that could hold it could be looked at. Never to be read as not inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A demand as it was received. ``id`` is the digest of all but who recorded it and when."""

    id: str
    kind: DemandKind
    value: str
    """What is named, normalised."""
    given: str
    """The same as it was written."""
    dataset: str = ""
    """Of a record id, the dataset that it is of; empty for all."""
    demanded_by: str
    received: str
    """``YYYY-MM-DD``."""
    basis: DemandBasis
    ticket: str = ""
    """Where it is handled, such as a case number."""
    evidence_url: str = Absence.NOT_STATED.value
    evidence_sha256: str = Absence.NOT_STATED.value
    """Digest of a copy of what was received."""
    comment: str = ""
    at: str = ""
    """When it was recorded, RFC 3339 UTC."""
    actor: str = ""
    """Who recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """That a demand no longer holds."""

    reason: str
    at: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDemand:
    """A demand and what became of it."""

    demand: Demand
    withdrawal: Withdrawal | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether the demand holds."""
        return self.withdrawal is None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIndexFacts:
    """What one pass over a shard told of its records: how far an answer of "not found" may go."""

    key: str
    """Digest of all that the index depends on: bytes, how they are read, scheme."""
    shard: str
    """``sha256:<hex>`` of the bytes that were read."""
    evidence: str
    """Digest of the file with the index."""
    records: int
    """Records seen, unreadable ones included."""
    unread: int
    """Parts that could not be read."""
    with_host: int
    """Records of which an address tells the host that they came from."""
    with_page: int
    """Records of which an address tells the page that they came from."""
    with_id: int
    with_author: int
    with_text: int
    """Records of which every text was digested."""
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a demand is still inside."""

    how: str
    """``record`` (a field of a record), ``match`` (text shared with a work), ``shard``, ``version`` or ``metadata``."""
    path: str = ""
    shard: str = ""
    record: int | None = None
    """0-based."""
    line: int | None = None
    field: str = ""
    found: str = ""
    """The address, id, name, digest, or reference that fits."""
    explained: str = ""
    """Why shared text is no alarm, empty where it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """How hard was looked."""

    shards: int = 0
    """Shards of the version."""
    shards_read: int = 0
    """Shards whose records, or whose scans, were looked at."""
    records: int = 0
    records_told: int = 0
    """Records that carry what the demand names: an address, an id, an author."""
    unread: int = 0
    references: int = 0
    """References that the demand names."""
    sets: tuple[str, ...] = ()
    """Reference sets that hold them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandState:
    """What is known of one demand in one dataset version."""

    demand: str
    """Id."""
    dataset: str
    root_digest: str
    state: Presence
    count: int = 0
    """Places where it is inside: records, passages, shards, or the version itself."""
    places: tuple[Place, ...] = ()
    """The first of them."""
    explained: int = 0
    """Passages shared with the work that are no alarms: quotations, short ones, boilerplate."""
    looked: Looked = field(default_factory=Looked)
    reasons: tuple[str, ...] = ()
    """Why it is not known."""
    notes: tuple[str, ...] = ()
    """What a reader should know besides, such as what the version was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionReport:
    """What one check found; the sidecar of ``exclude check``."""

    created: str
    log_head: str
    """Of the registry's log when the check began."""
    scheme: str
    """Names how records are read and compared."""
    demands: tuple[Demand, ...]
    """Those that were looked for, open ones only."""
    states: tuple[DemandState, ...]
    """One for each of them and each dataset version."""
    format: str = EXCLUSIONS_FORMAT
    version: int = EXCLUSIONS_VERSION
