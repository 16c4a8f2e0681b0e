"""Ask for exceptions to rules, record them and withdraw them. What is recorded is checked as an audit will check it, and names a finding where there is one."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.browse import find_unlisted
from provenance.audit.exclude import read_line
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.documents import nearest
from provenance.errors import ConflictError, InputError, NotRegisteredError, UnknownRuleError, WaiverError
from provenance.fingerprint.digest import is_digest
from provenance.fingerprint.persons import is_same_person
from provenance.model.audit import AuditRecord
from provenance.model.exclusion import Withdrawal
from provenance.model.finding import Finding, Subject, SubjectKind, Waiver
from provenance.model.waiving import RecordedWaiver
from provenance.model.wire import to_wire
from provenance.policy.waivers import MAX_DAYS, Waivable, WaiverReason, check_waiver

FEWEST_DIGITS = 6
"""Digits by which a finding or a match is named."""
NAMED = "name it as KIND:ID, such as dataset:forum-notes, or by the first digits of a finding or match: provenance findings list"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverFields:
    """A waiver as somebody asks for it."""

    rule: str
    """May be empty where a finding is named."""
    subject: str
    """``kind:id``, or the first digits of a finding or a match."""
    reason: str
    requested_by: str
    approved_by: str
    expires: str
    digest: str = ""
    comment: str = ""
    id: str = ""
    """Made of the content where it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A waiver ready to be signed and kept."""

    waiver: Waiver
    dataset: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known where a waiver is asked for."""

    rules: Mapping[str, Waivable]
    record: AuditRecord | None
    """The audit whose findings are meant; ``None`` where there is none yet."""
    tools: Tools


def prepare_waiver(fields: WaiverFields, context: Context) -> Prepared:
    """Return the waiver that somebody asks for, bound to the digest of its subject.

    Raises:
        UnknownRuleError: If no bundle at hand has the rule.
        WaiverError: If the rule permits none, a day cannot be, or the requester approves it.
        InputError: If a part is missing or cannot be used, or the subject is not to be found.
    """
    found = _find_subject(fields, context)
    rule = _check_rule(read_line(fields.rule, "rule") or found.rule, context.rules)
    today = context.tools.clock.now()[:10]
    waiver = Waiver(
        id=read_line(fields.id, "id"),
        rule=rule,
        subject=found.subject,
        reason=_reason(fields.reason),
        comment=read_line(fields.comment, "comment"),
        requested_by=_person(fields.requested_by, "asks for it", "--requested-by"),
        approved_by=_person(fields.approved_by, "approves it", "--approved-by"),
        created=today,
        expires=_last_day(fields.expires, today),
    )
    if waiver.reason == WaiverReason.RISK_ACCEPTED and not waiver.comment:
        raise WaiverError("a risk is accepted without a word of why", hint="say it: --comment 'WHY'")
    waiver = waiver if waiver.id else replace(waiver, id="W-" + digest_of(to_wire(waiver)).removeprefix("sha256:")[:10])
    check_waiver(waiver, where=f"waiver {waiver.id}")
    return Prepared(waiver=waiver, dataset=found.dataset, warnings=tuple(_warnings(waiver, found, context.record)))


def record_waiver(recorded: RecordedWaiver, tools: Tools) -> bool:
    """Record a waiver in one unit of work; tell whether it is new.

    Raises:
        ConflictError: If an open one of its id says something else.
    """
    waiver = recorded.waiver
    with tools.units.begin(actor=tools.actor, action="waivers add", reason=f"{waiver.rule} {waiver.subject.id}"[:200]) as registry:
        return registry.add_waiver(recorded)


def withdraw_waiver(name: str, reason: str, tools: Tools) -> RecordedWaiver:
    """Record that a waiver no longer holds, and return it.

    Raises:
        InputError: If no reason is given.
        NotRegisteredError: If there is no such waiver.
        ConflictError: If it is withdrawn already.
    """
    said = read_line(reason, "reason")
    if not said:
        raise InputError("a withdrawal needs a reason", hint="such as: --reason 'the licence was not renewed'")
    with tools.units.begin(actor=tools.actor, action="waivers withdraw", reason=said[:200]) as registry:
        found = find_waiver(registry.waivers(), name)
        withdrawal = Withdrawal(reason=said, at=tools.clock.now(), actor=tools.actor)
        if not found.is_open:
            raise ConflictError(f"waiver {found.waiver.id} was withdrawn already", hint=f"see: provenance waivers show {found.waiver.id}")
        registry.withdraw_waiver(found.waiver.id, withdrawal)
    return replace(found, withdrawal=withdrawal)


def find_waiver(waivers: Sequence[RecordedWaiver], name: str) -> RecordedWaiver:
    """Return the recorded waiver of an id, of several recordings of one the last.

    Raises:
        NotRegisteredError: If there is none.
    """
    found = next((w for w in reversed(waivers) if w.waiver.id == name), None)
    if found is None:
        near = nearest(name, {w.waiver.id for w in waivers})
        raise NotRegisteredError(f"no waiver {name!r} is recorded", hint=near or "see: provenance waivers list")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _FoundSubject:
    subject: Subject
    rule: str = ""
    dataset: str = ""
    finding: Finding | None = None


def _find_subject(fields: WaiverFields, context: Context) -> _FoundSubject:
    text = read_line(fields.subject, "subject")
    kind, _, name = text.partition(":")
    if not text:
        raise InputError("nothing is named that the waiver is for", hint=NAMED)
    if kind in set(SubjectKind) and name:
        return _by_name(SubjectKind(kind), name, fields, context)
    digits = text.lower().removeprefix("sha256:").removeprefix("finding:")
    if not re.fullmatch(rf"[0-9a-f]{{{FEWEST_DIGITS},64}}", digits):
        raise InputError(f"{text[:80]!r} names no subject", hint=NAMED)
    return _by_digits(digits, fields, context)


def _by_name(kind: SubjectKind, name: str, fields: WaiverFields, context: Context) -> _FoundSubject:
    if kind is SubjectKind.WAIVER:
        raise WaiverError("no waiver is waived", hint="withdraw it: provenance waivers withdraw ID --reason WHY")
    digest = _digest(fields.digest)
    named = [f for f in _findings(context.record) if (f.subject.kind, f.subject.id) == (kind, name) and not f.grouped]
    ruled = [f for f in named if f.rule == fields.rule] or named
    digests = sorted({f.subject.digest for f in ruled})
    if digest and digests and digest not in digests:
        raise InputError(
            f"{kind} {name} has the digest {digests[0]} in the audit, and {digest} is given",
            hint="leave --digest out, or audit again: what changed since is not waived",
        )
    if not digest and len(digests) > 1:
        raise InputError(f"{len(digests)} findings of the audit are on {kind} {name}, with different digests", hint="name one of them with --digest")
    if not digest and not digests:
        raise InputError(
            f"no finding of the audit is on {kind} {name}, so its digest is not known",
            hint=nearest(name, {f.subject.id for f in _findings(context.record) if f.subject.kind is kind}) or "audit first, or give --digest",
        )
    chosen = next((f for f in ruled if f.subject.digest == (digest or digests[0])), None)
    subject = Subject(kind=kind, id=name, digest=digest or digests[0])
    rules = sorted({f.rule for f in ruled})
    if not fields.rule and len(rules) > 1:
        raise InputError(f"{len(rules)} rules find fault with {kind} {name}: {', '.join(rules)}", hint="name the one that is meant: --rule")
    exact = chosen if chosen is not None and fields.rule in {"", chosen.rule} else None
    return _FoundSubject(subject=subject, rule=rules[0] if rules else "", dataset="" if chosen is None else chosen.dataset, finding=exact)


def _by_digits(digits: str, fields: WaiverFields, context: Context) -> _FoundSubject:
    if context.record is None:
        raise NotRegisteredError("no audit in this workspace yet, so no finding can be named", hint="run: provenance audit run.yaml")
    found = [f for f in _findings(context.record) if f.id.removeprefix("sha256:").startswith(digits)]
    found = found or [f for f in _findings(context.record) if _is_match(f, digits) and fields.rule in {"", f.rule}]
    if len(found) > 1:
        raise InputError(f"{digits!r} begins {len(found)} findings", hint="give more digits, or the rule with --rule")
    if not found:
        return _unlisted(digits, context.record, context.tools)
    finding = found[0]
    if finding.grouped:
        raise WaiverError(
            f"finding {digits} stands for {finding.grouped:,} findings, and a waiver covers one",
            hint=f"name matches one by one: provenance matches list --finding {digits}",
        )
    if fields.rule and fields.rule != finding.rule:
        raise InputError(f"finding {digits} is of rule {finding.rule}, and --rule says {fields.rule}", hint="leave --rule out")
    given = _digest(fields.digest)
    if given and given != finding.subject.digest:
        raise InputError(f"the finding's subject has the digest {finding.subject.digest}, and {given} is given", hint="leave --digest out")
    return _FoundSubject(subject=finding.subject, rule=finding.rule, dataset=finding.dataset, finding=finding)


def _is_match(finding: Finding, digits: str) -> bool:
    return finding.subject.kind is SubjectKind.MATCH and finding.subject.id.removeprefix("sha256:").startswith(digits)


def _unlisted(digits: str, record: AuditRecord, tools: Tools) -> _FoundSubject:
    """Look for a match that the record does not list. It is judged as the kind of its best reference."""
    matches = find_unlisted(record, tools.units, tools.evidence) if record.scans else ()
    found = {m.id: m.dataset for m in matches if m.id.removeprefix("sha256:").startswith(digits)}
    if len(found) != 1:
        raise NotRegisteredError(
            f"{len(found) or 'no'} findings and matches of the audit begin with {digits!r}", hint="see: provenance findings list"
        )
    key, dataset = next(iter(found.items()))
    return _FoundSubject(subject=Subject(kind=SubjectKind.MATCH, id=key, digest=key), dataset=dataset)


def _findings(record: AuditRecord | None) -> Iterable[Finding]:
    return () if record is None else record.findings


def _check_rule(rule: str, rules: Mapping[str, Waivable]) -> str:
    if not rule:
        raise InputError("no rule is named", hint="a waiver is an exception to one rule: --rule ID")
    known = rules.get(rule)
    if known is None:
        raise UnknownRuleError(f"no bundle at hand has a rule {rule!r}", hint=nearest(rule, rules))
    if not known.waivable:
        raise WaiverError(f"rule {rule} permits no waiver", hint="mend what it found: provenance findings list")
    return rule


def _reason(text: str) -> str:
    word = text.strip().lower().replace("_", "-")
    if word not in set(WaiverReason):
        raise WaiverError(f"reason {text[:80]!r} is not one of {', '.join(WaiverReason)}", hint=nearest(word, list(WaiverReason)))
    return word


def _person(text: str, what: str, option: str) -> str:
    said = read_line(text, "name")
    if not said:
        raise InputError(f"nobody says who {what}", hint=f"say it: {option} NAME")
    return said


def _last_day(text: str, today: str) -> str:
    if not text.strip():
        raise WaiverError("the waiver has no end", hint="every waiver ends: --expires YYYY-MM-DD, the last UTC day it holds")
    try:
        day = dt.date.fromisoformat(text.strip())
    except ValueError:
        day = None
    if day is None or day.isoformat() != text.strip():
        raise WaiverError(f"expires {text[:40]!r} is no day", hint="write it as YYYY-MM-DD: the waiver holds until the end of that UTC day")
    if text.strip() < today:
        raise WaiverError(f"expires {day} lies in the past, today is {today} UTC", hint="name the last day it holds")
    limit = dt.date.fromisoformat(today) + dt.timedelta(days=MAX_DAYS)
    if day > limit:
        raise WaiverError(f"expires {day} is more than {MAX_DAYS} days away", hint=f"a waiver ends by {limit} and can be asked for again then")
    return day.isoformat()


def _digest(text: str) -> str:
    if not text.strip():
        return ""
    digits = text.strip().lower().removeprefix("sha256:")
    if not is_digest(f"sha256:{digits}"):
        raise InputError(f"{text[:80]!r} is no SHA-256 digest: expected sha256: and 64 hex digits", hint="see: provenance findings show ID -f json")
    return f"sha256:{digits}"


def _warnings(waiver: Waiver, found: _FoundSubject, record: AuditRecord | None) -> Iterable[str]:
    if found.finding is None and waiver.subject.kind is not SubjectKind.MATCH:
        yield f"no finding of {waiver.rule} is on {waiver.subject.kind} {waiver.subject.id} with this digest: it covers nothing yet"
    if found.finding is not None and found.finding.waiver:
        yield f"waiver {found.finding.waiver} covers the same finding"
    if record is not None and is_same_person(record.run.requested_by, waiver.approved_by):
        yield f"{waiver.approved_by} asked for the run itself, so no audit of it counts this waiver"
