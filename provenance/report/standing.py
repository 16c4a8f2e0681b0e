"""What an audit leaves to people: duties to be ticked off, waivers with their state, and who signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from provenance.audit.impact import IssuedClearance
from provenance.model.absence import TriState
from provenance.model.audit import AskedDuty, AuditRecord
from provenance.model.finding import ClauseCitation, Finding, Waiver
from provenance.report.beside import NOT_COMPARED
from provenance.report.wording import broken_glass_line, clip, count, number, short_digest, visible

_NAMED = 12
"""Datasets that a cell names."""
DUTIES = 400
"""Rows of the checklist; audit.json holds all."""


CLAUSES = 60
"""Clauses that findings cite, listed one by one; findings.csv holds the findings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedClause:
    """A clause that was read, and how many open or waived findings rest on it."""

    clause: ClauseCitation
    findings: int
    rules: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyLine:
    """A line of the checklist: one duty, with every dataset that brings it."""

    summary: str
    code: str
    asked_by: str
    source: str
    datasets: str
    due: str
    """When or whether it is due, in words."""
    open: bool
    """It depends on a fact that nobody states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverLine:
    """A waiver with its state on the day of the audit."""

    waiver: Waiver
    state: str
    alert: bool


def duty_lines(duties: Sequence[AskedDuty]) -> tuple[DutyLine, ...]:
    """Return the checklist: the same duty of the same document once, certain ones first."""
    groups: dict[tuple[str, str, str, str, TriState, str], list[AskedDuty]] = {}
    for duty in duties:
        groups.setdefault((duty.code, duty.summary, duty.asked_by, duty.source, duty.due, duty.tested_when), []).append(duty)
    ordered = sorted(groups.items(), key=lambda item: (item[0][4] is TriState.UNKNOWN, item[0][0], item[0][2], item[0][1]))
    return tuple(_duty_line(members) for _, members in ordered)


def _duty_line(members: Sequence[AskedDuty]) -> DutyLine:
    lead = members[0]
    open_ = lead.due is TriState.UNKNOWN
    due = "not known: it depends on a fact that nobody states" if open_ else "not due" if lead.due is TriState.NO else "due"
    tested = f"; tested on {lead.tested_when}" if lead.tested_when else ""
    named = sorted({f"{d.dataset or 'the run'}{f' ({d.place})' if d.place else ''}" for d in members})
    more = f" and {number(len(named) - _NAMED)} more" if len(named) > _NAMED else ""
    return DutyLine(
        summary=lead.summary,
        code=lead.code,
        asked_by=lead.asked_by,
        source=lead.source,
        datasets=", ".join(clip(n, 120) for n in named[:_NAMED]) + more,
        due=due + tested,
        open=open_,
    )


def cited_clauses(record: AuditRecord) -> tuple[CitedClause, ...]:
    """Return every clause that a finding cites or that terms in force hold once, by document and day."""
    found: dict[ClauseCitation, list[Finding]] = {c: [] for t in record.terms_applied for c in t.clauses}
    for finding in record.findings:
        for clause in dict.fromkeys(finding.clauses):
            found.setdefault(clause, []).append(finding)
    ordered = sorted(found, key=lambda c: (c.terms, c.effective_from, c.clause, c.quote))
    return tuple(
        CitedClause(clause=c, findings=sum(f.size for f in found[c]), rules=clip(", ".join(sorted({f.rule for f in found[c]})), 120)) for c in ordered
    )


def waiver_lines(record: AuditRecord) -> tuple[WaiverLine, ...]:
    """Return the waivers in the order in which they end."""
    covered: dict[str, int] = {}
    for finding in record.findings:
        if finding.waiver is not None:
            covered[finding.waiver] = covered.get(finding.waiver, 0) + finding.size
    ordered = sorted(record.waivers, key=lambda w: (w.expires, w.id))
    return tuple(_waiver_line(w, covered.get(w.id, 0), record.created[:10]) for w in ordered)


def _waiver_line(waiver: Waiver, covered: int, today: str) -> WaiverLine:
    left = _days(today, waiver.expires)
    if left is not None and left < 0:
        return WaiverLine(waiver=waiver, state=f"expired {count(-left, 'day')} before the audit: it covers nothing", alert=True)
    ends = (
        "when it ends cannot be told" if left is None else "ends on the day of the audit" if left == 0 else f"{count(left, 'day')} left at the audit"
    )
    used = f"covers {count(covered, 'finding')}" if covered else "not used: it covers no finding"
    return WaiverLine(waiver=waiver, state=f"{used}; {ends}", alert=not covered or left is None)


def _days(today: str, end: str) -> int | None:
    try:
        return (date.fromisoformat(end[:10]) - date.fromisoformat(today)).days
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What became of an audit's clearances, as far as anybody looked: which one stands, and which were taken back."""

    last: IssuedClearance | None = None
    """The newest that no revocation is known of and that had not ended when another was taken back; none by break-glass, which lets pass what nobody cleared."""
    revoked: tuple[IssuedClearance, ...] = ()
    """Those that were taken back, or whose key was, in the order in which that happened."""
    is_compared: bool = True
    """Whether a workspace keeps the very record."""

    @staticmethod
    def of(clearances: Sequence[IssuedClearance] | None, *, is_compared: bool = True) -> Standing:
        """Return it for the clearances of one audit, oldest first. No clock is asked: the last thing known is the last revocation."""
        revoked = sorted((c for c in clearances or () if c.revoked), key=lambda c: c.revoked)
        at = revoked[-1].revoked if revoked else ""
        return Standing(
            last=next((c for c in reversed(clearances or ()) if not (c.revoked or c.break_glass) and c.expires > at), None),
            revoked=tuple(revoked),
            is_compared=is_compared,
        )

    @property
    def taken_back(self) -> IssuedClearance | None:
        """The clearance revoked last where none stands any more: a verdict that clears, or that a reviewer released, must not be read as leave to train."""
        return self.revoked[-1] if self.revoked and self.last is None else None

    @property
    def lines(self) -> tuple[str, ...]:
        """A sentence on each that was taken back."""
        return tuple(revoked_line(c) for c in self.revoked)


def afterwards(record: AuditRecord, standing: Standing) -> tuple[str, ...]:
    """Return what a reader of the verdict has to know of what came after it, a line each: that nobody compared the record, runs let start by break-glass, clearances taken back."""
    compared = () if standing.is_compared else (NOT_COMPARED,)
    return tuple(visible(line) for line in (*compared, *(broken_glass_line(one) for one in record.broken_glass), *standing.lines))


def revoked_line(one: IssuedClearance) -> str:
    """Return in a sentence which clearance was taken back and when."""
    kind = "break-glass clearance" if one.break_glass else "clearance"
    what = f"A key that signed the {kind}" if one.key_revoked else f"The {kind}"
    by = f" by {clip(one.by, 80)}" if one.by else ""
    statement = f", statement {clip(one.statement, 80)}," if one.statement else ""
    return f"{what} of {one.issued}{by}{statement} was revoked on {one.revoked}: no trainer accepts it."


def cleared_sentence(clearances: Sequence[IssuedClearance] | None) -> str:
    """Return what follows from a verdict that clears, by what became of it since."""
    if clearances is None:
        return "Nothing has to change for this verdict. Whether a clearance was issued, or revoked since, is not known to this document."
    if not clearances:
        return "Nothing has to change. The next step is to sign the clearance that the trainer checks."
    standing = Standing.of(clearances)
    gone = standing.taken_back
    if gone is not None:
        what = "A key that signed the clearance" if gone.key_revoked else "The clearance"
        return f"{what} was revoked on {gone.revoked[:10]}: no trainer accepts it. Do not start the run. Find out why before another one is signed."
    if standing.last is None:  # cannot be: what was not taken back stands
        return "Whether a clearance stands is not known to this document."
    last, others = standing.last, len(standing.revoked)
    also = f" {count(others, 'other clearance')} of this audit {'was' if others == 1 else 'were'} revoked." if others else ""
    return f"Nothing has to change. The clearance of {last.issued[:10]} holds until {last.expires[:10]}; a trainer accepts it until then, unless it is revoked.{also}"


def signed_sentence(clearances: Sequence[IssuedClearance] | None) -> str:
    """Return who cleared the run, in a sentence for the first screen and the sign-off."""
    if clearances is None:
        return "not known to this page: an audit states, a clearance is signed"
    if not clearances:
        return "nobody yet: an audit states, a clearance is signed"
    standing = Standing.of(clearances)
    last = standing.last or standing.taken_back or clearances[-1]
    kind = "break-glass clearance, which lets pass what the audit did not clear," if last.break_glass else "clearance"
    by = f" by {clip(last.by, 80)}" if last.by else ""
    statement = f", statement {short_digest(last.statement)}" if last.statement else ""
    if last.revoked:
        key = "a key that signed " if last.key_revoked else ""
        return f"nobody any more: {key}the {kind} of {last.issued[:10]}{by} was revoked on {last.revoked[:10]}{statement}"
    return f"{kind} of {last.issued[:10]}{by}, until {last.expires[:10]}{statement}"
