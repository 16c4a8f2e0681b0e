"""How the gate may be eased under a clearance: only where its issuer signed for it. Clearances of versions that do not speak of it allow nothing."""

from __future__ import annotations

from provenance.clearance.statement import Clearance
from provenance.errors import ClearanceError


def require_digest_cache(clearance: Clearance) -> None:
    """Check that a clearance allows a digest cache.

    Raises:
        ClearanceError: If it does not.
    """
    if not clearance.gate.digest_cache:
        raise ClearanceError(
            "a digest cache was asked for, and the clearance does not allow one",
            hint="leave --digest-cache out, or have a clearance issued with `provenance clear --allow-digest-cache`",
        )


def require_ranks_verify(clearance: Clearance) -> None:
    """Check that a clearance lets ranks do the hashing.

    Raises:
        ClearanceError: If it does not.
    """
    if not clearance.gate.ranks_verify:
        raise ClearanceError(
            "the ranks are to hash the data, and the clearance does not allow that",
            hint="leave --ranks-verify out, or have a clearance issued with `provenance clear --allow-ranks-verify`",
        )
