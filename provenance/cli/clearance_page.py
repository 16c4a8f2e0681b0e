"""What a clearance says, on a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from provenance.clearance.envelope import Envelope
from provenance.clearance.statement import Clearance, statement_digest
from provenance.cli.output import counted, say, visible

LABEL = 15
"""With these many characters before it, a digest's 64 digits fit 80 columns."""
WIDTH = 79
_SHOWN = 20
"""Obligations that are spelt out; ``--format json`` has all of them."""


def say_clearance(clearance: Clearance, envelope: Envelope) -> None:
    """Print a clearance: what it allows first, then what it is bound to."""
    _say_head(clearance)
    for label, texts in _said(clearance, envelope):
        _say_row(label, texts)
    say("\nbound to, by SHA-256", bold=True)
    for label, texts in _bound(clearance):
        _say_row(label, [text.removeprefix("sha256:") for text in texts])


def _say_head(clearance: Clearance) -> None:
    said = clearance.break_glass
    if said is not None:
        say(f"BREAK-GLASS: the run was NOT cleared, its verdict is {clearance.verdict.value}", bold=True, color="red")
        _say_row("let pass", [f"{counted(said.findings, 'finding')} of {', '.join(said.rules)}"], color="red")
        _say_row("approved by", [said.approver], color="red")
        _say_row("reason", [said.reason], color="red")
        return
    reviewed = "" if clearance.released_by is None else f", released by {visible(clearance.released_by)}"
    say(f"{clearance.verdict.value}{reviewed}", bold=True)


def _said(clearance: Clearance, envelope: Envelope) -> Iterator[tuple[str, list[str]]]:
    yield "issued by", [f"{clearance.issuer.name} ({clearance.issuer.role})"]
    yield "issued", [clearance.issued]
    yield "holds", [f"{clearance.not_before} to {clearance.expires}"]
    yield "signed by keys", [s.key_id[:16] for s in envelope.signatures]
    yield "version", [str(clearance.version)]
    yield "id", [statement_digest(envelope.payload).removeprefix("sha256:")]
    yield "replaces", [(clearance.replaces or "none").removeprefix("sha256:")]
    if clearance.rests_on is not None:
        yield "asked for by", [clearance.rests_on.requested_by]
    yield "gate", list(_leave(clearance))
    more = [f"and {len(clearance.conditions) - _SHOWN} more: --format json"] if len(clearance.conditions) > _SHOWN else []
    yield "obligations", [*clearance.conditions[:_SHOWN], *more] or ["none"]


def _bound(clearance: Clearance) -> Iterator[tuple[str, list[str]]]:
    yield "shard manifest", [clearance.manifest_root]
    yield "run", [clearance.run_digest]
    basis = clearance.rests_on
    if basis is not None:
        yield "run file", [basis.run_file_digest or "none: audited without one"]
        yield "audit", [basis.audit_id]
    yield "audit record", [clearance.audit]
    yield "policy bundles", list(clearance.policy_digests)
    yield "terms", [clearance.terms_catalog_digest]
    if basis is not None:
        yield "licences", [basis.licenses_catalog_digest]
    yield "reference sets", list(clearance.index_digests) or ["none: nothing was compared"]
    if basis is not None:
        yield "scans", [basis.scans_digest]
        yield "findings", [basis.findings_digest]
        yield "waivers", list(basis.waiver_digests) or ["none"]


def _leave(clearance: Clearance) -> Iterator[str]:
    if clearance.gate.digest_cache:
        yield "may use digests computed before, where asked to"
    if clearance.gate.ranks_verify:
        yield "may leave the hashing to the ranks, where a hook is declared"
    if not (clearance.gate.digest_cache or clearance.gate.ranks_verify):
        yield "hashes every byte before the start"


def _say_row(label: str, texts: Iterable[str], *, color: str | None = None) -> None:
    lead = f"{label:<{LABEL}}"
    for text in texts:
        wrapped = textwrap.wrap(
            visible(text), WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_long_words=True, break_on_hyphens=False
        )
        for line in wrapped or [lead.rstrip()]:
            say(line, color=color)
        lead = " " * len(lead)
