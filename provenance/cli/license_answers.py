"""``provenance licenses show|explain``: what an expression permits, asks and limits, use by use, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.license_questions import USES, chosen_uses, circumstance_options, circumstances, read_license
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_fitting, say_json, say_table, visible
from provenance.model.absence import Permission, TriState

if TYPE_CHECKING:
    from provenance.licensing.license_uses import Duty, Permissions, UseAnswer

use_option = click.option(
    "--use", "uses", type=click.Choice(USES), multiple=True, metavar="USE", help=f"Only this use; may be given more than once: {', '.join(USES)}."
)
_COLORS = {Permission.ALLOWED: "green", Permission.PROHIBITED: "red", Permission.UNKNOWN: "yellow"}


@click.command("show")
@click.argument("name")
@use_option
@circumstance_options
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, output: str, uses: tuple[str, ...], **options: Any) -> int:
    """Say what NAME, an expression or what a card says, permits for each use, and what it asks."""
    found, original, assessment = _ask(ctx, name, uses, options)
    if output == "json":
        say_json({"license": found.expression, "original": original, "assessment": assessment, "permissions": found})
        return 0
    say_fitting(f"{visible(found.expression)}  (written {visible(original)!r})", bold=True)
    say(f"  class {assessment.use} · attribution {assessment.attribution} · share-alike {assessment.share_alike}")
    say(f"  no derivatives {assessment.no_derivatives} · use restrictions {assessment.behavioural_restrictions}")
    say_table(("use", "outcome", "because"), [(a.use, a.outcome, _because(a)) for a in found.answers])
    say_duties(sorted({d for a in found.answers for d in a.duties}, key=lambda d: (d.code, d.license, d.text)))
    for chosen in sorted({c for a in found.answers for c in a.chosen}):
        say_fitting(f"  chosen  {visible(chosen)}: {', '.join(a.use for a in found.answers if chosen in a.chosen)}")
    _say_end(ctx, found, f"provenance licenses explain {visible(name)!r}")
    return 0


@click.command("explain")
@click.argument("name")
@use_option
@circumstance_options
@text_or_json
@pass_context
def explain(ctx: CommandContext, /, name: str, output: str, uses: tuple[str, ...], **options: Any) -> int:
    """Say of each use of NAME which licence decides, by which reading rule, and what goes along."""
    found, original, _ = _ask(ctx, name, uses, options)
    if output == "json":
        answers = [{"use": a.use, "outcome": a.outcome, "rules": a.rules, "answer": a} for a in found.answers]
        say_json({"license": found.expression, "original": original, "answers": answers, "notes": found.notes, "unknown_ids": found.unknown_ids})
        return 0
    say_fitting(f"{visible(found.expression)}  (written {visible(original)!r})", bold=True)
    for answer in found.answers:
        say(f"{answer.outcome}  {answer.use}", bold=True, color=_COLORS[answer.outcome])
        for reason in answer.reasons:
            rules = f" ({', '.join(reason.rules)})" if reason.rules else ""
            say_fitting(f"    {visible(reason.license)}: {reason.outcome}, {visible(reason.text)}{rules}")
        for chosen in answer.chosen:
            say_fitting(f"    chosen of several: {visible(chosen)}")
        say_duties(answer.duties, lead="    ")
    _say_end(ctx, found, f"provenance licenses combine {visible(name)!r} OTHER")
    return 0


def _ask(ctx: CommandContext, name: str, uses: tuple[str, ...], options: dict[str, Any]) -> tuple[Permissions, str, Any]:
    from provenance.bootstrap import any_workspace
    from provenance.licensing.permissions import permissions

    catalog = any_workspace(ctx.start).licenses
    value = read_license(name, catalog)
    asked = circumstances(options)
    found = permissions(catalog, value, asked, uses=chosen_uses(uses))
    return found, name, catalog.assess(value, asked.commercial, synthetic=asked.synthetic)


def _because(answer: UseAnswer) -> str:
    return "; ".join(dict.fromkeys(r.text for r in answer.decisive))


def say_duties(duties: Iterable[Duty], *, lead: str = "  ") -> None:
    """Print what is asked, with the licence that asks."""
    for duty in duties:
        doubt = {TriState.YES: "", TriState.NO: " (below its limit)", TriState.UNKNOWN: " (uncertain)"}[duty.certain]
        say_fitting(
            f"{lead}{'duty' if duty.certain is TriState.YES else 'duty?'}  {visible(duty.code)}{doubt}, {visible(duty.license)}: {visible(duty.text)}"
        )


def _say_end(ctx: CommandContext, found: Permissions, command: str) -> None:
    for name, note in found.notes:
        say_fitting(f"  note  {visible(name)}: {visible(note)}")
    for unknown in found.unknown_ids:
        say_fitting(f"  {visible(unknown)} is not in the catalogue: add it to a folder named under licenses in provenance.toml")
    if not ctx.quiet:
        say("not legal advice: docs/licences.md", err=True)
    next_step(command, quiet=ctx.quiet)
