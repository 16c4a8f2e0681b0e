"""The findings of an audit as SARIF 2.1.0, which code hosts and editors show beside the files (OASIS, Static Analysis Results Interchange Format)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from provenance.model.audit import AuditRecord, MatchEvidence, PolicyUsed
from provenance.model.finding import Action, Finding, SubjectKind, VerdictKind, Waiver
from provenance.model.wire import to_wire
from provenance.report.record_json import render_value
from provenance.report.wording import clip

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Action.DENY: "error", Action.REVIEW: "warning", Action.WARN: "note"}
_RUN_FILE = "run.yaml"
"""Where findings on a whole run or dataset are shown when nobody knows what the run file was called."""
_LONGEST = 2_000
"""Characters of a message."""
_MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")


@dataclass(frozen=True, slots=True)
class SarifReport:
    """Writes one SARIF run: a rule of a bundle is a rule, a finding a result, a waiver a suppression."""

    name: str = "sarif"
    file_name: str = "findings.sarif"
    suffix: str = ".sarif"

    def render(self, record: AuditRecord) -> bytes:
        """Return the document; all findings are in it, waived ones as suppressed."""
        return render_value(_log(record), where=f"audit record {record.id[:19]}")


_VERDICT = "VERDICT"


def _log(record: AuditRecord) -> dict[str, Any]:
    rules = _rules(record.policy, record.findings)
    numbers = {(rule["properties"]["bundle"], rule["id"]): i for i, rule in enumerate(rules)}
    evidence = {e.id: e for e in record.evidence}
    waivers = {w.id: w for w in record.waivers}
    run_file = PurePath(record.run_file).name or _RUN_FILE
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "provenance", "version": record.tool.version, "rules": rules}},
                "automationDetails": {"id": f"provenance/{record.run.model.name}/", "guid": _guid(record.id)},
                "invocations": [{"executionSuccessful": True, **_ended(record.created), "commandLine": record.command}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(f, numbers[f.bundle, f.rule], evidence, waivers, run_file) for f in record.findings] + _verdict(record, run_file),
                "properties": {
                    "verdict": record.verdict.value,
                    "audit": record.id,
                    "manifestRoot": record.manifest_root,
                    "limits": list(record.limits),
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
            "defaultConfiguration": {"level": _LEVELS[Action(rule.action)]},
            "properties": {"bundle": used.bundle, "bundleVersion": used.version, "bundleDigest": used.digest, "severity": rule.severity},
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


def _result(finding: Finding, rule: int, evidence: dict[str, MatchEvidence], waivers: dict[str, Waiver], run_file: str) -> dict[str, Any]:
    lead = "Not known: " if finding.outcome.value == "UNKNOWN" else ""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "kind": "fail",
        "level": _LEVELS[finding.action],
        "message": {"text": _text(f"{lead}{finding.message}")},
        "locations": [_location(finding, evidence, run_file)],
        "partialFingerprints": {"provenanceFinding/v1": finding.id},
        "properties": {
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
    if finding.waiver is not None:
        result["suppressions"] = [_suppression(finding.waiver, waivers.get(finding.waiver))]
    return result


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
        }
    ]


def _suppression(waiver_id: str, waiver: Waiver | None) -> dict[str, Any]:
    text = f"waiver {waiver_id}"
    if waiver is not None:
        text += f" ({waiver.reason}), approved by {waiver.approved_by}, until {waiver.expires}: {waiver.comment}"
    return {"kind": "external", "status": "accepted", "justification": clip(text, _LONGEST)}


def _location(finding: Finding, evidence: dict[str, MatchEvidence], run_file: str) -> dict[str, Any]:
    """Return where a finding is shown: the line of a passage, a shard's file, else the run file; always with what it is about by name."""
    subject = finding.subject
    logical = [{"name": clip(subject.id, _LONGEST), "kind": subject.kind.value}]
    if finding.dataset and subject.kind is not SubjectKind.DATASET:
        logical.append({"name": finding.dataset, "kind": SubjectKind.DATASET.value})
    found = evidence.get(subject.id) or evidence.get(subject.digest)
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(run_file)}}
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
    """Return text in which a reader finds neither a placeholder nor a link (SARIF 2.1.0, sections 3.11.5 and 3.11.6)."""
    shown = clip(text, _LONGEST)
    if "](" in shown:
        shown = shown.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return shown.replace("{", "{{").replace("}", "}}") or "(no message)"


def _guid(audit: str) -> str:
    """Return a GUID of version 5 made from the audit's id: the same record gives the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, audit.encode("utf-8", "replace").decode()))


def _ended(moment: str) -> dict[str, str]:
    """Return when the audit ended, if the record, which may have been edited, tells a time at all: consumers check its form (SARIF 3.9)."""
    return {"endTimeUtc": moment} if _MOMENT.fullmatch(moment) else {}
