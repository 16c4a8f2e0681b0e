"""An audit as JUnit XML, which build servers show as a list of tests: a bundle is a suite, a rule a case.

The form is the one that Jenkins and GitLab read: ``testsuites/testsuite/testcase`` with ``failure``, ``skipped`` and ``system-out``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from provenance.audit.impact import IssuedClearance
from provenance.model.audit import AuditRecord, PolicyUsed, RuleUsed
from provenance.model.finding import Action, Finding, Outcome, Remedy, VerdictKind
from provenance.report.beside import NOT_COMPARED
from provenance.report.standing import Standing
from provenance.report.suppression import Waivers
from provenance.report.wording import broken_glass_line, clip, count

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (section 2.2): control characters, lone surrogates, U+FFFE and U+FFFF."""
_SHOWN = 20
"""Findings that a case spells out."""
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class JunitReport:
    """Writes one suite a bundle; a rule with an open finding that denies or asks for review has failed, one that only warns says so in its output."""

    name: str = "junit"
    file_name: str = "junit.xml"
    suffix: str = ".xml"
    clearances: tuple[IssuedClearance, ...] | None = None
    """Clearances of the audit, oldest first; ``None`` where nobody looked."""
    is_compared: bool = True
    """Whether a workspace keeps the record; a record file that none keeps is believed as it stands, and the document says so."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document. Every rule that was judged is in it, what it found is spelt out for the first twenty findings."""
        standing = Standing.of(self.clearances, is_compared=self.is_compared)
        then = ", then revoked" if standing.taken_back is not None else ""
        root = ET.Element("testsuites", {"name": _clean(f"provenance audit of {record.run.model.name}: {record.verdict.value}{then}")})
        suites = [_suite(used, record) for used in record.policy]
        suites.append(_own_suite(_unlisted(record), record, standing))
        for name in ("tests", "failures", "skipped"):
            root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
        root.set("errors", "0")
        root.extend(suites)
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def _suite(used: PolicyUsed, record: AuditRecord) -> ET.Element:
    waivers = Waivers.of(record)
    cases = [_case(used.bundle, rule, [f for f in record.findings if (f.bundle, f.rule) == (used.bundle, rule.id)], waivers) for rule in used.rules]
    return _filled(f"{used.bundle} {used.version}", cases, record)


def _own_suite(findings: Sequence[Finding], record: AuditRecord, standing: Standing) -> ET.Element:
    """Return what no bundle lists as a rule: the verdict, which fails unless the run is cleared, and what the engine itself found."""
    verdict = ET.Element("testcase", {"classname": "verdict", "name": "the run is cleared", "time": "0"})
    if record.verdict is not VerdictKind.CLEARED:
        ET.SubElement(verdict, "failure", {"type": record.verdict.value, "message": f"the verdict is {record.verdict.value}"})
    if not standing.is_compared:
        ET.SubElement(verdict, "system-out").text = NOT_COMPARED
    cases = [verdict, *_broken_glass(record), *_revoked(standing)]
    for finding in findings:
        case = ET.Element("testcase", {"classname": _clean(finding.bundle), "name": _clean(f"{finding.rule} {finding.title}"), "time": "0"})
        _fail(case, [finding])
        cases.append(case)
    return _filled("verdict", cases, record)


def _broken_glass(record: AuditRecord) -> list[ET.Element]:
    """Return a case that fails for the break-glass clearances of the run, nothing where there is none."""
    if not record.broken_glass:
        return []
    case = ET.Element("testcase", {"classname": "verdict", "name": "no run was let start by break-glass", "time": "0"})
    lines = [_clean(broken_glass_line(one)) for one in record.broken_glass]
    ET.SubElement(case, "failure", {"type": "break-glass", "message": lines[-1]}).text = "\n".join(lines)
    return [case]


def _revoked(standing: Standing) -> list[ET.Element]:
    """Return a case for the clearances that were taken back, which fails where none stands any more; nothing where none was."""
    if not standing.revoked:
        return []
    case = ET.Element("testcase", {"classname": "verdict", "name": "a clearance of this audit stands", "time": "0"})
    lines = [_clean(line) for line in standing.lines]
    if standing.taken_back is None:
        ET.SubElement(case, "system-out").text = "\n".join(lines)
    else:
        ET.SubElement(case, "failure", {"type": "revoked", "message": lines[-1]}).text = "\n".join(lines)
    return [case]


def _unlisted(record: AuditRecord) -> list[Finding]:
    known = {(used.bundle, rule.id) for used in record.policy for rule in used.rules}
    waivers = Waivers.of(record)
    return [f for f in record.findings if waivers.count(f) and (f.bundle, f.rule) not in known]


def _filled(name: str, cases: Sequence[ET.Element], record: AuditRecord) -> ET.Element:
    numbers = {"tests": len(cases), "failures": sum(c.find("failure") is not None for c in cases), "errors": 0}
    numbers["skipped"] = sum(c.find("skipped") is not None for c in cases)
    suite = ET.Element("testsuite", {"name": _clean(name), "timestamp": _clean(record.created.removesuffix("Z")), "time": "0"})
    for key, number in numbers.items():
        suite.set(key, str(number))
    suite.extend(cases)
    return suite


def _case(bundle: str, rule: RuleUsed, findings: Sequence[Finding], waivers: Waivers) -> ET.Element:
    case = ET.Element("testcase", {"classname": _clean(bundle), "name": _clean(f"{rule.id} {rule.title}"), "time": "0"})
    pending = [f for f in findings if waivers.count(f)]
    waived = [f for f in findings if waivers.cover(f)]
    if any(f.action is not Action.WARN for f in pending):
        _fail(case, pending)
    elif pending:
        ET.SubElement(case, "system-out").text = _clean(_told(pending))
    elif waived:
        names = ", ".join(sorted({f.waiver or "" for f in waived}))
        ET.SubElement(case, "skipped", {"message": _clean(f"{count(len(waived), 'finding')} waived by {names}")})
    elif rule.judged == rule.not_applicable:
        ET.SubElement(case, "skipped", {"message": "it applied to nothing in this run"})
    return case


def _fail(case: ET.Element, findings: Sequence[Finding]) -> None:
    kind = "deny" if any(f.action is Action.DENY for f in findings) else "review"
    size = sum(f.size for f in findings)
    failure = ET.SubElement(case, "failure", {"type": kind, "message": _clean(f"{count(size, 'finding')}: {findings[0].message}")})
    failure.text = _clean(_told(findings))


def _told(findings: Sequence[Finding]) -> str:
    lines: list[str] = []
    said: tuple[Remedy, ...] = ()
    for finding in findings[:_SHOWN]:
        unknown = "not known: " if finding.outcome is Outcome.UNKNOWN else ""
        lines.append(f"{finding.subject.kind.value} {finding.subject.id}: {unknown}{finding.message}")
        lines += [f"    → {r.summary}" for r in finding.remedies if finding.remedies != said]
        said = finding.remedies
    if len(findings) > _SHOWN:
        lines.append(f"… and {len(findings) - _SHOWN} more: provenance findings list")
    return "\n".join(clip(line, _LONGEST) for line in lines)


def _clean(text: str) -> str:
    """Return text that an XML document can hold; what it cannot becomes U+FFFD."""
    return _NOT_XML.sub("\ufffd", clip(text, _LONGEST * _SHOWN))
