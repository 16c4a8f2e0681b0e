"""``provenance licenses``: what a licence name means, and what it permits."""

from __future__ import annotations

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_table, visible
from provenance.model.absence import TriState


@click.group()
def licenses() -> None:
    """Look up licences."""


@licenses.command("list")
@text_or_json
@pass_context
def list_licenses(ctx: CommandContext, /, output: str) -> int:
    """List the licences in the catalogue."""
    from provenance.bootstrap import any_workspace

    classes = any_workspace(ctx.start).licenses.classes
    rows = [(c.id, c.use, c.attribution, c.share_alike, c.no_derivatives) for _, c in sorted(classes.items())]
    columns = ("licence", "use", "attribution", "share-alike", "no derivatives")
    if output == "json":
        say_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        say_table(columns, rows)
    return 0


@licenses.command("show")
@click.argument("name")
@click.option("--commercial/--non-commercial", default=True, show_default=True, help="What the trained model is for.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, commercial: bool, output: str) -> int:
    """Say what NAME, an expression or what a card says, means for training."""
    from provenance.bootstrap import any_workspace

    catalog = any_workspace(ctx.start).licenses
    value, original = catalog.normalize(name)
    found = catalog.assess(value, TriState.of(commercial))
    if output == "json":
        say_json({"license": value, "original": original, "assessment": found})
        return 0
    say(f"{value}  (written {visible(original)!r})", bold=True)
    say(f"  {found.this_use} for {'commercial' if commercial else 'non-commercial'} training · class {found.use}")
    say(f"  attribution {found.attribution} · share-alike {found.share_alike} · no derivatives {found.no_derivatives}")
    for unknown in found.unknown_ids:
        say(f"  {visible(unknown)} is not in the catalogue: add it to a folder named under licenses in provenance.toml")
    return 0
