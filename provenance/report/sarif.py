"""The findings of an audit as SARIF 2.1.0, which code hosts and editors show beside the files (OASIS, Static Analysis Results Interchange Format)."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from provenance.audit.impact import IssuedClearance
from provenance.model.audit import AuditRecord, MatchEvidence, PolicyUsed
from provenance.model.finding import Action, Finding, SubjectKind, VerdictKind
from provenance.model.wire import to_wire
from provenance.report.beside import NOT_COMPARED
from provenance.report.record_checks import MOMENT
from provenance.report.record_json import render_value
from provenance.report.standing import Standing, revoked_line
from provenance.report.suppression import Waivers, suppressions
from provenance.report.wording import broken_glass_line, clip, visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Action.DENY: "error", Action.REVIEW: "warning", Action.WARN: "note"}
_RUN_FILE = "run.yaml"
"""Where findings on a whole run or dataset are shown when nobody knows what the run file was called."""
_LONGEST = 2_000
"""Characters of a message."""


@dataclass(frozen=True, slots=True)
class SarifReport:
    """Writes one SARIF run: a rule of a bundle is a rule, a finding a result, a waiver a suppression."""

    name: str = "sarif"
    file_name: str = "findings.sarif"
    suffix: str = ".sarif"
    clearances: tuple[IssuedClearance, ...] | None = None
    """Clearances of the audit, oldest first; ``None`` where nobody looked."""
    is_compared: bool = True
    """Whether a workspace keeps the record; a record file that none keeps is believed as it stands, and the document says so."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document; all findings are in it, waived ones as suppressed."""
        return render_value(_log(record, Standing.of(self.clearances, is_compared=self.is_compared)), where=f"audit record {record.id[:19]}")


_FINGERPRINT_CHARS = 32
_VERDICT = "VERDICT"
_BREAK_GLASS = "BREAK-GLASS"
_REVOKED = "CLEARANCE-REVOKED"


def _log(record: AuditRecord, standing: Standing) -> dict[str, Any]:
    rules = _rules(record.policy, record.findings)
    numbers = {(rule["properties"]["bundle"], rule["id"]): i for i, rule in enumerate(rules)}
    run_file = PurePath(record.run_file).name or _RUN_FILE
    view = _View(
        evidence={e.id: e for e in record.evidence},
        waivers=Waivers.of(record),
        run_file=run_file,
        model=record.run.model.name,
    )
    prints = _fingerprints(record.findings, view)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "provenance", "version": record.tool.version, "rules": rules}},
                "automationDetails": {"id": f"provenance/{record.run.model.name}/", "guid": _guid(record.id)},
                "invocations": [{"executionSuccessful": True, **_ended(record.created), "commandLine": record.command}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(f, numbers[f.bundle, f.rule], mark, view) for f, mark in zip(record.findings, prints, strict=True)]
                + _verdict(record, run_file)
                + _broken_glass(record, run_file)
                + _revoked(record, standing, run_file),
                "properties": {
                    "verdict": record.verdict.value,
                    "audit": record.id,
                    "manifestRoot": record.manifest_root,
                    "limits": list(record.limits),
                    "brokenGlass": to_wire(record.broken_glass),
                    **({} if standing.is_compared else {"notCompared": NOT_COMPARED}),
                    **({"revokedClearances": [_text(line) for line in standing.lines]} if standing.revoked else {}),
                },
            }
        ],
    }


def _rules(policy: Sequence[PolicyUsed], findings: Iterable[Finding]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {
            "id": rule.id,
            "shortDescription": {"text": _text(rule.title)},
            "fullDescription": {"text": _text(f"For each {rule.for_each}: {rule.require}")},
            "help": {"text": f"See docs/rules/{rule.id}.md, or type: provenance policy show {used.bundle}"},
            "defaultConfiguration": {"level": _LEVELS[rule.action]},
            "properties": {"bundle": used.bundle, "bundleVersion": used.version, "bundleDigest": used.digest, "severity": rule.severity.value},
        }
        for used in policy
        for rule in used.rules
    ]
    known = {(r["properties"]["bundle"], r["id"]) for r in rules}
    for finding in findings:
        if (finding.bundle, finding.rule) not in known:
            known.add((finding.bundle, finding.rule))
            rules.append(
                {
                    "id": finding.rule,
                    "shortDescription": {"text": _text(finding.title)},
                    "defaultConfiguration": {"level": _LEVELS[finding.action]},
                    "properties": {"bundle": finding.bundle, "severity": finding.severity.value},
                }
            )
    return rules


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What a result is made of beside its finding."""

    evidence: Mapping[str, MatchEvidence]
    waivers: Waivers
    run_file: str
    model: str

    def match_of(self, finding: Finding) -> MatchEvidence | None:
        return self.evidence.get(finding.subject.id) or self.evidence.get(finding.subject.digest)


def _result(finding: Finding, rule: int, fingerprint: str, view: _View) -> dict[str, Any]:
    lead = "Not known: " if finding.outcome.value == "UNKNOWN" else ""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "kind": "fail",
        "level": _LEVELS[finding.action],
        "message": {"text": _text(f"{lead}{finding.message}")},
        "locations": [_location(finding, view)],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint, "provenanceFinding/v2": fingerprint},
        "suppressions": list(suppressions(finding, view.waivers)),
        "properties": {
            "finding": finding.id,
            "outcome": finding.outcome.value,
            "action": finding.action.value,
            "dataset": finding.dataset,
            "because": to_wire(finding.because),
            "clauses": to_wire(finding.clauses),
            "remedies": to_wire(finding.remedies),
        },
    }
    if finding.grouped:
        result["occurrenceCount"] = finding.grouped
    return result


def _fingerprints(findings: Sequence[Finding], view: _View) -> Iterator[str]:
    """Yield what tells each finding from the others of its file and rule in every audit of the run, so that a code host knows an alert again.

    Digests that a new card, another scan or a changed record move are left out: the ids of findings, of matches and of what was read. Equal ones are
    numbered in the order of the record. The form is that of GitHub's ``primaryLocationLineHash``, the one fingerprint that it reads: a hash, a colon, a number.
    """
    seen: Counter[str] = Counter()
    for finding in findings:
        parts = (finding.bundle, finding.rule, finding.dataset, finding.subject.kind.value, *_identity(finding, view))
        mark = _hash(parts)
        seen[mark] += 1
        yield f"{mark}:{seen[mark]}"


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_FINGERPRINT_CHARS]


def _identity(finding: Finding, view: _View) -> tuple[str, ...]:
    """Return what a finding is about, by names that stay: the document and the reference of a passage, the name of all else."""
    if finding.grouped:
        return ("grouped", finding.outcome.value)
    if finding.subject.kind is SubjectKind.RUN:
        return (view.model,)
    found = view.match_of(finding)
    if finding.subject.kind is SubjectKind.MATCH and found is not None:
        match = found.match
        return (match.path, match.doc_id, match.field, match.reference_set, match.reference)
    return (finding.subject.id,)


def _verdict(record: AuditRecord, run_file: str) -> list[dict[str, Any]]:
    """Return the verdict as a result where no finding tells it, such as that of a run without shards: a reader must not take silence for a clearance."""
    told = any(f.is_open and f.action is not Action.WARN for f in record.findings)
    if told or record.verdict is VerdictKind.CLEARED:
        return []
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(run_file)}}}
    return [
        {
            "ruleId": _VERDICT,
            "kind": "fail",
            "level": "error",
            "message": {"text": f"The verdict is {record.verdict.value}."},
            "locations": [location],
            "partialFingerprints": {"primaryLocationLineHash": f"{_hash((_VERDICT, record.run.model.name))}:1"},
            "suppressions": [],
        }
    ]


def _broken_glass(record: AuditRecord, run_file: str) -> list[dict[str, Any]]:
    """Return each break-glass clearance of the run as an error: what was let pass does not count as mended."""
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(run_file)}}}
    return [
        {
            "ruleId": _BREAK_GLASS,
            "kind": "fail",
            "level": "error",
            "message": {"text": _text(broken_glass_line(one))},
            "locations": [location],
            "partialFingerprints": {
                "primaryLocationLineHash": f"{_hash((_BREAK_GLASS, one.audit, one.at))}:1",
                "provenanceBreakGlass/v1": f"{one.audit} {one.at}",
            },
            "suppressions": [],
        }
        for one in record.broken_glass
    ]


def _revoked(record: AuditRecord, standing: Standing, run_file: str) -> list[dict[str, Any]]:
    """Return each clearance that was taken back: an error where none stands any more, since no trainer starts this run, else a note."""
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(run_file)}}}
    return [
        {
            "ruleId": _REVOKED,
            "kind": "fail",
            "level": "error" if standing.taken_back is not None else "note",
            "message": {"text": _text(revoked_line(one))},
            "locations": [location],
            "partialFingerprints": {
                "primaryLocationLineHash": f"{_hash((_REVOKED, one.audit, one.statement, one.issued))}:1",
                "provenanceRevoked/v1": f"{record.id} {one.statement or one.issued}",
            },
            "suppressions": [],
        }
        for one in standing.revoked
    ]


def _location(finding: Finding, view: _View) -> dict[str, Any]:
    """Return where a finding is shown: the line of a passage, a shard's file, else the run file; always with what it is about by name."""
    subject = finding.subject
    logical = [{"name": clip(subject.id, _LONGEST), "kind": subject.kind.value}]
    if finding.dataset and subject.kind is not SubjectKind.DATASET:
        logical.append({"name": finding.dataset, "kind": SubjectKind.DATASET.value})
    found = view.match_of(finding)
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(view.run_file)}}
    if found is not None:
        physical = {"artifactLocation": {"uri": _uri(found.match.path)}}
        if found.match.line:
            physical["region"] = {"startLine": found.match.line}
    elif subject.kind is SubjectKind.SHARD:
        physical = {"artifactLocation": {"uri": _uri(subject.id)}}
    return {"physicalLocation": physical, "logicalLocations": logical}


def _uri(path: str) -> str:
    """Return a path or URL as a URI reference: a drive or a colon in a file name is no scheme."""
    if "://" in path:
        return quote(path, safe="/:?&=@+,;%", errors="replace")
    return quote(path, safe="/", errors="replace") or _RUN_FILE


def _text(text: str) -> str:
    """Return text in which a reader finds neither a placeholder nor a link (SARIF 2.1.0, sections 3.11.5 and 3.11.6), and a terminal no command."""
    shown = clip(visible(text), _LONGEST)
    if "](" in shown:
        shown = shown.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return shown.replace("{", "{{").replace("}", "}}") or "(no message)"


def _guid(audit: str) -> str:
    """Return a GUID of version 5 made from the audit's id: the same record gives the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, audit.encode("utf-8", "replace").decode()))


def _ended(moment: str) -> dict[str, str]:
    """Return when the audit ended, if the record, which may have been edited, tells a time at all: consumers check its form (SARIF 3.9)."""
    return {"endTimeUtc": moment} if MOMENT.fullmatch(moment) else {}
