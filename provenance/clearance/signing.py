"""Issue clearances: a statement becomes a signed envelope. What may not be cleared is refused here already, not only at the gate."""

from __future__ import annotations

from provenance.clearance.break_glass import person_faults
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.statement import MAX_STATEMENT_BYTES, Clearance, statement_bytes
from provenance.clearance.trust import key_id
from provenance.clearance.verification import verdict_reason
from provenance.errors import ClearanceError, UntrustedKeyError, VerdictError


def issue_clearance(clearance: Clearance, *signers: Signer) -> bytes:
    """Return the envelope of a clearance, signed by every signer given.

    Args:
        clearance: What was decided.
        *signers: Keys with distinct public halves; of a released REVIEW verdict, the reviewer's among them, of a break-glass the approver's.

    Raises:
        VerdictError: If the verdict does not permit a clearance.
        UntrustedKeyError: If a break-glass is approved by who issues it, or by who asked for the run.
        ClearanceError: If there is no signer, one is given twice, or the clearance says more than a gate reads.
    """
    reason = verdict_reason(clearance)
    if reason is not None:
        raise VerdictError(f"no clearance can be issued: {reason}")
    if persons := person_faults(clearance):
        raise UntrustedKeyError(f"no clearance can be issued: {persons[0]}", hint="somebody else must approve it", reasons=persons)
    if not signers or len({s.public_key for s in signers}) != len(signers):
        raise ClearanceError("a clearance needs at least one signing key, each once")
    payload = statement_bytes(clearance)
    if len(payload) > MAX_STATEMENT_BYTES:
        raise ClearanceError(
            f"the clearance says {len(payload):,} bytes, and a gate reads at most {MAX_STATEMENT_BYTES:,}",
            hint="split the run: too many obligations, waivers or releases stand in it",
        )
    message = pre_authentication_encoding(payload)
    signatures = tuple(EnvelopeSignature(key_id=key_id(s.public_key), signature=s.sign(message)) for s in signers)
    return envelope_bytes(Envelope(payload=payload, signatures=signatures))
