"""``provenance clearance sign``: a further person's signature under a clearance, after it said what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import optional_workspace, trust_file_of, trust_path_option
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, visible, write_whole
from provenance.cli.signing import open_signer, passphrase_option
from provenance.errors import ClearanceError, EnvelopeFormatError, InputError, UntrustedKeyError
from provenance.model.wire import to_wire

if TYPE_CHECKING:
    from provenance.audit.admitting import Verifier
    from provenance.clearance.cosigning import Standing
    from provenance.clearance.thresholds import Shortfall
    from provenance.clearance.trust import TrustedKey

_TOLD = frozenset({"verdict", "run_digest", "audit", "manifest_root", "issued", "not_before", "expires", "issuer", "released_by", "releases"})
"""Fields that the sentences tell; every other one that is set is printed as it is."""


@click.command("sign")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "key_name", default=None, help="Name of the key to sign with; needed where there are several.")
@passphrase_option
@trust_path_option
@click.option("-y", "--yes", is_flag=True, help="Sign without asking: for scripts of people who have read it.")
@text_or_json
@pass_context
def sign(ctx: CommandContext, /, file: Path, key_name: str | None, trust_path: Path | None, output: str, **given: object) -> int:
    """Add your signature to a clearance that others signed.

    It is verified first, but for signatures that are still missing, and printed:
    what you sign is what it says.
    """
    from provenance.bootstrap import SystemClock
    from provenance.clearance.cosigning import add_signature, check_cosigner, standing
    from provenance.clearance.signed_lists import load_revocations
    from provenance.clearance.trust import load_trust

    target, trust_file, now = ctx.path(file), trust_file_of(ctx, trust_path), SystemClock().now()
    trust = load_trust(trust_file)
    raw, revocations = _read(target), load_revocations(trust)
    found = standing(raw, trust, now, revocations=revocations)
    _say_statement(found, err=output == "json")
    passphrase_file = given["passphrase_file"]
    signer = open_signer(ctx, key_name, passphrase_file=passphrase_file if isinstance(passphrase_file, Path) else None)
    key = trust.key(signer.key_id)
    if key is None:
        raise UntrustedKeyError(f"key {signer.key_id[:16]} is not in the trust file {trust_file}", hint="name the right trust file with --trust")
    check_cosigner(key, found, now, revocations=revocations)
    if not given["yes"]:
        _ask(key.name)
    signed = add_signature(raw, signer)
    after = standing(signed, trust, now, revocations=revocations)
    _keep(ctx, target, raw, signed, found, key=key)
    if output == "json":
        say_json({"file": str(target), "signed_by": [k.name for k in after.signers], "lacking": [_row(lack) for lack in after.lacking]})
    else:
        say(f"signed  {visible(target.name)} as {visible(key.name)} ({visible(', '.join(key.roles))})")
        if len(after.lacking) == len(found.lacking) and [*map(str, after.lacking)] == [*map(str, found.lacking)]:
            say("  ! this signature meets no threshold: its roles are not asked for, are met, or the same person has signed", err=True)
        _say_lacking(after.lacking)
    use = f"provenance exec --clearance {target.name} --trust {trust_file.name} -- YOUR COMMAND"
    next_step(f"provenance clearance sign {target.name} --as NAME" if after.lacking else use, quiet=ctx.quiet)
    return 0


def say_lacking(file: Path, verifier: Verifier) -> list[dict[str, object]]:
    """Say who must still sign a clearance that was just written, and return it for JSON; say so too where the gate would refuse it for something else."""
    from provenance.clearance.cosigning import standing

    if verifier.trust is None:
        return []
    try:
        lacking = standing(_read(file), verifier.trust, verifier.now, revocations=verifier.revocations).lacking
    except ClearanceError as err:
        say_fitting(f"  ! the gate would refuse it: {visible('; '.join(err.reasons))}", err=True)
        return []
    _say_lacking(lacking, err=True)
    return [_row(lack) for lack in lacking]


def _say_lacking(lacking: tuple[Shortfall, ...], *, err: bool = False) -> None:
    for lack in lacking:
        say_fitting(f"  ! no run starts yet: {visible(str(lack))}", err=err)


def _row(lack: Shortfall) -> dict[str, object]:
    return {"role": lack.role, "needed": lack.needed, "signed": lack.signed, "can_sign": list(lack.can_sign)}


def _read(file: Path) -> bytes:
    from provenance.clearance.envelope import MAX_ENVELOPE_BYTES

    try:
        with file.open("rb") as stream:
            return stream.read(MAX_ENVELOPE_BYTES + 1)
    except (OSError, ValueError) as err:
        raise EnvelopeFormatError(f"clearance {file} cannot be read: {getattr(err, 'strerror', None) or err}") from err


def _say_statement(found: Standing, *, err: bool) -> None:
    """Print what a clearance says, in words. Nothing of it is left out but digests of what the audit rests on."""
    said = found.clearance
    say_fitting(f"This clearance says, of the run {said.run_digest[:19]}… and audit {said.audit[:19]}…:", err=err)
    released = f", released by {said.released_by}" if said.released_by is not None else ""
    say_fitting(f"  verdict     {said.verdict.value}{visible(released)}", err=err)
    say_fitting(f"  data        exactly the files of the manifest with the root {said.manifest_root}", err=err)
    say_fitting(f"  holds       from {said.not_before} until {said.expires}", err=err)
    say_fitting(f"  issued      {said.issued} by {visible(said.issuer.name)} as {visible(said.issuer.role)}", err=err)
    for name, value in to_wire(said).items():
        if name not in _TOLD and value not in (None, [], ""):
            for item in value if isinstance(value, list) else [value]:
                say_fitting(f"  {name[:24]}  {visible(str(item))}", err=err)
    say_fitting(f"  signed by   {visible(', '.join(k.name for k in found.signers))}", err=err)
    for lack in found.lacking:
        say_fitting(f"  missing     {visible(str(lack))}", err=err)


def _ask(name: str) -> None:
    try:
        agreed = click.confirm(f"Sign this as {visible(name)}?", err=True)
    except click.Abort as err:
        if sys.stdin.isatty():
            raise
        raise InputError("nothing was signed: there is nobody to ask", hint="read it, then give --yes") from err
    if not agreed:
        raise InputError("nothing was signed")


def _keep(ctx: CommandContext, target: Path, before: bytes, signed: bytes, found: Standing, *, key: TrustedKey) -> None:
    """Write the clearance, unless somebody else changed it meanwhile, and tell the registry's log where there is one."""
    from provenance.clearance.statement import statement_bytes, statement_digest

    if _read(target) != before:
        raise InputError(f"{target} was changed while you read it", hint="somebody else signed: run the same command again")
    workspace = optional_workspace(ctx)
    if workspace is None:
        write_whole(target, [signed])
        return
    with workspace.units.begin(actor=ctx.actor, action="sign", reason=f"clearance of audit {found.clearance.audit}") as registry:
        statement = statement_digest(statement_bytes(found.clearance))
        said = found.clearance
        registry.note("signatures", audit=said.audit, manifest_root=said.manifest_root, signer=key.name, key=key.id, statement=statement)
        write_whole(target, [signed])
