"""``provenance keys``: make signing keys, and say whom to trust."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_json, say_table, visible
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.clearance.trust import Trust, TrustedKey

_TIME = "%Y-%m-%dT%H:%M:%SZ"
YEAR_DAYS = 365


@click.group()
def keys() -> None:
    """Make signing keys, and say whom to trust."""


@keys.command("new")
@click.argument("name")
@click.option("--role", "roles", multiple=True, default=("issuer",), show_default=True, help="issuer, reviewer …; may be given again.")
@click.option("--days", default=YEAR_DAYS, show_default=True, help="Days the key may sign from now.")
@click.option("--passphrase-file", type=click.Path(dir_okay=False, path_type=Path), help="File whose first line encrypts the key.")
@click.option("--no-passphrase", is_flag=True, help="Leave the key file unencrypted.")
@click.option("--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file the public key is added to.")
@text_or_json
@pass_context
def new(ctx: CommandContext, /, name: str, roles: tuple[str, ...], days: int, trust_path: Path | None, output: str, **passphrases: object) -> int:
    """Make a key for NAME and add its public half to a trust file (trust.json in the workspace)."""
    from provenance.clearance.keys import generate_key, write_key

    settings = ctx.workspace().settings
    passphrase = _new_passphrase(ctx, passphrases)
    target = settings.keys / f"{safe_name(name)}.pem"
    settings.keys.mkdir(parents=True, exist_ok=True)
    settings.keys.chmod(0o700)
    key = generate_key()
    start = dt.datetime.now(dt.UTC)
    trusted = key.trusted(name=name, roles=roles, not_before=start.strftime(_TIME), not_after=(start + dt.timedelta(days=days)).strftime(_TIME))
    trust_file = ctx.path(trust_path) if trust_path else settings.workspace / "trust.json"
    trust = _with_key(trust_file, trusted)
    warning = write_key(key, target, passphrase=passphrase)
    _write_trust(trust_file, trust)
    if output == "json":
        say_json({**_key_row(trusted), "private": str(target), "trusted": str(trust_file)})
    else:
        say(f"key {key.key_id[:16]} of {visible(name)} ({', '.join(roles)}) until {trusted.not_after[:10]}")
        say(f"  private  {target}")
        say(f"  trusted  {trust_file}")
    if warning:
        say(f"  ! {warning}", err=True)
    next_step(f"provenance clear --as {safe_name(name)}; install the trust file as /etc/provenance/trust.json where training runs", quiet=ctx.quiet)
    return 0


def _new_passphrase(ctx: CommandContext, given: Mapping[str, object]) -> bytes | None:
    file = given["passphrase_file"]
    return None if given["no_passphrase"] else read_passphrase(ctx, file if isinstance(file, Path) else None, confirm=True)


def _key_row(key: TrustedKey) -> dict[str, object]:
    return {"id": key.id, "name": key.name, "roles": key.roles, "not_before": key.not_before, "not_after": key.not_after}


def safe_name(name: str) -> str:
    """Return a name as a file stem.

    Raises:
        InputError: If nothing usable is left.
    """
    stem = "".join(c if c.isalnum() or c in "-_.@" else "-" for c in name).strip(".-")
    if not stem:
        raise InputError(f"key name {name!r} has no letter or digit")
    return stem


def read_passphrase(ctx: CommandContext, file: Path | None, *, confirm: bool = False) -> bytes:
    """Return a passphrase from a file's first line, or ask for it."""
    if file is not None:
        lines = ctx.path(file).read_bytes().splitlines()
        if not lines or not lines[0]:
            raise InputError(f"passphrase file {file} is empty")
        return lines[0]
    text: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return text.encode()


def _with_key(file: Path, key: TrustedKey) -> Trust:
    from dataclasses import replace

    from provenance.clearance.trust import ISSUER_ROLE, Trust, load_trust

    if not file.exists():
        if ISSUER_ROLE not in key.roles:
            raise InputError(f"trust file {file} is not there yet and needs an issuer first", hint="make an issuer's key: provenance keys new NAME")
        return Trust(keys=(key,), thresholds=((ISSUER_ROLE, 1),))
    known = load_trust(file)
    return replace(known, keys=(*known.keys, key))


def _write_trust(file: Path, trust: Trust) -> None:
    from provenance.clearance.trust import trust_bytes

    part = file.with_name(file.name + ".part")
    part.write_bytes(trust_bytes(trust))
    part.chmod(0o644)
    part.replace(file)


@keys.command("list")
@click.option("--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file to list.")
@text_or_json
@pass_context
def list_keys(ctx: CommandContext, /, trust_path: Path | None, output: str) -> int:
    """List the keys of a trust file (trust.json in the workspace)."""
    from provenance.clearance.trust import load_trust

    file = ctx.path(trust_path) if trust_path else ctx.workspace().settings.workspace / "trust.json"
    trust = load_trust(file)
    rows = [(k.id[:16], k.name, ", ".join(k.roles), k.not_before[:10], k.not_after[:10]) for k in trust.keys]
    if output == "json":
        say_json([_key_row(k) for k in trust.keys])
    else:
        say_table(("key", "name", "roles", "from", "until"), rows)
        say("thresholds: " + ", ".join(f"{role} {n}" for role, n in trust.thresholds))
        say(f"trust file: {visible(str(file))}", err=True)
    return 0
