"""``provenance init``."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context
from provenance.cli.output import next_step, say, visible


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@pass_context
def init(ctx: CommandContext, folder: Path | None) -> int:
    """Make a workspace here.

    It is a provenance.toml and an empty registry, in FOLDER where one is named.
    """
    from provenance.workspaces import init_workspace

    made = init_workspace(ctx.path(folder) if folder else ctx.start, database=ctx.database, actor=ctx.actor, why=ctx.why)
    say(f"{'made' if made.is_new else 'already there:'} workspace {visible(str(made.workspace.settings.workspace))}")
    if made.was_used and not made.had_registry:
        say("its registry was not there: made an empty one; if there was one before, restore it from a backup", err=True)
    elif not made.is_new and not made.had_registry:
        say("made its registry", err=True)
    elif made.is_new and made.had_registry:
        say("its registry was there already", err=True)
    next_step("provenance register --manifest datasets.yaml", quiet=ctx.quiet)
    return 0
