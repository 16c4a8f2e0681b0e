"""``provenance db``: the database's schema."""

from __future__ import annotations

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, told_as_json


@click.group()
def db() -> None:
    """Upgrade and check the database."""


@db.command("upgrade")
@pass_context
def upgrade_command(ctx: CommandContext, /) -> int:
    """Bring the database to this version's schema."""
    from provenance.registry.upgrade import HEAD, UpgradeNote, upgrade

    workspace = ctx.workspace()
    before = upgrade(workspace.settings.database, note=UpgradeNote(at=workspace.clock.now(), actor=ctx.actor, reason=ctx.why))
    if before is None:
        say("made an empty registry")
    else:
        say("database is current" if before == HEAD else f"database was of schema {before} and is now {HEAD}")
    return 0


@db.command("check")
@text_or_json
@pass_context
def check_command(ctx: CommandContext, /, output: str) -> int:
    """Check that the database has exactly this version's schema.

    Tables, columns, checks, keys, indexes and the triggers that keep rows from being changed.
    """
    from provenance.registry.drift import check_drift
    from provenance.registry.upgrade import HEAD

    with told_as_json(output):
        check_drift(ctx.workspace().settings.database)
    if output == "json":
        say_json({"whole": True, "schema": HEAD})
        return 0
    say("database is current; tables, checks, indexes and triggers are as declared")
    return 0
