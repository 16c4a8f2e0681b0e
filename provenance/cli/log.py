"""``provenance log``: the hash-chained audit log."""

from __future__ import annotations

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_table, short


@click.group()
def log() -> None:
    """Read and verify the audit log."""


@log.command("show")
@click.option("--limit", default=30, show_default=True, help="Newest entries shown.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, limit: int, output: str) -> int:
    """Show the newest entries."""
    entries = ctx.workspace().units.log_entries(limit)
    if output == "json":
        say_json(entries)
    else:
        rows = [(e.seq, e.at, e.actor, e.action, e.reason, short(e.entry_hash)) for e in entries]
        say_table(("seq", "at", "actor", "action", "reason", "hash"), rows, right=frozenset({"seq"}))
    return 0


@log.command("verify")
@pass_context
def verify(ctx: CommandContext, /) -> int:
    """Check the chain; the first broken link is named."""
    count, head = ctx.workspace().units.verify_log()
    say(f"✓ {count} entries, head {head}")
    say("The chain proves order and content up to its head. Keep the head elsewhere: whoever can write the database can rebuild the chain.", err=True)
    return 0
