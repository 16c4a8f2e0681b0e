"""``provenance terms explain``: may outputs of a model train another, and by which clause."""

from __future__ import annotations

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, visible
from provenance.cli.register import days
from provenance.model.absence import Absence, TriState
from provenance.model.dataset import Generator


@click.command("explain")
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
    from provenance.bootstrap import any_workspace
    from provenance.licensing.resolution import RunUse, resolve

    generator = Generator(
        provider=provider,
        model=str(facts["model"]),
        channel=str(facts["channel"]),
        region=str(facts["region"]),
        generated=days(facts["generated"]),
    )
    use = RunUse(commercial=TriState.of(commercial), not_competing_with=(provider,) if not_competing else ())
    answer = resolve(any_workspace(ctx.start).terms, generator, use)
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
