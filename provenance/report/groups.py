"""Findings in the order of what they cost, identical ones as one entry with the list behind."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.model.absence import is_absent
from provenance.model.audit import MatchEvidence
from provenance.model.finding import Action, Finding, Outcome, Severity, Subject, SubjectKind
from provenance.report.passages import EvidenceView, view_evidence
from provenance.report.wording import clip, count, number

DETAILED = 150
"""Entries shown in full; later ones get a row in a table, and every finding stands in findings.csv."""
PASSAGES_PER_ENTRY = 3
PASSAGES = 160
"""Passages in the whole page; every match stands in matches.csv."""
MEMBERS_PER_ENTRY = 60
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{12})[0-9a-f]*")
_ACTIONS, _SEVERITIES = tuple(Action), tuple(Severity)


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
    search: str

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


def anchor(finding_id: str) -> str:
    """Return the page's anchor of a finding: safe whatever the id holds."""
    match = _HEX.fullmatch(finding_id)
    short = match.group(1) if match else hashlib.sha256(finding_id.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"finding-{short}"


def group_findings(findings: Sequence[Finding], evidence: Sequence[MatchEvidence], *, day: str) -> tuple[Entry, ...]:
    """Return findings as entries, the costliest first: open before waived, deny before review before warn, then severity, rule and subject.

    Args:
        findings: Of the record.
        evidence: Of the record; found by match id, else by the shard's path.
        day: The audit's day, written into waiver forms.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in sorted(findings, key=_rank):
        groups.setdefault(_key(finding), []).append(finding)
    by_id = {item.id: item for item in evidence}
    by_path: dict[str, list[MatchEvidence]] = {}
    for item in evidence:
        by_path.setdefault(item.match.path, []).append(item)
    entries: list[Entry] = []
    room = PASSAGES
    for members in groups.values():
        matches = _evidence_of(members, by_id, by_path)
        shown = min(PASSAGES_PER_ENTRY, room) if len(entries) < DETAILED else 0
        entry = _entry(members, matches, shown, day)
        room -= len(entry.passages)
        entries.append(entry)
    return tuple(entries)


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


def _entry(members: Sequence[Finding], matches: Sequence[MatchEvidence], shown: int, day: str) -> Entry:
    lead, single = members[0], [f for f in members if not f.grouped]
    grouped = next((f for f in members if f.grouped), None)
    return Entry(
        anchor=anchor(lead.id),
        lead=lead,
        size=sum(f.size for f in members),
        grouped=sum(f.grouped for f in members),
        more="" if grouped is None else anchor(grouped.id).removeprefix("finding-"),
        subject=_subject(members),
        fact=_fact(members, matches),
        members=tuple(Member(anchor=anchor(f.id), subject=_subject_name(f, matches), message=_plain(f)) for f in single[:MEMBERS_PER_ENTRY]),
        passages=tuple(view_evidence(m) for m in matches[:shown]),
        passages_total=len(matches) + sum(f.grouped for f in members if f.subject.kind is SubjectKind.MATCH),
        waiver_form="" if lead.grouped else waiver_form(lead, day),
        same_readings=all(f.because == lead.because for f in single),
        same_remedies=all(f.remedies == lead.remedies for f in single),
        search=clip(f"{lead.rule} {lead.title} {lead.dataset} {lead.message}", 300).lower(),
    )


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
    longest = max(matches, key=lambda m: (m.match.words, m.id))
    title = longest.reference.id if is_absent(longest.reference.title) else longest.reference.title
    return f"the longest shares {number(longest.match.words)} words with “{title}”"


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
