"""Say how each waiver stands today: active, used or unused by the newest audit, expired, refused or withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.audit.admitting import Verifier
from provenance.model.audit import AuditRecord
from provenance.model.finding import Waiver
from provenance.model.waiving import RecordedWaiver, SignedWaiver

REGISTRY = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A waiver and how it stands."""

    waiver: Waiver
    state: str
    """``active``, ``used``, ``unused``, ``expired``, ``refused`` or ``withdrawn``."""
    why: str
    is_signed: bool
    origin: str
    """``registry``, or the file's name."""


def list_standings(
    in_file: Sequence[SignedWaiver], recorded: Sequence[RecordedWaiver], verifier: Verifier, *, record: AuditRecord | None
) -> tuple[Standing, ...]:
    """Return how waivers stand: the file's, then the registry's in the order they were recorded.

    Args:
        in_file: Of the run's file.
        recorded: Of the registry, withdrawn ones included.
        verifier: Judges signatures and tells the time.
        record: The newest audit, which says which were of use; ``None`` where there is none.
    """
    found = [_standing(w, verifier, record, origin=w.origin) for w in in_file]
    for item in recorded:
        if item.withdrawal is None:
            found.append(_standing(item.signed, verifier, record, origin=REGISTRY))
            continue
        why = f"withdrawn at {item.withdrawal.at} by {item.withdrawal.actor}: {item.withdrawal.reason}"
        found.append(Standing(waiver=item.waiver, state="withdrawn", why=why, is_signed=item.signature is not None, origin=REGISTRY))
    return tuple(found)


def _standing(item: SignedWaiver, verifier: Verifier, record: AuditRecord | None, *, origin: str) -> Standing:
    state, why = _state(item, verifier, record)
    return Standing(waiver=item.waiver, state=state, why=why, is_signed=item.signature is not None, origin=origin)


def _state(item: SignedWaiver, verifier: Verifier, record: AuditRecord | None) -> tuple[str, str]:
    waiver, today = item.waiver, verifier.now[:10]
    fault = verifier.fault(item)
    if fault is not None:
        return "refused", fault
    if today > waiver.expires:
        return "expired", f"it held until the end of {waiver.expires} UTC"
    if record is None or waiver not in record.waivers:
        return "active", "it holds; the newest audit did not have to do with it" if record is not None else "it holds; nothing was audited yet"
    covered = [f for f in record.findings if f.waiver == waiver.id]
    if covered:
        return "used", f"it covers {len(covered)} finding{'' if len(covered) == 1 else 's'} of the audit of {record.created}"
    return "unused", f"it met no finding in the audit of {record.created}"
