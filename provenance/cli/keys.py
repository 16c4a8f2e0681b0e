"""``provenance keys``: make signing keys, and say whom to trust."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import (
    PUBLIC_SUFFIX,
    read_passphrase,
    safe_name,
    say_alike,
    trust_file_of,
    trust_path_option,
    write_key_pair,
    write_trust,
)
from provenance.cli.key_list import list_keys
from provenance.cli.key_trust import export, trust_key
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_json, visible
from provenance.cli.revoking import refresh, revoke_key
from provenance.errors import KeyFileError

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.clearance.keys import SigningKey
    from provenance.clearance.trust import TrustedKey

_TIME = "%Y-%m-%dT%H:%M:%SZ"
YEAR_DAYS = 365
MAX_KEY_DAYS = 3650
MAX_OVERLAP_DAYS = 90

days_option = click.option(
    "--days", type=click.IntRange(1, MAX_KEY_DAYS), default=YEAR_DAYS, show_default=True, help="Days the key may sign from now."
)
passphrase_file_option = click.option(
    "--passphrase-file", type=click.Path(dir_okay=False, path_type=Path), help="File whose first line encrypts the key; /dev/fd/3 is one too."
)
no_passphrase_option = click.option("--no-passphrase", is_flag=True, help="Leave the key file unencrypted.")


@click.group()
def keys() -> None:
    """Make signing keys, and say whom to trust."""


@keys.command("new")
@click.argument("name")
@click.option("--role", "roles", multiple=True, default=("issuer",), show_default=True, help="issuer, reviewer …; may be given again.")
@days_option
@passphrase_file_option
@no_passphrase_option
@trust_path_option
@text_or_json
@pass_context
def new(ctx: CommandContext, /, name: str, roles: tuple[str, ...], trust_path: Path | None, output: str, **given: object) -> int:
    """Make a key for NAME and add its public half to a trust file (trust.json in the workspace)."""
    from provenance.clearance.keyring import check_name, with_key
    from provenance.clearance.keys import generate_key
    from provenance.clearance.trust import load_trust

    workspace, trust_file = ctx.workspace(), trust_file_of(ctx, trust_path)
    check_name(name)
    for role in roles:
        check_name(role)
    target = workspace.settings.keys / f"{safe_name(name)}.pem"
    _check_free(target)
    key = generate_key()
    trusted = _trusted(key, name, tuple(dict.fromkeys(roles)), workspace.clock.now(), given)
    trust = with_key(load_trust(trust_file) if trust_file.exists() else None, trusted)
    warning = write_key_pair(key, target, passphrase=_new_passphrase(ctx, given))
    write_trust(trust_file, trust)
    _say_made(trusted, target, trust_file, warning, output=output)
    say_alike(trust, trusted)
    use = {"issuer": f"provenance clear --as {safe_name(name)}", "reviewer": f"provenance review release --key {safe_name(name)}"}
    first = next((use[role] for role in roles if role in use), "provenance keys list")
    next_step(f"{first}; install the trust file as /etc/provenance/trust.json where training runs", quiet=ctx.quiet)
    return 0


@keys.command("rotate")
@click.argument("name")
@days_option
@click.option(
    "--overlap",
    type=click.IntRange(0, MAX_OVERLAP_DAYS),
    default=0,
    show_default=True,
    metavar="DAYS",
    help="Days in which the old key may still sign too.",
)
@click.option("--public-key", default=None, metavar="KEY|FILE", help="The new public key, where its owner made it elsewhere.")
@passphrase_file_option
@no_passphrase_option
@trust_path_option
@text_or_json
@pass_context
def rotate(ctx: CommandContext, /, name: str, overlap: int, public_key: str | None, trust_path: Path | None, output: str, **given: object) -> int:
    """Give NAME a new key; the old one signs nothing new from now on.

    What the old key signed before counts until it expires. A key that was lost
    or stolen is not rotated but revoked: provenance keys revoke.
    """
    from provenance.clearance.keyring import current_key, rotated
    from provenance.clearance.keys import generate_key
    from provenance.clearance.trust import TrustedKey, load_trust
    from provenance.cli.key_trust import read_public_key

    workspace, trust_file = ctx.workspace(), trust_file_of(ctx, trust_path)
    trust, now = load_trust(trust_file), workspace.clock.now()
    old = current_key(trust, name, now)
    target, warning = _target(workspace, old), None
    if public_key is None:
        key = generate_key()
        fresh = _trusted(key, old.name, old.roles, now, given)
    else:
        end = _after(now, int(str(given["days"])))
        fresh = TrustedKey(key=read_public_key(ctx, public_key).key, name=old.name, roles=old.roles, not_before=now, not_after=end)
    turned = rotated(trust, old, fresh, now, overlap=dt.timedelta(days=overlap))
    if public_key is None:
        warning = _put_in_place(ctx, key, target, old, given)
    write_trust(trust_file, turned)
    ended = turned.key(old.id) or old
    _say_made(fresh, target if public_key is None else None, trust_file, warning, output=output, old=ended)
    next_step("copy the trust file to where training runs; see what counts: provenance keys list", quiet=ctx.quiet)
    return 0


keys.add_command(list_keys)
keys.add_command(trust_key)
keys.add_command(export)
keys.add_command(revoke_key)
keys.add_command(refresh)


def _trusted(key: SigningKey, name: str, roles: tuple[str, ...], now: str, given: dict[str, object]) -> TrustedKey:
    return key.trusted(name=name, roles=roles, not_before=now, not_after=_after(now, int(str(given["days"]))))


def _after(now: str, days: int) -> str:
    from provenance.clearance.strict_json import parse_time

    return (parse_time(now, where="now") + dt.timedelta(days=days)).strftime(_TIME)


def _new_passphrase(ctx: CommandContext, given: dict[str, object]) -> bytes | None:
    file = given["passphrase_file"]
    return None if given["no_passphrase"] else read_passphrase(ctx, file if isinstance(file, Path) else None, confirm=True)


def _check_free(target: Path) -> None:
    """Refuse before anybody is asked for a passphrase."""
    if os.path.lexists(target):
        raise KeyFileError(
            f"key file {target} cannot be written: File exists", hint="keys are never overwritten: choose another name, or keys rotate"
        )


def _target(workspace: Workspace, old: TrustedKey) -> Path:
    return workspace.settings.keys / f"{safe_name(old.name)}.pem"


def _put_in_place(ctx: CommandContext, key: SigningKey, target: Path, old: TrustedKey, given: dict[str, object]) -> str | None:
    """Write a new private key under the name of the old one, which moves into the folder ``retired``. No file is ever overwritten."""
    fresh, retired = target.with_name(f"{target.stem}.{key.key_id[:8]}.new"), target.parent / "retired"
    warning = write_key_pair(key, fresh, passphrase=_new_passphrase(ctx, given))
    for suffix in (".pem", PUBLIC_SUFFIX):
        file = target.with_suffix(suffix)
        if os.path.lexists(file):
            retired.mkdir(mode=0o700, exist_ok=True)
            place = retired / f"{target.stem}-{old.id[:8]}{suffix}"
            if os.path.lexists(place):
                raise KeyFileError(f"{place} is there already", hint="move it away: keys are never overwritten")
            file.rename(place)
    fresh.rename(target)
    fresh.with_suffix(PUBLIC_SUFFIX).rename(target.with_suffix(PUBLIC_SUFFIX))
    return None if warning is None else warning.replace(str(fresh), str(target))


def _say_made(key: TrustedKey, private: Path | None, trust_file: Path, warning: str | None, *, output: str, old: TrustedKey | None = None) -> None:
    from provenance.clearance.public_keys import row_of, spoken_fingerprint

    if output == "json":
        more = {} if old is None else {"old": {**row_of(old), "issue_until": old.issue_until}}
        say_json({**row_of(key), **more, "private": None if private is None else str(private), "trusted": str(trust_file)})
    else:
        say(f"key {key.id[:16]} of {visible(key.name)} ({visible(', '.join(key.roles))}) until {key.not_after[:10]}")
        if private is not None:
            say(f"  private  {private}")
        say(f"  trusted  {trust_file}")
        if private is None:
            say(f"  compare by voice: {spoken_fingerprint(key.key)}")
        if old is not None:
            say(f"  old key {old.id[:16]} signs until {old.issue_until or old.not_after}, and counts until {old.not_after}")
    if warning:
        say(f"  ! {warning}", err=True)
