"""``provenance keys revoke|refresh`` and ``provenance clearance revoke``: say what no longer counts, in the list that the trust file names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import optional_workspace, trust_file_of, trust_path_option, write_trust
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, visible, write_whole
from provenance.cli.signing import open_signer, passphrase_option
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.clearance.revocation import Revocation, RevocationList
    from provenance.clearance.trust import Trust

F = TypeVar("F", bound=Callable[..., Any])
MAX_AGE_DAYS = 366
MAX_REASON = 1_000

reason_option = click.option("--reason", required=True, help="Why; it stands in the list and in every denial.")
age_option = click.option("--max-age", type=click.IntRange(1, MAX_AGE_DAYS), default=None, metavar="DAYS", help="Days after which the list is stale.")
as_option = click.option("--as", "key_names", multiple=True, help="Key that signs the list; may be given again where several must.")
unsigned_option = click.option("--unsigned", is_flag=True, help="Make a new list that nobody signs: who can write it can un-revoke.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    """How a list is to be issued."""

    trust_file: Path
    key_names: tuple[str, ...]
    passphrase_file: Path | None
    max_age: int | None
    is_unsigned: bool
    sign_from_now: bool = False


def _issuing(command: F) -> F:
    for option in (text_or_json, trust_path_option, passphrase_option, unsigned_option, age_option, as_option):
        command = option(command)
    return command


@click.command("revoke")
@click.argument("key", metavar="NAME|ID")
@reason_option
@_issuing
@pass_context
def revoke_key(ctx: CommandContext, /, key: str, reason: str, output: str, **given: Any) -> int:
    """Put a key on the revocation list: nothing it ever signed counts any more.

    The list is the one the trust file names; without one it is made, and signed
    in the role revoker, else issuer.
    """
    from provenance.clearance.keyring import current_key
    from provenance.clearance.revocation import Revocation
    from provenance.clearance.trust import load_trust
    from provenance.fingerprint.digest import is_digest

    issue = _issue(ctx, given)
    trust = load_trust(issue.trust_file)
    named = trust.key(key) or (None if is_digest(f"sha256:{key}") else current_key(trust, key, _now()))
    entry = Revocation(id=key if named is None else named.id, reason=_reason(reason))
    whose = "a key that is not in the trust file" if named is None else f"the key of {named.name}"
    revocations = _publish(ctx, issue, trust, keys=[entry], why=f"revoke key {entry.id}: {entry.reason}")
    _say_revoked(ctx, revocations, trust, entry, f"{whose}, {entry.id[:16]}", output=output)
    return 0


@click.command("revoke")
@click.argument("what", metavar="FILE|DIGEST")
@reason_option
@_issuing
@pass_context
def revoke_clearance(ctx: CommandContext, /, what: str, reason: str, output: str, **given: Any) -> int:
    """Put a clearance on the revocation list: no run starts with it any more.

    DIGEST is the SHA-256 of its statement: the id that clearance inspect and
    the registry's log print.
    """
    from provenance.clearance.revocation import Revocation
    from provenance.clearance.trust import load_trust

    issue = _issue(ctx, given)
    trust = load_trust(issue.trust_file)
    entry = Revocation(id=_clearance_digest(ctx, what), reason=_reason(reason))
    revocations = _publish(ctx, issue, trust, clearances=[entry], why=f"revoke clearance {entry.id}: {entry.reason}")
    _say_revoked(ctx, revocations, trust, entry, f"the clearance {entry.id[:23]}", output=output)
    return 0


@click.command("refresh")
@click.option("--sign", "sign_from_now", is_flag=True, help="Have the list signed from now on, where it was not.")
@_issuing
@pass_context
def refresh(ctx: CommandContext, /, output: str, **given: Any) -> int:
    """Issue the revocation list anew, so that it is fresh; make an empty one where there is none."""
    from provenance.clearance.trust import load_trust

    issue = _issue(ctx, given)
    trust = load_trust(issue.trust_file)
    revocations = _publish(ctx, issue, trust, why="issue the revocation list anew")
    changed = load_trust(issue.trust_file)
    if output == "json":
        say_json({"list": str(_list_file(changed)), "issued": revocations.issued, "keys": revocations.keys, "clearances": revocations.clearances})
    else:
        say(f"issued  {visible(str(_list_file(changed)))} of {revocations.issued}, {_fresh_until(changed, revocations)}")
        say(f"  {len(revocations.keys)} keys and {len(revocations.clearances)} clearances are revoked")
    _say_copy(ctx)
    return 0


def _issue(ctx: CommandContext, given: dict[str, Any]) -> _Issue:
    file = given["passphrase_file"]
    return _Issue(
        trust_file=trust_file_of(ctx, given["trust_path"]),
        key_names=given["key_names"],
        passphrase_file=file if isinstance(file, Path) else None,
        max_age=given["max_age"],
        is_unsigned=given["unsigned"],
        sign_from_now=given.get("sign_from_now", False),
    )


def _publish(
    ctx: CommandContext, issue: _Issue, trust: Trust, *, keys: Sequence[Revocation] = (), clearances: Sequence[Revocation] = (), why: str
) -> RevocationList:
    """Write a list that holds more, and the trust file that knows of it; nothing is written that the gate would refuse.

    Raises:
        ClearanceError: If the list at hand cannot be relied on, or the new one would not hold.
        InputError: If it is revoked already, or there is no key to sign with.
    """
    from provenance.clearance.keyring import knows_list, with_list, with_revoked
    from provenance.clearance.signed_lists import load_revocations

    known = load_revocations(trust)
    is_new = trust.revocation is None
    age = None if issue.max_age is None else dt.timedelta(days=issue.max_age)
    asked = with_list(trust, is_signed=issue.sign_from_now or (is_new and not issue.is_unsigned), max_age=age)
    if is_new and _list_file(asked).exists():
        raise InputError(f"{_list_file(asked)} is there, and the trust file does not name it", hint="move it away, or name it in the trust file")
    revocations = with_revoked(known, _now(), keys=keys, clearances=clearances)
    raw = _signed(ctx, issue, asked, revocations)
    changed = knows_list(asked, revocations)
    workspace = optional_workspace(ctx)
    if workspace is None:
        _write(changed, issue.trust_file, raw)
        return revocations
    action = "revoke" if (*keys, *clearances) else "refresh"
    with workspace.units.begin(actor=ctx.actor, action=action, reason=why) as registry:
        registry.note("revocations", list=str(_list_file(asked)), issued=revocations.issued, **_facts(keys, clearances))
        _write(changed, issue.trust_file, raw)
    return revocations


def _facts(keys: Sequence[Revocation], clearances: Sequence[Revocation]) -> dict[str, str]:
    return {kind: entry.id for kind, entries in (("key", keys), ("clearance", clearances)) for entry in entries}


def _signed(ctx: CommandContext, issue: _Issue, trust: Trust, revocations: RevocationList) -> bytes:
    from provenance.clearance.revocation import revocation_bytes
    from provenance.clearance.signed_lists import sign_revocations, verify_revocations

    source = trust.revocation
    if source is None or source.role is None:
        say("  ! the list is not signed: whoever can write it can un-revoke; sign it: provenance keys refresh --sign", err=True)
        return revocation_bytes(revocations)
    names: tuple[str | None, ...] = issue.key_names or (None,)
    signers = [open_signer(ctx, name, passphrase_file=issue.passphrase_file) for name in names]
    if len({s.public_key for s in signers}) != len(signers):
        raise InputError("one key is named twice with --as")
    raw = sign_revocations(revocations, *signers)
    verify_revocations(raw, trust, source, where="the new revocation list")
    return raw


def _write(trust: Trust, trust_file: Path, raw: bytes) -> None:
    write_whole(_list_file(trust), [raw])
    write_trust(trust_file, trust)


def _list_file(trust: Trust) -> Path:
    from provenance.clearance.signed_lists import list_path

    if trust.revocation is None:
        raise InputError("the trust file names no revocation list", hint="make one: provenance keys refresh")
    return list_path(trust, trust.revocation)


def _now() -> str:
    from provenance.bootstrap import SystemClock

    return SystemClock().now()


def _reason(text: str) -> str:
    if not text.strip() or len(text) > MAX_REASON or any("\ud800" <= c <= "\udfff" for c in text):
        raise InputError(f"a reason of 1 to {MAX_REASON:,} characters must be given", hint="say what happened: --reason 'laptop lost'")
    return text


def _clearance_digest(ctx: CommandContext, what: str) -> str:
    from provenance.clearance.envelope import MAX_ENVELOPE_BYTES, parse_envelope
    from provenance.clearance.statement import parse_statement, statement_digest
    from provenance.fingerprint.digest import is_digest

    if is_digest(what):
        return what
    if is_digest(f"sha256:{what}"):
        return f"sha256:{what}"
    with ctx.path(Path(what)).open("rb") as stream:
        payload = parse_envelope(stream.read(MAX_ENVELOPE_BYTES + 1)).payload
    parse_statement(payload)
    return statement_digest(payload)


def _fresh_until(trust: Trust, revocations: RevocationList) -> str:
    from provenance.clearance.strict_json import parse_time

    age = 0 if trust.revocation is None else trust.revocation.max_age_s
    return f"fresh until {parse_time(revocations.issued, where='issued') + dt.timedelta(seconds=age):%Y-%m-%dT%H:%M:%SZ}"


def _say_revoked(ctx: CommandContext, revocations: RevocationList, before: Trust, entry: Revocation, what: str, *, output: str) -> None:
    from provenance.clearance.trust import load_trust

    trust = load_trust(before.source)
    if output == "json":
        say_json({"revoked": entry.id, "reason": entry.reason, "list": str(_list_file(trust)), "issued": revocations.issued})
    else:
        say_fitting(f"revoked  {visible(what)}: {visible(entry.reason)}")
        say(f"  list     {visible(str(_list_file(trust)))}, {_fresh_until(trust, revocations)}")
        if before.revocation is None:
            say(f"  trust    {visible(before.source)} names the list from now on")
    _say_copy(ctx)


def _say_copy(ctx: CommandContext) -> None:
    next_step("copy the list and the trust file to where training runs; before it is stale: provenance keys refresh", quiet=ctx.quiet)
