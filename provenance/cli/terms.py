"""``provenance terms``: look up providers' terms, and ask what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, say_table, visible
from provenance.cli.register import days
from provenance.errors import NotRegisteredError
from provenance.model.absence import Absence, TriState
from provenance.model.dataset import Generator

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


@terms.command("explain")
@click.option("--provider", required=True, help="Whose model made the text.")
@click.option("--model", default=Absence.UNKNOWN.value, help="Model id, such as gpt-4-0613.")
@click.option("--channel", default=Absence.UNKNOWN.value, help="api, consumer, weights, cloud, host …")
@click.option("--region", default=Absence.UNKNOWN.value, help="Region of the account, such as EU.")
@click.option("--generated", default=None, help="Days of generation: 2024-03-01 or 2024-03-01..2024-05-31.")
@click.option("--commercial/--non-commercial", default=True, show_default=True, help="What the trained model is for.")
@click.option("--not-competing", is_flag=True, help="The model does not compete with the provider.")
@text_or_json
@pass_context
def explain(ctx: CommandContext, /, provider: str, output: str, not_competing: bool, commercial: bool, **facts: str | None) -> int:
    """Say whether outputs may train a model, and by which clause."""
    from provenance.licensing.resolution import RunUse, resolve

    generator = Generator(
        provider=provider,
        model=str(facts["model"]),
        channel=str(facts["channel"]),
        region=str(facts["region"]),
        generated=days(facts["generated"]),
    )
    use = RunUse(commercial=TriState.of(commercial), not_competing_with=(provider,) if not_competing else ())
    answer = resolve(_catalog(ctx), generator, use)
    if output == "json":
        say_json(answer)
        return 0
    say(f"{answer.outcome}  training on outputs of {visible(provider)} {visible(generator.model)}", bold=True)
    for layer in answer.layers:
        say(f"  {layer.outcome or 'silent'}  {layer.terms} ({layer.effective_from} to {layer.effective_to})")
        for clause in layer.clauses:
            say(f'      {clause.clause} = {clause.value}: "{visible(clause.quote)}"')
    for reason in answer.reasons:
        say(f"  because {visible(reason)}")
    say(f"  reading rules {', '.join(answer.rules)}; not legal advice", err=True)
    return 0


def _catalog(ctx: CommandContext) -> TermsCatalog:
    from provenance.bootstrap import any_workspace

    return any_workspace(ctx.start).terms
