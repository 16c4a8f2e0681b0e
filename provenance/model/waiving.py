"""Waivers as they are kept and signed, and what reviewers decide of audits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.model.exclusion import Withdrawal
from provenance.model.finding import Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalSignature:
    """The signature of a waiver's approver, not verified yet."""

    keyid: str
    """SHA-256 of the raw public key, 64 hex digits."""
    sig: str
    """Base64 of 64 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedWaiver:
    """A waiver as a file or the registry holds it."""

    waiver: Waiver
    signature: ApprovalSignature | None = None
    """``None`` where nobody signed: that is refused where the workspace asks for signatures."""
    origin: str = ""
    """Where it stands: the file's name, or empty for the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedWaiver:
    """A waiver of the registry. Nothing is removed: one that no longer holds has a withdrawal."""

    waiver: Waiver
    signature: ApprovalSignature | None = None
    dataset: str = ""
    """The dataset that the subject belongs to; empty where it is not known. It decides where the waiver is told of, never what it covers."""
    at: str
    """When it was recorded, RFC 3339 UTC."""
    actor: str
    withdrawal: Withdrawal | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it was not withdrawn."""
        return self.withdrawal is None

    @property
    def signed(self) -> SignedWaiver:
        """The waiver with its signature."""
        return SignedWaiver(waiver=self.waiver, signature=self.signature)


class ReviewDecision(StrEnum):
    """What a reviewer decided of an audit."""

    RELEASED = "released"
    """Findings that ask for a review were read, and the run may be cleared. Signed."""
    REJECTED = "rejected"
    """The run must not be cleared on this audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A decision on one audit record, as the registry keeps it."""

    record_digest: str
    """Digest of the audit record that was read: an audit made anew is another one."""
    decision: ReviewDecision
    reviewer: str
    comment: str
    envelope: str = ""
    """The signed release; empty for a rejection."""
    at: str
    actor: str
