"""``provenance init``."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context
from provenance.cli.output import next_step, say


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@pass_context
def init(ctx: CommandContext, folder: Path | None) -> int:
    """Make a workspace here.

    It is a provenance.toml and an empty registry, in FOLDER where one is named.
    """
    from provenance.bootstrap import init_workspace

    workspace, is_new = init_workspace(ctx.path(folder) if folder else ctx.start)
    say(f"{'made' if is_new else 'already there:'} workspace {workspace.settings.workspace}")
    next_step("provenance register --manifest datasets.yaml", quiet=ctx.quiet)
    return 0
