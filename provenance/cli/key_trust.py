"""``provenance keys trust|export``: believe somebody else's public key, and hand over one's own."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import say_alike, trust_file_of, trust_path_option, write_trust
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_json, visible
from provenance.errors import InputError, KeyFileError, TrustFileError

if TYPE_CHECKING:
    from provenance.clearance.public_keys import OfferedKey
    from provenance.clearance.trust import Trust, TrustedKey

YEAR_DAYS = 365
_DAY_LENGTH = 10
_FINGERPRINT_DIGITS = 16
"""Fewest hex digits of a fingerprint, 64 bits: nobody makes a second key that begins so."""
_THRESHOLD_DIGITS = 3
"""No office has 1,000 signers."""


@click.command("trust")
@click.argument("public_key", required=False, metavar="[KEY|FILE]")
@click.option("--name", default=None, help="Whose key it is; what the JSON row says otherwise.")
@click.option("--role", "roles", multiple=True, help="issuer, reviewer, legal …; may be given again; what the JSON row says otherwise.")
@click.option("--from", "start", default=None, metavar="DAY", help="First day it counts: 2026-12-01, or a UTC time; now otherwise.")
@click.option("--until", "end", default=None, metavar="DAY", help="Last day it counts; a year otherwise.")
@click.option("--fingerprint", default=None, metavar="HEX", help="What its owner told you: refuse any other key. At least 16 digits.")
@click.option("--threshold", "thresholds", multiple=True, metavar="ROLE=N", help="How many of a role must sign every clearance; 0 asks for none.")
@trust_path_option
@text_or_json
@pass_context
def trust_key(
    ctx: CommandContext, /, public_key: str | None, thresholds: tuple[str, ...], trust_path: Path | None, output: str, **given: object
) -> int:
    """Add somebody's public key to the trust file, or set thresholds.

    KEY is base64, a PEM file, or the JSON row that keys export prints. Compare
    the fingerprint with its owner by voice before you copy the trust file.
    """
    from provenance.bootstrap import SystemClock
    from provenance.clearance.keyring import with_key, with_thresholds
    from provenance.clearance.trust import load_trust

    file = trust_file_of(ctx, trust_path)
    trust = load_trust(file) if file.exists() else None
    if public_key is None and not thresholds:
        raise InputError("there is nothing to do: name a public key, or a threshold", hint="provenance keys trust KEY --name NAME --role issuer")
    added = None
    if public_key is not None:
        added = _trusted(read_public_key(ctx, public_key), given, SystemClock().now())
        trust = with_key(trust, added)
    if trust is None:
        raise TrustFileError(f"trust file {file} is not there yet", hint="trust an issuer's key first, or make one: provenance keys new NAME")
    changed = with_thresholds(trust, [_threshold(text) for text in thresholds])
    write_trust(file, changed)
    _say_trusted(added, changed, file, output=output)
    if added is not None:
        say_alike(changed, added)
    next_step("compare the fingerprint by voice, then copy the trust file to where training runs", quiet=ctx.quiet or added is None)
    return 0


@click.command("export")
@click.argument("name")
@click.option("-f", "--format", "kind", type=click.Choice(["json", "pem", "base64"]), default="json", show_default=True, help="How to print the key.")
@trust_path_option
@pass_context
def export(ctx: CommandContext, /, name: str, kind: str, trust_path: Path | None) -> int:
    """Print the public key of NAME, to be given to whoever shall trust it."""
    from provenance.bootstrap import SystemClock
    from provenance.clearance.keyring import current_key
    from provenance.clearance.public_keys import public_key_pem, row_of
    from provenance.clearance.trust import load_trust

    key = current_key(load_trust(trust_file_of(ctx, trust_path)), name, SystemClock().now())
    row = row_of(key)
    if kind == "json":
        say_json(row)
    else:
        click.echo(public_key_pem(key.key) if kind == "pem" else str(row["key"]), nl=kind != "pem")
    next_step("have the other side run: provenance keys trust FILE", quiet=ctx.quiet)
    return 0


def read_public_key(ctx: CommandContext, given: str) -> OfferedKey:
    """Return the public key that an argument holds, or the file that it names.

    Raises:
        KeyFileError: If it is none, or the file cannot be read.
    """
    from provenance.clearance.public_keys import MAX_PUBLIC_KEY_BYTES, parse_public_key

    file = ctx.path(Path(given)) if "\0" not in given and "\n" not in given and len(os.fsencode(given)) < 1 << 10 else None
    if file is None or not file.exists():
        if file is not None and given.endswith((".pem", ".pub", ".json")):
            raise KeyFileError(f"public key {given} is not there")
        return parse_public_key(given.encode("utf-8", "surrogateescape"), where="public key")
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_PUBLIC_KEY_BYTES + 2)
    except OSError as err:
        raise KeyFileError(f"public key {given} cannot be read: {err.strerror}") from err
    return parse_public_key(raw, where=f"public key {given}")


def _trusted(offered: OfferedKey, given: dict[str, object], now: str) -> TrustedKey:
    from provenance.clearance.keyring import check_name
    from provenance.clearance.trust import TrustedKey

    name, roles = given["name"] or offered.name, given["roles"] or offered.roles
    if not name or not roles:
        raise InputError(f"whose key it is and what it may sign must be said: {'--name' if not name else '--role'} is missing")
    start = _moment(given["start"], offered.not_before or now, end=False)
    end = _moment(given["end"], offered.not_after or _year_after(start), end=True)
    named = tuple(dict.fromkeys(check_name(str(role)) for role in roles)) if isinstance(roles, tuple) else ()
    try:
        key = TrustedKey(key=offered.key, name=check_name(str(name)), roles=named, not_before=start, not_after=end)
    except ValueError as err:
        raise InputError(str(err)) from err
    _check_fingerprint(key, given["fingerprint"])
    return key


def _check_fingerprint(key: TrustedKey, told: object) -> None:
    from provenance.clearance.public_keys import spoken_fingerprint

    if told is None:
        return
    digits = "".join(str(told).split()).lower().removeprefix("sha256:")
    if len(digits) < _FINGERPRINT_DIGITS or not key.id.startswith(digits):
        raise InputError(
            f"the key's fingerprint is {spoken_fingerprint(key.key)}, and you were told {visible(str(told))[:90]}",
            hint="this is not the key its owner meant: do not trust it; give at least 16 digits",
        )


def _moment(text: object, otherwise: str, *, end: bool) -> str:
    from provenance.clearance.strict_json import parse_time

    if text is None:
        return otherwise
    whole = f"{text}T{'23:59:59' if end else '00:00:00'}Z" if len(str(text)) == _DAY_LENGTH else str(text)
    try:
        parse_time(whole, where=f"--{'until' if end else 'from'}")
    except ValueError as err:
        raise InputError(str(err), hint="give a day such as 2026-12-31") from err
    return whole


def _year_after(start: str) -> str:
    from provenance.clearance.strict_json import parse_time

    return (parse_time(start, where="from") + dt.timedelta(days=YEAR_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _threshold(text: str) -> tuple[str, int]:
    role, equals, number = text.partition("=")
    if not equals or not role.strip() or not (number.isascii() and number.isdigit()) or len(number) > _THRESHOLD_DIGITS:
        raise InputError(f"threshold {text!r} must be of the form ROLE=N, such as legal=1")
    return role.strip(), int(number)


def _say_trusted(key: TrustedKey | None, trust: Trust, file: Path, *, output: str) -> None:
    from provenance.clearance.public_keys import row_of, spoken_fingerprint

    if output == "json":
        fingerprint = {} if key is None else {**row_of(key), "fingerprint": spoken_fingerprint(key.key)}
        say_json({**fingerprint, "thresholds": dict(trust.thresholds), "trusted": str(file)})
        return
    if key is not None:
        say(f"trusted  {visible(key.name)} ({visible(', '.join(key.roles))}) from {key.not_before[:10]} until {key.not_after[:10]}")
        groups = spoken_fingerprint(key.key).split(" ")
        half = len(groups) // 2
        say(f"  fingerprint  {' '.join(groups[:half])}")
        say(f"               {' '.join(groups[half:])}")
    say("  thresholds   " + visible(", ".join(f"{role} {n}" for role, n in trust.thresholds)))
    say(f"  trust file   {visible(str(file))}")
