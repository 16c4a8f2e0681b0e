"""``provenance clear``: sign a clearance for an audited run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, registered_audit
from provenance.cli.context import CommandContext
from provenance.cli.keys import read_passphrase, safe_name
from provenance.cli.options import pass_context
from provenance.cli.output import next_step, say
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.trust import TrustedKey

DEFAULT_DAYS = 14
MAX_DAYS = 90


@click.command()
@click.argument("audit", default=LATEST)
@click.option("--as", "key_name", default=None, help="Name of the key to sign with; needed where there are several.")
@click.option("--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file that holds the key.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), default=DEFAULT_DAYS, show_default=True, help="Days the clearance holds.")
@click.option("--passphrase-file", type=click.Path(dir_okay=False, path_type=Path), help="File whose first line opens the key.")
@click.option("--released-by", "reviewer", default=None, help="Key of the reviewer who releases a REVIEW verdict, and signs too.")
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where to write X.clearance.json.")
@pass_context
def clear(ctx: CommandContext, /, audit: str, out: Path | None, **options: object) -> int:
    """Sign a clearance for an audited run.

    The verdict of AUDIT must be CLEARED, or REVIEW released by a reviewer.
    """
    from provenance.audit.clear import prepare_clearance, write_clearance

    workspace = ctx.workspace()
    record = registered_audit(workspace, audit)
    trust_option = options["trust_path"]
    trust_file = ctx.path(trust_option) if isinstance(trust_option, Path) else workspace.settings.workspace / "trust.json"
    passphrase_file = options["passphrase_file"] if isinstance(options["passphrase_file"], Path) else None
    key, trusted = _open_key(ctx, workspace, _text(options["key_name"]), trust_file, passphrase_file)
    reviewer = _open_key(ctx, workspace, _text(options["reviewer"]), trust_file, passphrase_file) if options["reviewer"] else None
    if reviewer is not None:
        _check_reviewer(trusted, reviewer[1])
    target = ctx.path(out) if out else workspace.settings.workspace / f"{safe_name(record.run.model.name)}.clearance.json"
    # Nobody records anything between the checks and the log's row, and no clearance is signed of which the log does not tell.
    with workspace.units.begin(actor=ctx.actor, action="clear", reason=record.id) as registry:
        prepared = prepare_clearance(
            record,
            workspace.tools(ctx.progress(), ctx.actor),
            issuer=trusted,
            days=int(str(options["days"])),
            released_by=reviewer[1].name if reviewer else None,
            in_force=workspace.in_force(record),
        )
        registry.note("clearances", audit=record.id, manifest_root=prepared.clearance.manifest_root, expires=prepared.clearance.expires)
    manifest = write_clearance(prepared, (key, reviewer[0]) if reviewer else (key,), target)
    say(f"cleared  {record.run.model.name} until {prepared.clearance.expires}")
    say(f"  clearance {target}")
    say(f"  manifest  {manifest}")
    next_step(f"provenance exec --clearance {target.name} --trust {trust_file.name} -- YOUR COMMAND", quiet=ctx.quiet)
    return 0


def _check_reviewer(issuer: TrustedKey, reviewer: TrustedKey) -> None:
    from provenance.clearance.trust import REVIEWER_ROLE

    if REVIEWER_ROLE not in reviewer.roles:
        raise InputError(f"key of {reviewer.name} has no role {REVIEWER_ROLE}", hint=f"make one: provenance keys new NAME --role {REVIEWER_ROLE}")
    if reviewer.key == issuer.key:
        raise InputError(f"{reviewer.name} cannot both issue and release a clearance", hint="a second person must sign: choose another key with --as")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _open_key(
    ctx: CommandContext, workspace: Workspace, name: str | None, trust_file: Path, passphrase_file: Path | None
) -> tuple[SigningKey, TrustedKey]:
    from provenance.clearance.keys import load_key
    from provenance.clearance.trust import load_trust

    files = sorted(workspace.settings.keys.glob("*.pem"))
    chosen = [f for f in files if name is None or f.stem == safe_name(name)]
    if len(chosen) != 1:
        names = ", ".join(f.stem for f in files) or "none"
        raise InputError(
            f"{'several keys' if chosen else 'no key'} to sign with; there are: {names}",
            hint="make one: provenance keys new NAME; choose one: --as NAME",
        )
    encrypted = b"ENCRYPTED" in chosen[0].read_bytes()
    key = load_key(chosen[0], passphrase=read_passphrase(ctx, passphrase_file) if encrypted else None)
    trusted = load_trust(trust_file).key(key.key_id)
    if trusted is None:
        raise InputError(f"key {chosen[0].stem} is not in the trust file {trust_file}", hint="name the right trust file with --trust")
    return key, trusted
