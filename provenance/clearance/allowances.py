"""How the gate may be eased under a clearance: only where its issuer signed for it. Clearances of versions that do not speak of it allow nothing."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.clearance.statement import Clearance
from provenance.errors import ClearanceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """What a clearance allows beside the full check by the launcher itself."""

    digest_cache: bool = False
    """Files may be taken from a digest cache instead of being hashed."""
    ranks_verify: bool = False
    """The launcher may leave hashing to the ranks of the run, and watches that they do it."""


def allowances(clearance: Clearance) -> Allowances:
    """Return what a clearance allows."""
    gate = getattr(clearance, "gate", None)
    return Allowances(
        digest_cache=getattr(gate, "digest_cache", False) is True,
        ranks_verify=getattr(gate, "ranks_verify", False) is True,
    )


def require_digest_cache(clearance: Clearance) -> None:
    """Check that a clearance allows a digest cache.

    Raises:
        ClearanceError: If it does not.
    """
    if not allowances(clearance).digest_cache:
        raise ClearanceError(
            "a digest cache was asked for, and the clearance does not allow one",
            hint="leave --digest-cache out, or have a clearance issued that allows it",
        )


def require_ranks_verify(clearance: Clearance) -> None:
    """Check that a clearance lets ranks do the hashing.

    Raises:
        ClearanceError: If it does not.
    """
    if not allowances(clearance).ranks_verify:
        raise ClearanceError(
            "the ranks are to hash the data, and the clearance does not allow that",
            hint="leave --ranks-verify out, or have a clearance issued that allows it",
        )
