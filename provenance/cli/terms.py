"""``provenance terms``: look up providers' terms, and ask what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_table, visible
from provenance.cli.terms_explain import explain
from provenance.errors import NotRegisteredError

if TYPE_CHECKING:
    from provenance.licensing.terms import TermsCatalog


@click.group()
def terms() -> None:
    """Look up providers' terms."""


@terms.command("list")
@click.option("--provider", default=None, help="Only this provider.")
@text_or_json
@pass_context
def list_terms(ctx: CommandContext, /, provider: str | None, output: str) -> int:
    """List the dated versions in the catalogue."""
    from provenance.licensing.terms import normalize_provider

    catalog = _catalog(ctx)
    found = [e for e in catalog.entries if provider is None or e.provider == normalize_provider(provider)]
    rows = [
        (
            e.id,
            e.effective_from,
            e.effective_to,
            "+".join(e.channels),
            "+".join(e.regions),
            c.value if (c := e.clause("train_any_model")) else "silent",
        )
        for e in found
    ]
    columns = ("id", "from", "to", "channel", "region", "training")
    if output == "json":
        say_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        say_table(columns, rows)
        say(f"catalogue {catalog.version} {catalog.digest}", err=True)
    return 0


@terms.command("show")
@click.argument("terms_id")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, terms_id: str, output: str) -> int:
    """Show one version with its clauses."""
    entry = _catalog(ctx).get(terms_id)
    if entry is None:
        raise NotRegisteredError(f"no terms {terms_id!r} in the catalogue", hint="see: provenance terms list")
    if output == "json":
        say_json(
            {
                "id": entry.id,
                "title": entry.title,
                "from": entry.effective_from,
                "to": entry.effective_to,
                "clauses": entry.clauses,
                "source": entry.source,
            }
        )
        return 0
    say(f"{entry.id}  {entry.title}", bold=True)
    say(f"  in force   {entry.effective_from} to {entry.effective_to} ({entry.confidence})")
    say(f"  source     {entry.source}")
    for clause in entry.clauses:
        say(f"  {clause.name}: {clause.value}")
        if clause.quote:
            say(f'      "{visible(clause.quote)}"')
    return 0


def _catalog(ctx: CommandContext) -> TermsCatalog:
    from provenance.bootstrap import any_workspace

    return any_workspace(ctx.start).terms


terms.add_command(explain)
