"""The audit record: the one truth behind every report (FORMATS, audit record). Every report format is a view of its wire form."""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.model.absence import Absence, TriState
from provenance.model.dataset import Dataset
from provenance.model.finding import Action, ClauseCitation, Finding, Outcome, Reading, Severity, VerdictKind, Waiver
from provenance.model.match import Match, MatchText
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import Run

AUDIT_FORMAT = "provenance.audit"
AUDIT_VERSION = 1
NO_ROOT = "sha256:" + "0" * 64
"""Stands for the manifest of a run without shards, or with two files of one path: no clearance can be issued for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolVersion:
    """Which build of this package made the record."""

    version: str
    commit: str = Absence.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyUsed:
    """A bundle that judged the run."""

    bundle: str
    version: str
    digest: str
    rules: tuple[RuleUsed, ...] = ()
    params: tuple[Reading, ...] = ()
    """The bundle's parameters as applied, such as ``min_words`` and ``max_synthetic``: the report marks them in its charts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleUsed:
    """A rule as it was applied."""

    id: str
    title: str
    for_each: str
    require: str
    action: Action
    severity: Severity
    judged: int
    """Subjects it was evaluated for."""
    satisfied: int
    violated: int
    unknown: int
    not_applicable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsApplied:
    """A dated terms version that was in force for a part of a dataset."""

    dataset: str
    provider: str
    terms: str
    title: str
    effective_from: str
    effective_to: str
    generated_from: str
    generated_to: str
    outcome: str
    """ALLOWED, PROHIBITED or UNKNOWN for this run's use."""
    clauses: tuple[ClauseCitation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """A dataset version as judged: its facts, totals and share of the run."""

    dataset: Dataset
    root_digest: str
    shards: int
    size_bytes: int
    records: int
    words: int
    unread_records: int
    weight: float | None
    """Share of sampled tokens in the run."""
    license_use: str
    """Class of the effective licence: ``commercial``, ``non-commercial``, ``UNKNOWN`` …"""
    synthetic: TriState
    matches: int
    alarms: int
    matched_words: int
    """Passage words of all alarms, added up."""
    open_findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSummary:
    """A shard as judged."""

    dataset: str
    path: str
    sha256: str
    size_bytes: int
    records: int | None
    words: int | None
    state: str
    """``unchanged``, ``changed``, ``missing`` or ``unregistered``."""
    alarms: int
    matched_words: int
    """Passage words of all alarms, added up."""
    scan: str = ""
    """Id of the scan that was judged, empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSummary:
    """A reference set as used."""

    name: str
    digest: str
    kind: str
    references: int
    words: int
    scheme: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchEvidence:
    """A match with the words behind it, as the report shows it."""

    id: str
    """Digest of the match."""
    dataset: str
    match: Match
    reference: ReferenceRecord
    text: MatchText | None
    """``None`` where the words could not be read again; the report then says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFinding:
    """What a rule found of one match, as the evidence keeps it where a record cannot list all of them."""

    rule: str
    outcome: Outcome
    waiver: str
    """Id of the waiver that covers it, empty where none does."""
    dataset: str
    judged_as: ReferenceKind
    """The kind of reference that the rule looked at: several may hold one passage."""
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The numbers of the first screen, with their denominators."""

    datasets: int
    shards_named: int
    shards_judged: int
    records: int
    words: int
    words_with_known_license: int
    words_with_known_terms: int
    """Words that are not synthetic, or synthetic under terms whose outcome for this run is known. See ``words_under_terms`` for what this is worth."""
    matches: int
    alarms: int
    explained: int
    matched_words: int
    """Passage words of all alarms, added up."""
    words_shared_unlicensed: int
    """Shared words of alarms with works whose licence does not allow the use."""
    deny: int
    review: int
    warn: int
    waived: int
    words_under_terms: int | None = field(default=None, metadata={"left_out": True})
    """Words that came from a model or a service, or of which nobody says that they did not: only these need terms. ``None`` in records of versions that did not tell."""
    words_under_known_terms: int | None = field(default=None, metadata={"left_out": True})
    """Of these, words under terms whose outcome for this run is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureShare:
    """One slice of the mixture under one grouping."""

    grouping: str
    """``source``, ``license``, ``provider``, ``language``, ``synthetic`` or ``domain``."""
    label: str
    share: float
    """Of sampled tokens, 0 … 1; words stand for tokens until a tokenizer is named."""
    synthetic: TriState = TriState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step that would bring the run closer to a clearance."""

    summary: str
    effect: str
    clears: tuple[str, ...]
    """Rule ids whose open findings the step would close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDuty:
    """What a licence or a text of terms asks in return for using a dataset."""

    code: str
    """Such as ``attribution:required`` or ``name-prefix:Llama`` (docs/rules/reading.md)."""
    summary: str
    asked_by: str
    """Licence or terms version."""
    source: str = ""
    due: TriState = TriState.YES
    """UNKNOWN where it depends on a fact that nobody states."""
    tested_when: str = ""
    """Day on which a threshold is tested."""
    place: str = ""
    """The ancestor that brings it, with the way; empty where the dataset itself does."""
    dataset: str = ""

    @property
    def text(self) -> str:
        """Return it in a line, without the dataset."""
        open_ = ", if it applies" if self.due is TriState.UNKNOWN else ""
        return f"{self.code}: {self.summary.rstrip('.')} ({self.asked_by}{open_})" + (f", {self.place}" if self.place else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlass:
    """A break-glass clearance that was issued for a run which its audit did not clear."""

    at: str
    """When, RFC 3339 UTC."""
    approver: str
    reason: str
    audit: str
    """Id of the audit that it lets pass."""
    expires: str
    rules: tuple[str, ...]
    """Rules whose findings were let pass, sorted."""
    findings: int
    """How many were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """Everything one audit established, values only."""

    id: str
    """Digest of all that was judged, so that the same input gives the same id."""
    created: str
    tool: ToolVersion
    command: str
    run: Run
    registry_revision: str
    log_head: str
    datasets: tuple[DatasetSummary, ...]
    shards: tuple[ShardSummary, ...]
    """At most the first 1,000 and every shard with an open finding; ``shards_total`` says how many there are."""
    shards_total: int
    manifest_root: str
    """Merkle root over all shards of the run."""
    references: tuple[ReferenceSummary, ...]
    scans: tuple[str, ...]
    """Ids of the scan results the facts rest on."""
    terms_catalog_version: str
    terms_catalog_digest: str
    policy: tuple[PolicyUsed, ...]
    facts_digest: str
    totals: Totals
    mixture: tuple[MixtureShare, ...]
    terms_applied: tuple[TermsApplied, ...]
    findings: tuple[Finding, ...]
    """VIOLATED and UNKNOWN ones, waived ones included; how often rules were satisfied stands in ``policy``. Where a rule finds fault with very many matches
    of a dataset, one of them stands for all that are not listed."""
    evidence: tuple[MatchEvidence, ...]
    waivers: tuple[Waiver, ...]
    obligations: tuple[str, ...]
    """``duties`` in words."""
    steps: tuple[Step, ...]
    verdict: VerdictKind
    limits: tuple[str, ...]
    """What was not checked, and why."""
    run_file: str = ""
    """Where the run file was, empty where there was none: policy bundles are looked for beside it."""
    schemes: tuple[str, ...] = ()
    """Names of the rules by which text was read, compared and looked at for formulas of assistants; empty where nothing was compared."""
    match_findings: str = ""
    """Digest of the evidence file with every finding on a match; empty where all of them, and their matches, stand in the record."""
    exclusions: str = ""
    """Digest of the demands that something be kept out of which the audit knew; empty where none held."""
    licenses_digest: str = ""
    """Digest of the licence catalogue by which licences were judged."""
    duties: tuple[AskedDuty, ...] = ()
    """What licences and terms of the data, and of all that they come from, ask in return."""
    licenses_version: str = ""
    """Releases of the documents that make it up; empty in records of versions that did not tell."""
    broken_glass: tuple[BrokenGlass, ...] = ()
    """Break-glass clearances of this run, oldest first. Empty in the record as it is stored: a report tells what was issued until it was made."""
    format: str = field(default=AUDIT_FORMAT)
    version: int = field(default=AUDIT_VERSION)
