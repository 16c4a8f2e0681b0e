"""What a company should know of a dataset beyond source, licence and generators: the rest of the crosswalk's fields.

Every field has a named absence as its default. An empty list means that nothing was stated, never that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provenance.model.absence import Absence, TriState
from provenance.model.claims import Evidence, LicenseClaim


class Modality(StrEnum):
    """What kind of content a dataset holds (EU template 1.3.a)."""

    TEXT = "text"
    CODE = "code"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    TABULAR = "tabular"
    TIME_SERIES = "time-series"
    GEOSPATIAL = "geospatial"
    THREE_D = "3d"
    OTHER = "other"


class OptOutSignal(StrEnum):
    """Where a site says whether its content may be mined (EU template 3.1)."""

    ROBOTS_TXT = "robots.txt"
    TDM_RESERVATION = "tdmrep"
    """TDM Reservation Protocol: header, file or metadata."""
    META_TAG = "meta-tag"
    HTTP_HEADER = "http-header"
    AI_TXT = "ai.txt"
    CONTENT_SIGNAL = "content-signal"
    """``Content-Signal`` lines of a robots.txt."""
    TERMS_OF_SERVICE = "terms-of-service"
    OPT_OUT_REGISTRY = "opt-out-registry"
    """A list that holders of rights put themselves on."""
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutCheck:
    """How one opt-out signal was treated when content was collected."""

    signal: OptOutSignal
    honoured: TriState = TriState.UNKNOWN
    """Whether content that it reserved was left out."""
    evidence: Evidence = field(default_factory=Evidence)
    """What was read of the signal, when, and its digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawler:
    """The program that collected content."""

    name: str = Absence.UNKNOWN.value
    user_agent: str = Absence.UNKNOWN.value
    operator: str = Absence.UNKNOWN.value
    purpose: str = Absence.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """How content was collected; the days are those of the source."""

    method: str = Absence.UNKNOWN.value
    ongoing: TriState = TriState.UNKNOWN
    geography: tuple[str, ...] = ()
    """Countries or regions that the content is from."""
    crawlers: tuple[Crawler, ...] = ()
    opt_outs: tuple[OptOutCheck, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """Whether the content says things about people."""

    present: TriState = TriState.UNKNOWN
    sensitive: TriState = TriState.UNKNOWN
    """Whether special categories (GDPR article 9) are among it."""
    categories: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    """What was done to protect people: anonymisation, filtering, consent."""
    legal_basis: str = Absence.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Whether content is protected, and by what (Civil Code 3111(a)(5), D&TA use.copyright, patent, trademark)."""

    copyright: TriState = TriState.UNKNOWN
    trademark: TriState = TriState.UNKNOWN
    patent: TriState = TriState.UNKNOWN
    public_domain: TriState = TriState.UNKNOWN
    """Whether all of it is."""
    holders: tuple[str, ...] = ()
    notice: str = Absence.NOT_STATED.value
    """The copyright notice, in its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """How many tokens a dataset has under one tokenizer."""

    tokens: int
    tokenizer: str
    """Name or digest: a count means nothing without it."""
    by: str = Absence.UNKNOWN.value

    def __post_init__(self) -> None:
        """Refuse what is no count."""
        if self.tokens < 0 or not self.tokenizer.strip():
            raise ValueError("a token count is 0 or more, of a named tokenizer")


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensePart:
    """The records of one shard that a licence column puts under one licence."""

    value: str
    """SPDX expression, ``LicenseRef-…``, or a named absence."""
    original: str
    """What the column says."""
    records: int
    words: int | None = None
    """``None`` where nobody has counted."""

    def __post_init__(self) -> None:
        """Refuse what is no count."""
        if self.records < 0 or (self.words is not None and self.words < 0):
            raise ValueError("records and words of a licence are 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAcceptance:
    """That somebody agreed to terms, by which they bind."""

    terms: str
    """Id of a terms version."""
    accepted_at: str = Absence.UNKNOWN.value
    by: str = Absence.UNKNOWN.value
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """The facts of a dataset that documents ask for and that few rules read."""

    description: str = Absence.NOT_STATED.value
    version: str = Absence.NOT_STATED.value
    """What its publisher calls this version."""
    identifiers: tuple[str, ...] = ()
    """Names elsewhere: ``hf:org/name``, a DOI, ``urn:uuid:…``."""
    creators: tuple[str, ...] = ()
    publisher: str = Absence.UNKNOWN.value
    published: str = Absence.UNKNOWN.value
    """Day of publication, ``YYYY-MM-DD``."""
    modalities: tuple[Modality, ...] = ()
    content_types: tuple[str, ...] = ()
    """Kinds of content or tasks: ``news``, ``question-answering`` …"""
    purposes: tuple[str, ...] = ()
    """What it is meant for, in its publisher's words."""
    processing: tuple[str, ...] = ()
    """Steps between collection and these bytes: cleaning, filtering, labelling."""
    citation: str = Absence.NOT_STATED.value
    collection: Collection = field(default_factory=Collection)
    personal_data: PersonalData = field(default_factory=PersonalData)
    rights: Rights = field(default_factory=Rights)
    confidentiality: str = Absence.UNKNOWN.value
    token_counts: tuple[TokenCount, ...] = ()
    license_field: str | None = None
    """The field of each record that names its licence; ``None`` = none is named."""
    conclusion: str = Absence.NOT_STATED.value
    """Why the concluded licence was concluded; who and when stand in its claim."""
    container_license: LicenseClaim = field(default_factory=LicenseClaim)
    """Licence of the compilation, where it differs from that of the content."""
    metadata_license: LicenseClaim = field(default_factory=LicenseClaim)
    """Licence of the metadata about it."""
    accepted: tuple[TermsAcceptance, ...] = ()
    notes: str = Absence.NOT_STATED.value
