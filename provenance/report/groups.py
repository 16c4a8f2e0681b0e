"""Findings in the order of what they cost, identical ones as one entry with the list behind."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.model.absence import is_absent
from provenance.model.audit import MatchEvidence
from provenance.model.finding import Action, Finding, Outcome, Severity, Subject, SubjectKind
from provenance.report.passages import EvidenceView, view_evidence
from provenance.report.wording import clip, count, number

PASSAGES_PER_ENTRY = 3
MEMBERS_PER_ENTRY = 60
_SHORT_CHARS = 320
"""Of a passage, after the first ones."""
_PROVIDERS = 8
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{12})[0-9a-f]*")
_ACTIONS, _SEVERITIES = tuple(Action), tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of a record one page shows. What is left out is counted on the page, and stands in the tables beside it."""

    detailed: int = 150
    """Entries shown in full; later ones get a row in a table, and every finding stands in findings.csv."""
    rows: int = 1500
    """Entries listed in one line each, after those shown in full."""
    passages: int = 160
    """Passages in the whole page; every match stands in matches.csv."""
    full_chars: int = 240_000
    """Characters of passages, both sides, that are shown as they are; later passages are shortened."""
    members: int = 2_400
    """Findings that entries list by themselves."""
    shards: int = 100

    def halved(self) -> Room:
        """Return half of it, for texts that are longer than usual."""
        return Room(**{name: max(1, getattr(self, name) // 2) for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One finding of an entry."""

    anchor: str
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One or more identical findings."""

    anchor: str
    lead: Finding
    size: int
    grouped: int
    """Findings of the entry that the record does not list by themselves."""
    more: str
    """First digits of the id of the finding that stands for them; empty where there is none."""
    subject: str
    fact: str
    members: tuple[Member, ...]
    passages: tuple[EvidenceView, ...]
    passages_total: int
    waiver_form: str
    same_readings: bool
    same_remedies: bool
    providers: tuple[str, ...] = ()
    """Whose outputs or terms it is about, as far as clauses and references tell."""

    @property
    def state(self) -> str:
        """``open``, ``waived`` or ``not known``."""
        if self.lead.waiver is not None:
            return "waived"
        return "not known" if self.lead.outcome is Outcome.UNKNOWN else "open"

    @property
    def members_left(self) -> int:
        """Findings of the entry that the record lists and the page does not."""
        return self.size - self.grouped - len(self.members)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """The entries of a page."""

    entries: tuple[Entry, ...]
    """Those that there is room for."""
    total: int
    """How many there are in all."""


def anchor(finding_id: str) -> str:
    """Return the page's anchor of a finding: safe whatever the id holds."""
    match = _HEX.fullmatch(finding_id)
    short = match.group(1) if match else hashlib.sha256(finding_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"finding-{short}"


def group_findings(findings: Sequence[Finding], evidence: Sequence[MatchEvidence], *, day: str, room: Room | None = None) -> Grouped:
    """Return findings as entries, the costliest first: open before waived, deny before review before warn, then severity, rule and subject.

    Args:
        findings: Of the record.
        evidence: Of the record; found by match id, else by the shard's path.
        day: The audit's day, written into waiver forms.
        room: How much is shown.
    """
    left = _Left(room or Room())
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in sorted(findings, key=_rank):
        groups.setdefault(_key(finding), []).append(finding)
    by_id = {item.id: item for item in evidence}
    by_path: dict[str, list[MatchEvidence]] = {}
    for item in evidence:
        by_path.setdefault(item.match.path, []).append(item)
    shown = itertools.islice(groups.values(), left.entries)
    return Grouped(entries=tuple(_entry(members, _evidence_of(members, by_id, by_path), left, day) for members in shown), total=len(groups))


class _Left:
    """What is left of the room while entries are made, one after the other."""

    def __init__(self, room: Room) -> None:
        self.entries = room.detailed + room.rows
        self._detailed, self._passages, self._chars, self._members = room.detailed, room.passages, room.full_chars, room.members

    def take_passages(self, matches: Sequence[MatchEvidence]) -> tuple[EvidenceView, ...]:
        """Return the passages of the next entry that are shown."""
        self._detailed -= 1
        shown = min(PASSAGES_PER_ENTRY, self._passages) if self._detailed >= 0 else 0
        return tuple(self._view(m) for m in matches[:shown])

    def _view(self, item: MatchEvidence) -> EvidenceView:
        self._passages -= 1
        view = view_evidence(item) if self._chars > 0 else view_evidence(item, chars=_SHORT_CHARS)
        self._chars -= len(view.training.passage) + len(view.reference.passage)
        return view

    def take_members(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Return the findings of the next entry that are listed: none of what stands in one line."""
        wanted = min(MEMBERS_PER_ENTRY, self._members) if self._detailed >= 0 else 1
        self._members -= min(wanted, len(findings))
        return findings[: max(wanted, 1)]


def _rank(finding: Finding) -> tuple[object, ...]:
    return (
        finding.waiver is not None,
        _ACTIONS.index(finding.action),
        _SEVERITIES.index(finding.severity),
        finding.outcome is Outcome.UNKNOWN,
        finding.rule,
        finding.dataset,
        finding.grouped,
        finding.subject.id,
        finding.id,
    )


def _key(finding: Finding) -> tuple[object, ...]:
    same = (finding.rule, finding.bundle, finding.title, finding.severity, finding.outcome, finding.action, finding.dataset, finding.waiver)
    if finding.subject.kind is SubjectKind.MATCH:
        return (*same, finding.subject.kind, finding.clauses, tuple(r.kind for r in finding.remedies))
    return (*same, finding.subject.kind, finding.clauses, _plain(finding), tuple(r.kind for r in finding.remedies))


def _plain(finding: Finding) -> str:
    """Return the message without its subject, which the page names beside it."""
    name = finding.subject.id
    if not name:
        return finding.message
    return finding.message.removeprefix(f"{name}: ").replace(name, f"this {finding.subject.kind.value}")


def _evidence_of(
    findings: Sequence[Finding], by_id: Mapping[str, MatchEvidence], by_path: Mapping[str, Sequence[MatchEvidence]]
) -> tuple[MatchEvidence, ...]:
    found: dict[str, MatchEvidence] = {}
    for finding in findings:
        wanted = [e.digest for e in finding.evidence if e.kind == "match"] + [finding.subject.id, finding.subject.digest]
        named = [by_id[d] for d in wanted if d in by_id]
        if not named and any(e.kind == "match" for e in finding.evidence):
            named = [m for m in by_path.get(finding.subject.id, ()) if not m.match.explained]
        found.update((m.id, m) for m in named)
    return tuple(sorted(found.values(), key=lambda m: (m.match.explained, m.text is None, -m.match.words, m.id)))


def _entry(members: Sequence[Finding], matches: Sequence[MatchEvidence], left: _Left, day: str) -> Entry:
    lead, single = members[0], [f for f in members if not f.grouped]
    grouped = next((f for f in members if f.grouped), None)
    passages = left.take_passages(matches)
    return Entry(
        anchor=anchor(lead.id),
        lead=lead,
        size=sum(f.size for f in members),
        grouped=sum(f.grouped for f in members),
        more="" if grouped is None else anchor(grouped.id).removeprefix("finding-"),
        subject=_subject(members),
        fact=_fact(members, matches),
        members=tuple(Member(anchor=anchor(f.id), subject=_subject_name(f, matches), message=_plain(f)) for f in left.take_members(single)),
        passages=passages,
        passages_total=len(matches) + sum(f.grouped for f in members if f.subject.kind is SubjectKind.MATCH),
        waiver_form="" if lead.grouped else waiver_form(lead, day),
        same_readings=all(f.because == lead.because for f in single),
        same_remedies=all(f.remedies == lead.remedies for f in single),
        providers=_providers(members, matches),
    )


def _providers(members: Sequence[Finding], matches: Sequence[MatchEvidence]) -> tuple[str, ...]:
    named = {c.terms.partition("/")[0] for f in members for c in f.clauses} | {m.reference.provider for m in matches}
    return tuple(sorted(clip(" ".join(name.split()), 60) for name in named if name and not is_absent(name)))[:_PROVIDERS]


def _subject(members: Sequence[Finding]) -> str:
    lead = members[0]
    kind = lead.subject.kind
    noun = "passage" if kind is SubjectKind.MATCH else kind.value
    size = sum(f.size for f in members)
    if size > 1:
        words = count(size, noun)
    elif kind is SubjectKind.MATCH:
        words = "1 passage"
    elif kind is SubjectKind.RUN:
        words = "the whole run"
    else:
        words = f"{noun} {lead.subject.id}"
    return f"{words} of {lead.dataset}" if lead.dataset and lead.dataset != lead.subject.id else words


def _subject_name(finding: Finding, matches: Sequence[MatchEvidence]) -> str:
    if finding.subject.kind is SubjectKind.MATCH:
        for item in matches:
            if item.id in {finding.subject.id, finding.subject.digest}:
                return f"{item.match.path}, record {number(item.match.record)}"
    return finding.subject.id


def _fact(members: Sequence[Finding], matches: Sequence[MatchEvidence]) -> str:
    lead = members[0]
    if lead.subject.kind is not SubjectKind.MATCH or not matches or len(members) == 1:
        return _plain(lead)
    longest = max(matches, key=lambda m: (m.match.aligned_words, m.id))
    title = longest.reference.id if is_absent(longest.reference.title) else longest.reference.title
    return f"the longest shares {number(longest.match.aligned_words)} words with “{title}”"


def waiver_form(finding: Finding, day: str) -> str:
    """Return a waiver for one finding as YAML, with what only people can say left to fill in. Every text is written as a JSON string, so that none can break out."""
    subject = finding.subject
    lines = [
        "- id: W-…",
        f"  rule: {_quoted(finding.rule)}",
        f"  subject: {_subject_yaml(subject)}",
        "  reason: …            # why this may be trained on nevertheless",
        "  comment: …",
        "  requested_by: …      # your address",
        "  approved_by: …       # somebody else's address",
        f"  created: {_quoted(day)}",
        "  expires: …           # YYYY-MM-DD, the end of that UTC day",
    ]
    return "\n".join(lines)


def _subject_yaml(subject: Subject) -> str:
    return f"{{kind: {subject.kind.value}, id: {_quoted(clip(subject.id, 4000))}, digest: {_quoted(clip(subject.digest, 80))}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)
