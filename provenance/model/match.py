"""Shared text between a training document and a reference."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.model.absence import Absence
from provenance.model.reference import ReferenceKind


class MatchMethod(StrEnum):
    """Which stage of the cascade confirmed a match."""

    DIGEST = "digest"
    MINHASH = "minhash"
    PASSAGE = "passage"


class Explanation(StrEnum):
    """Why shared text is no alarm."""

    QUOTATION = "quotation"
    SHORT_PASSAGE = "short-passage"
    BOILERPLATE = "boilerplate"
    LICENSE_TEXT = "license-text"
    PROMPT = "prompt"
    COMMON_TO_MODELS = "common-to-models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open interval of code points."""

    start: int
    end: int

    def __post_init__(self) -> None:
        """Refuse an interval that runs backwards."""
        if not 0 <= self.start <= self.end:
            raise ValueError(f"span [{self.start}, {self.end}) runs backwards")


ALSO_LISTED = 50
"""Other references listed with a match, best first; with so many, there may be more that are not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsoIn:
    """Another reference that holds the same passage."""

    reference: str
    start: int
    end: int
    score: float
    reference_set: str = ""
    """The set it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One passage that a training document shares with a reference (FORMATS, match). Offsets are code points of the original field."""

    scan: str
    """Id of the scan, empty where there is none."""
    shard: str
    """``sha256:<hex>`` of the shard, empty where it was not hashed."""
    path: str
    record: int
    line: int | None
    doc_id: str
    field: str
    start: int
    end: int
    reference_set: str
    reference: str
    kind: ReferenceKind
    reference_start: int
    reference_end: int
    also: tuple[AlsoIn, ...] = ()
    method: MatchMethod
    words: int
    """Passage words: all words of the training side's span. Called "a passage of 137 words"."""
    aligned_words: int
    """Shared words: those of the span that align with the reference's, one to one. Called "133 words shared"."""
    longest_run: int
    exact_jaccard: float
    """Of the two spans' word 5-gram sets."""
    exact_containment: float
    """Of the training span's word 5-grams in the reference span's."""
    document_jaccard: float
    """Of the whole field's and the whole reference's word 5-gram sets."""
    score: float
    """Local alignment score."""
    chance_alarms_per_million: float
    """Expected alarms of at least this score by chance, per million documents of 1,500 words."""
    ci_low: float
    ci_high: float
    """95 % interval of the rate behind ``exact_containment``: the share of 5-grams that survive in text taken over and changed as this passage was. The
    containment itself is counted where the reference has its text; of a pack, which shows a sample, the interval covers it too."""
    explained: bool = False
    because: Explanation | None = None
    token_start: int | None = None
    """First token of the document that the span touches, 0-based; ``None`` where the shard holds text."""
    token_end: int | None = None
    """One past the last token that the span touches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchText:
    """The words behind a match, for people: the passages with context, and which stretches are shared."""

    before: str
    text: str
    after: str
    reference_before: str
    reference_text: str
    """Empty where the reference is a pack, which holds no words."""
    reference_after: str
    shared: tuple[Span, ...]
    """Stretches of ``text`` that also stand in ``reference_text``, code points from its start."""
    reference_shared: tuple[Span, ...]
    document_length: int
    """Code points of the whole field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProblem:
    """A part of a shard that could not be read."""

    path: str
    line: int | None
    record: int | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A field of a shard that a scan did not read."""

    field: str
    """Its path, ``[*]`` for every index; ``…`` stands for all beyond the first forty."""
    records: int
    """Records that hold text with room for a passage there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A formula of assistants, or residue of the machinery around them, in a training record: a reason to ask where the record comes from, no match.

    One for each record and pattern: the first place. Offsets are code points of the original field.
    """

    scan: str
    """Id of the scan, empty where there is none."""
    shard: str
    """``sha256:<hex>`` of the shard, empty where it was not hashed."""
    path: str
    record: int
    line: int | None
    doc_id: str
    field: str
    start: int
    end: int
    pattern: str
    """Id of the pattern."""
    kind: str
    """What the pattern shows, such as ``self-identification`` or ``template``."""
    provider: str = Absence.UNKNOWN.value
    """Whose assistant says so."""
    text: str = ""
    """What stands there, cut at ``SUSPECT_TEXT`` code points."""


SUSPECT_TEXT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectCount:
    """How many records of a shard one pattern was found in."""

    pattern: str
    kind: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What one scan of one shard against a set of references found."""

    id: str
    """Digest of all that the result depends on: shard, how it is read, reference sets, scheme."""
    path: str
    shard: str
    index_digests: tuple[str, ...]
    scheme: str
    """Name that records every parameter of the matcher."""
    records: int
    documents: int
    """Fields of text compared."""
    words: int
    text_bytes: int
    matches: int
    alarms: int
    """Matches that are not explained away."""
    dropped_seeds: int = 0
    """Seed hits left out by caps; above zero the summary says so."""
    left_out: tuple[LeftOut, ...] = ()
    """Fields with long text that were not read, since the dataset names another one; none where it names none."""
    suspected_records: int = 0
    """Records that at least one pattern was found in."""
    suspects: tuple[SuspectCount, ...] = ()
    """By pattern, ordered by its id."""
    suspects_evidence: str = ""
    """Digest of the file that lists them, empty where there are none."""
    frame: str = ""
    """Digest of all that the result depends on but the references; empty where no later scan can rest on this one."""
    segments: str = ""
    """Digest of the file that lists the segments it was compared with."""
    touched: str = ""
    """Digest of the file that says with which of them each record that has matches shares words."""
    problems: tuple[ReadProblem, ...] = ()
    finished: str = ""
    """RFC 3339 UTC."""
