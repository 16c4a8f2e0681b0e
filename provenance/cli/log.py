"""``provenance log``: the hash-chained audit log."""

from __future__ import annotations

from collections import deque

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
    with ctx.workspace().units.read() as registry:
        entries = list(deque(registry.log_entries(), maxlen=limit))
    if output == "json":
        say_json(entries)
    else:
        rows = [(e.seq, e.at, e.actor, e.action, e.reason, short(e.entry_hash)) for e in entries]
        say_table(("seq", "at", "actor", "action", "reason", "hash"), rows, right=frozenset({"seq"}))
    return 0


@log.command("verify")
@click.option("--expected-head", default=None, help="A head printed earlier, such as in a report: it must be in the chain.")
@pass_context
def verify(ctx: CommandContext, /, expected_head: str | None) -> int:
    """Check the chain and every fact against it; the first difference is named."""
    from provenance.registry.integrity import verify_registry

    with ctx.workspace().units.read() as registry:
        head = verify_registry(registry, expected_head=expected_head)
    say(f"✓ the log is whole and every fact agrees with it, head {head}")
    say("The chain proves order and content up to its head. Keep the head elsewhere: whoever can write the database can rebuild the chain.", err=True)
    return 0
