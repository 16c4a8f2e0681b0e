"""``provenance log``: the hash-chained audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, short, thousands, told_as_json, visible

if TYPE_CHECKING:
    from provenance.registry.log import LogEntry


@click.group()
def log() -> None:
    """Read and verify the audit log."""


@log.command("show")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="Newest entries shown.")
@click.option("--action", default=None, help="Only entries of this action, such as register.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, limit: int, action: str | None, output: str) -> int:
    """Show the newest entries."""
    with ctx.workspace().units.read() as registry:
        entries = registry.last_log_entries(limit, action=action)
        known = registry.logged_actions() if not entries else ()
    if output == "json":
        say_json(entries)
        return 0
    rows = [(e.seq, e.at.replace("T", " ").rstrip("Z"), e.actor, e.action, _about(e), short(e.entry_hash, 8)) for e in entries]
    if not rows:
        say("no entries" if action is None or not known else f"no entries of action {visible(action)!r}: there are {visible(', '.join(known))}")
        return 0
    say_table(("seq", "at (UTC)", "actor", "action", "about", "hash"), rows, right=frozenset({"seq"}), spare=("hash",))
    if len(entries) == limit:
        say(f"these are the newest {thousands(limit)}: --limit shows more", err=True)
    next_step("provenance log verify", quiet=ctx.quiet)
    return 0


def _about(entry: LogEntry) -> str:
    """Return what an entry is about: its reason, and how much it changed."""
    changed = ", ".join(counted(len(items), kind.removesuffix("s")) for kind, items in sorted(entry.details.items()) if isinstance(items, list))
    return " · ".join(part for part in (entry.reason, changed) if part)


@log.command("verify")
@click.option("--expected-head", default=None, help="A head printed earlier, such as in a report: it must be in the chain.")
@text_or_json
@pass_context
def verify(ctx: CommandContext, /, expected_head: str | None, output: str) -> int:
    """Check the chain and every fact against it; the first difference is named."""
    from provenance.fingerprint.digest import is_digest
    from provenance.registry.integrity import verify_registry

    if expected_head is not None and not is_digest(expected_head):
        raise click.UsageError(
            f"--expected-head {expected_head[:80]!r} is no head: sha256: and 64 hexadecimal digits, as reports and log verify print it"
        )
    units = ctx.workspace().units
    kept = units.kept_head()  # before the registry is opened: what is committed later is not seen
    with units.read() as registry, told_as_json(output):
        head = verify_registry(registry, expected_head=expected_head, kept_head=kept)
    if output == "json":
        say_json({"whole": True, "head": head})
        return 0
    say_fitting(f"✓ the log is whole and every fact agrees with it, head {head}")
    say_fitting(
        "The chain proves order and content up to its head. Keep the head elsewhere: whoever can write the database can rebuild the chain.", err=True
    )
    return 0
