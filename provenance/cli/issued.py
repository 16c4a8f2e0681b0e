"""Clearances as the log tells of them, and which of them were revoked since."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.audit.impact import IssuedClearance
    from provenance.bootstrap import Workspace

_MOST_ENTRIES = 100_000


def issued_clearances(workspace: Workspace) -> Sequence[IssuedClearance]:
    """Return the clearances that the log tells of, newest first, those by break-glass among them."""
    from provenance.audit.break_glass import ACTION
    from provenance.audit.impact import IssuedClearance

    with workspace.units.read() as registry:
        found = [entry for action in ("clear", ACTION) for entry in registry.last_log_entries(_MOST_ENTRIES, action=action)]
    revoked, further = _revoked(workspace), _further_keys(workspace)
    issued = []
    for entry in sorted(found, key=lambda entry: -entry.seq):
        for item in entry.details.get("clearances", ()):
            statement = str(item.get("statement", ""))
            keys = tuple(dict.fromkeys((*str(item.get("keys", "")).split(), *further.get(statement, ()))))
            key_lost = next((revoked[key] for key in keys if key in revoked), "")
            issued.append(
                IssuedClearance(
                    audit=str(item["audit"]),
                    manifest_root=str(item["manifest_root"]),
                    issued=entry.at,
                    expires=str(item["expires"]),
                    statement=statement,
                    by=entry.actor,
                    break_glass=entry.action == ACTION,
                    revoked=revoked.get(statement, "") or key_lost,
                    keys=keys,
                    key_revoked=bool(key_lost) and statement not in revoked,
                )
            )
    return issued


def _further_keys(workspace: Workspace) -> Mapping[str, Sequence[str]]:
    """Return the keys of those who signed clearances later, by statement."""
    found: dict[str, list[str]] = {}
    with workspace.units.read() as registry:
        entries = registry.last_log_entries(_MOST_ENTRIES, action="sign")
    for entry in entries:
        for item in entry.details.get("signatures", ()):
            if item.get("statement") and item.get("key"):
                found.setdefault(str(item["statement"]), []).append(str(item["key"]))
    return found


def _revoked(workspace: Workspace) -> Mapping[str, str]:
    """Return when each clearance and key was revoked, by statement and key id: as the log tells, and as the list tells that the trust file names.

    The list may hold revocations that were made elsewhere; of those only the day of the list is known.
    A list that cannot be relied on adds nothing here: the gate refuses every clearance then, and says why.
    """
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust
    from provenance.errors import ProvenanceError

    found: dict[str, str] = {}
    try:
        listed = load_revocations(load_trust(workspace.trust_file)) if workspace.trust_file.is_file() else None
    except ProvenanceError:
        listed = None
    if listed is not None:
        found.update((r.id, listed.issued) for r in (*listed.clearances, *listed.keys))
    with workspace.units.read() as registry:
        entries = registry.last_log_entries(_MOST_ENTRIES, action="revoke")
    noted = [(entry.at, item) for entry in entries for item in entry.details.get("revocations", ())]
    found.update((str(item[kind]), at) for at, item in noted for kind in ("clearance", "key") if kind in item)
    return found
