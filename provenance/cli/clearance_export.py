"""``provenance clearance export``: a clearance for readers of Sigstore bundles and DSSE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import trust_file_of, trust_path_option
from provenance.cli.options import pass_context
from provenance.cli.output import next_step, say, write_whole
from provenance.errors import InputError, SignatureError

if TYPE_CHECKING:
    from provenance.clearance.envelope import Envelope, EnvelopeSignature
    from provenance.clearance.trust import Trust, TrustedKey

SHORTEST_ID = 8
"""Fewest digits by which a key id is named."""


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "kind",
    type=click.Choice(["sigstore-bundle", "dsse", "public-key-pem"]),
    default="sigstore-bundle",
    show_default=True,
    help="What to write.",
)
@click.option("--signer", default=None, metavar="NAME|ID", help="Whose signature; needed where there are several, since a bundle holds one.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File to write; standard output otherwise.")
@trust_path_option
@pass_context
def export(ctx: CommandContext, /, file: Path, kind: str, signer: str | None, out: Path | None, trust_path: Path | None) -> int:
    """Write a clearance as a Sigstore bundle, plain DSSE, or its signer's key.

    What another program verifies is one signature. Thresholds, windows, the
    revocation list and the data only the gate checks.
    """
    from provenance.clearance.envelope import MAX_ENVELOPE_BYTES, parse_envelope
    from provenance.clearance.public_keys import public_key_pem
    from provenance.clearance.sigstore import sigstore_bundle
    from provenance.clearance.statement import parse_statement
    from provenance.clearance.trust import load_trust

    with ctx.path(file).open("rb") as stream:
        raw = stream.read(MAX_ENVELOPE_BYTES + 1)
    envelope = parse_envelope(raw)
    parse_statement(envelope.payload)
    if kind == "dsse":
        text = raw
    else:
        key, signature = _signature(envelope, load_trust(trust_file_of(ctx, trust_path)), signer)
        text = public_key_pem(key.key).encode("ascii") if kind == "public-key-pem" else sigstore_bundle(envelope, signature, key.key)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(ctx.path(out), [text])
        say(f"wrote {out}", err=True)
    next_step(
        "verify it elsewhere as docs/clearance.md shows, with the key: provenance clearance export FILE --format public-key-pem", quiet=ctx.quiet
    )
    return 0


def _signature(envelope: Envelope, trust: Trust, wanted: str | None) -> tuple[TrustedKey, EnvelopeSignature]:
    """Return the signature to export and its key, verified."""
    from provenance.clearance import ed25519
    from provenance.clearance.envelope import pre_authentication_encoding

    found = [(key, s) for s in envelope.signatures if (key := trust.key(s.key_id)) is not None]
    chosen = [(k, s) for k, s in found if wanted is None or k.name == wanted or (len(wanted) >= SHORTEST_ID and k.id.startswith(wanted))]
    if len(chosen) != 1:
        names = ", ".join(k.name for k, _ in found) or "nobody whom the trust file knows"
        raise InputError(f"{'several' if chosen else 'no'} signatures to export; it is signed by {names}", hint="choose one: --signer NAME")
    key, signature = chosen[0]
    if not ed25519.verify(key.key, pre_authentication_encoding(envelope.payload), signature.signature):
        raise SignatureError(f"the signature of {key.name!r} does not verify", hint="the clearance was changed after signing: fetch it anew")
    return key, signature
