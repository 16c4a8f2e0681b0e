"""``provenance keys list``: whose keys count for what, and whether what the trust file asks for can be met now."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.key_files import optional_workspace, private_files, safe_name, trust_file_of, trust_path_option
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, say_table, visible
from provenance.errors import TrustFileError

if TYPE_CHECKING:
    from provenance.clearance.revocation import RevocationList
    from provenance.clearance.trust import Trust, TrustedKey


@click.command("list")
@trust_path_option
@text_or_json
@pass_context
def list_keys(ctx: CommandContext, /, trust_path: Path | None, output: str) -> int:
    """List the keys of a trust file (trust.json in the workspace)."""
    from provenance.bootstrap import SystemClock
    from provenance.clearance.trust import load_trust

    file, now = trust_file_of(ctx, trust_path), SystemClock().now()
    trust = load_trust(file)
    revocations, fault = _revocations(trust, now)
    here = _here(ctx, trust)
    rows = [(key, _state(key, revocations, now), here.get(key.id)) for key in trust.keys]
    able = _able(trust, [key for key, state, _ in rows if state == "valid"])
    if output == "json":
        say_json(_document(trust, rows, able, fault, file))
        return 0
    table = [(k.id[:16], k.name, ", ".join(k.roles), k.not_before[:10], _until(k), state, _where(private)) for k, state, private in rows]
    say_table(("key", "name", "roles", "from", "until", "state", "private"), table, spare=("from", "private"))
    for role, needed in trust.thresholds:
        met = "" if able[role] >= needed else ": cannot be met"
        say_fitting(f"threshold  {visible(role)}: {needed} must sign, {able[role]} can now{met}")
    say_fitting(_list_line(trust, revocations, fault))
    say(f"trust file: {visible(str(file))}", err=True)
    if fault is not None:
        next_step("provenance keys refresh", quiet=ctx.quiet)
    return 0


def _revocations(trust: Trust, now: str) -> tuple[RevocationList | None, str | None]:
    """Return the list, and why it cannot be relied on."""
    from provenance.clearance.revocation import stale_reason
    from provenance.clearance.signed_lists import load_revocations

    try:
        found = load_revocations(trust)
    except TrustFileError as err:
        return None, str(err)
    return found, stale_reason(found, trust.revocation, now)


def _here(ctx: CommandContext, trust: Trust) -> dict[str, str]:
    """Return which keys' private halves are in the workspace; of files without a public half beside them the name tells."""
    workspace = optional_workspace(ctx)
    if workspace is None:
        return {}
    folder = workspace.settings.keys
    retired = {key: f"retired/{name}" for key, name in private_files(folder / "retired").items()}
    found = {**retired, **private_files(folder)}
    for file in sorted(folder.glob("*.pem")):
        if not file.with_suffix(".pub").exists():
            for key in trust.keys:
                if safe_name(key.name) == file.stem:
                    found.setdefault(key.id, file.name)
    return found


def _state(key: TrustedKey, revocations: RevocationList | None, now: str) -> str:
    from provenance.clearance.strict_json import parse_time

    moment = parse_time(now, where="now")
    start, end = key.window()
    if revocations is not None and revocations.key(key.id) is not None:
        return "revoked"
    if moment < start:
        return "not yet"
    if moment > end:
        return "ended"
    return "valid" if key.window_fault(moment, moment) is None else "rotated"


def _until(key: TrustedKey) -> str:
    return (key.issue_until or key.not_after)[:10]


def _where(private: str | None) -> str:
    return "-" if private is None else "retired" if "/" in private else "here"


def _able(trust: Trust, valid: list[TrustedKey]) -> dict[str, int]:
    from provenance.fingerprint.persons import count_persons

    return {role: count_persons(k.name for k in valid if role in k.roles) for role, _ in trust.thresholds}


def _document(trust: Trust, rows: list[tuple[TrustedKey, str, str | None]], able: dict[str, int], fault: str | None, file: Path) -> object:
    from provenance.clearance.public_keys import row_of

    listed = [{**row_of(key), "issue_until": key.issue_until, "state": state, "private": private} for key, state, private in rows]
    thresholds = [{"role": role, "needed": n, "able": able[role], "met": able[role] >= n} for role, n in trust.thresholds]
    source = None if trust.revocation is None else {**_source(trust), "fault": fault}
    return {"keys": listed, "thresholds": thresholds, "revocation": source, "trust_file": str(file)}


def _source(trust: Trust) -> dict[str, object]:
    from dataclasses import asdict

    return {} if trust.revocation is None else asdict(trust.revocation)


def _list_line(trust: Trust, revocations: RevocationList | None, fault: str | None) -> str:
    from provenance.clearance.strict_json import parse_time

    source = trust.revocation
    if source is None:
        return "revocation no list is named: a lost key counts until it is taken out. provenance keys revoke makes a list"
    if fault is not None or revocations is None:
        return f"revocation {visible(fault or 'the list cannot be read')}: every clearance is denied"
    end = parse_time(revocations.issued, where="issued") + dt.timedelta(seconds=source.max_age_s)
    who = f"signed in the role {visible(source.role)}" if source.role else "not signed: whoever can write it can un-revoke"
    return f"revocation {visible(source.path)}, {who}, fresh until {end:%Y-%m-%dT%H:%M:%SZ}"
