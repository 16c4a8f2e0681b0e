"""Whether the clearance that a letter would tell of still holds: it, the keys that signed it, and the list that says so. What is not known is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from provenance.cli.key_files import safe_name
from provenance.cli.output import short
from provenance.errors import ClearanceError, ExpiredClearanceError
from provenance.model.finding import VerdictKind

if TYPE_CHECKING:
    from provenance.audit.impact import IssuedClearance
    from provenance.bootstrap import Workspace
    from provenance.clearance.revocation import RevocationList
    from provenance.clearance.trust import Trust
    from provenance.model.audit import AuditRecord
    from provenance.report.letter import LetterClearance, Refusal

_AGAIN = "audit and clear the run again"


def looked_up(issued: IssuedClearance, trust_file: Path) -> LetterClearance:
    """Return the clearance with what a look at the revocation list said, of one that ``clearance_refusal`` lets pass."""
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust
    from provenance.report.letter import LetterClearance

    found = load_revocations(load_trust(trust_file))
    said = "No revocation list is kept, so nobody could look up whether it was revoked elsewhere; the log tells of no revocation."
    if found is not None:
        said = f"The revocation list of {found.issued[:10]} names neither it nor a key that signed it."
    return LetterClearance(issued=issued, revocations=said)


def clearance_refusal(workspace: Workspace, record: AuditRecord, issued: IssuedClearance, trust_file: Path) -> Refusal | None:
    """Return why there is no letter on a clearance: it or a key was revoked, it does not hold, or nobody can tell; ``None`` where there is one.

    A clearance that has only ended by its date is told of, with that date.
    """
    from provenance.bootstrap import SystemClock
    from provenance.clearance.revocation import stale_reason
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust

    which = f"the clearance of {record.run.model.name} that was issued on {issued.issued[:10]}"
    try:
        trust, now = load_trust(trust_file), SystemClock().now()
        revocations = load_revocations(trust)
    except ClearanceError as err:
        return _refusal(f"whether {which} holds is not known: {err}", err.hint or "name the trust file: --trust FILE")
    stale = stale_reason(revocations, trust.revocation, now)
    if stale is not None:
        return _refusal(f"whether {which} was revoked is not known: {stale}", "issue the list anew: provenance keys refresh; then write the letter")
    raw = _file(workspace, record, issued)
    keys = issued.keys or _keys(raw)
    if not issued.statement or not keys:
        return _refusal(f"whether {which} was revoked is not known: the log of an earlier version does not tell which key signed it", _AGAIN)
    said = _revoked(issued, keys, trust, revocations)
    if said is not None:
        return _refusal(f"{which} counts no more: {said}", _AGAIN)
    fault = None if raw is None else _fault(raw, trust, revocations, now)
    return (
        None
        if fault is None
        else _refusal(f"{which} does not hold: {fault}", "mend it, such as by a missing signature: provenance clearance sign; or clear again")
    )


def _revoked(issued: IssuedClearance, keys: tuple[str, ...], trust: Trust, revocations: RevocationList | None) -> str | None:
    """Return what was revoked, by the log, the list or the trust file, or ``None``."""
    gone = None if revocations is None else revocations.clearance(issued.statement)
    if gone is not None or (issued.revoked and not issued.key_revoked):
        return f"it was revoked{'' if gone is None else f': {gone.reason}'}"
    for key in keys:
        lost = None if revocations is None else revocations.key(key)
        if lost is not None:
            return f"the key {short(key, 16)} that signed it was revoked: {lost.reason}"
        if trust.key(key) is None:
            return f"the key {short(key, 16)} that signed it is not in the trust file"
    return f"a key that signed it was revoked on {issued.revoked[:10]}, by the log" if issued.revoked else None


def _file(workspace: Workspace, record: AuditRecord, issued: IssuedClearance) -> bytes | None:
    """Return the clearance's envelope where ``provenance clear`` writes it, ``None`` where it is not there or is another one."""
    from provenance.clearance.check import read_clearance_file
    from provenance.clearance.envelope import parse_envelope
    from provenance.clearance.statement import statement_digest

    file = workspace.settings.workspace / f"{safe_name(record.run.model.name)}.clearance.json"
    try:
        raw = read_clearance_file(file)
        return raw if statement_digest(parse_envelope(raw).payload) == issued.statement else None
    except ClearanceError:
        return None


def _keys(raw: bytes | None) -> tuple[str, ...]:
    from provenance.clearance.envelope import parse_envelope

    return () if raw is None else tuple(s.key_id for s in parse_envelope(raw).signatures)


def _fault(raw: bytes, trust: Trust, revocations: RevocationList | None, now: str) -> str | None:
    """Return why the gate would refuse a clearance, but for its end."""
    from provenance.clearance.verification import verify_clearance

    try:
        verify_clearance(raw, trust, now, revocations=revocations)
    except ClearanceError as err:
        reasons = err.reasons[1:] if isinstance(err, ExpiredClearanceError) else err.reasons
        return "; ".join(reasons) or None
    return None


def _refusal(reason: str, hint: str) -> Refusal:
    from provenance.report.letter import Refusal

    return Refusal(verdict=VerdictKind.BLOCKED, reason=reason, hint=hint)
