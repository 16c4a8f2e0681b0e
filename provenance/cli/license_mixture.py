"""``provenance licenses combine``: what several licences, or the datasets of a run, may be used for together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.license_answers import use_option
from provenance.cli.license_questions import chosen_uses, circumstance_options, circumstances, read_license
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, visible
from provenance.model.absence import Permission

if TYPE_CHECKING:
    from provenance.licensing.mixture import LicensedDataset, Mixture

_CONFLICTS_SHOWN = 12
_NAMED = 6
_RUN_SAYS = ("commercial", "competing", "region", "users", "synthetic")
"""Options that a run file answers."""


@click.command("combine")
@click.argument("names", nargs=-1, metavar="[LICENCE]...")
@click.option(
    "--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="The datasets of this run, with all they are made of."
)
@use_option
@circumstance_options
@text_or_json
@pass_context
def combine(ctx: CommandContext, /, names: tuple[str, ...], run_file: Path | None, output: str, uses: tuple[str, ...], **options: Any) -> int:
    """Say what LICENCEs may be used for together, which of them bind, which exclude one another, and what to leave out.

    With --run the run file says what the model is for, and the registry what its datasets are made of. No file of theirs is read.
    """
    if bool(names) == (run_file is not None):
        raise click.UsageError("name licences, or a run with --run FILE; not both")
    mixture, members = _of_names(ctx, names, uses, options) if run_file is None else _of_run(ctx, run_file, uses, options)
    if output == "json":
        outcomes = {a.use.value: a.outcome for a in mixture.answers}
        say_json({"compatible": mixture.compatible, "outcomes": outcomes, "datasets": members, "mixture": mixture})
        return 0
    _say_mixture(mixture, members)
    if not ctx.quiet:
        say("not legal advice: docs/licences.md", err=True)
    next_step(_next(mixture, members, run_file), quiet=ctx.quiet)
    return 0


def _of_names(ctx: CommandContext, names: tuple[str, ...], uses: tuple[str, ...], options: dict[str, Any]) -> tuple[Mixture, list[LicensedDataset]]:
    from provenance.bootstrap import any_workspace
    from provenance.licensing import mixture as licensing

    catalog, asked = any_workspace(ctx.start).licenses, circumstances(options)
    values = [read_license(name, catalog) for name in dict.fromkeys(names)]
    members = [
        licensing.LicensedDataset(name=name, expression=value, synthetic=asked.synthetic)
        for name, value in zip(dict.fromkeys(names), values, strict=True)
    ]
    return licensing.combine(catalog, members, asked, uses=chosen_uses(uses)), members


def _of_run(ctx: CommandContext, run_file: Path, uses: tuple[str, ...], options: dict[str, Any]) -> tuple[Mixture, list[LicensedDataset]]:
    from dataclasses import replace

    from provenance.audit.facts import distributes_weights
    from provenance.audit.mixture import circumstances_of, members_of, read_datasets, uses_of
    from provenance.licensing.mixture import combine as combine_licenses
    from provenance.policy.rundoc import load_run

    given = [name for name in _RUN_SAYS if click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"the run file says that itself: leave out the option for {given[0]}")
    run, workspace = load_run(ctx.path(run_file)), ctx.workspace()
    datasets = read_datasets(run, workspace.units)
    members = members_of(run, datasets, workspace.catalogs, today=workspace.clock.now()[:10])
    asked = replace(circumstances_of(run), share_alike_reaches_weights=options["strict"])
    wanted = chosen_uses(uses) if uses else uses_of(distributes_weights(run))
    return combine_licenses(workspace.licenses, members, asked, uses=wanted), members


def _say_mixture(mixture: Mixture, members: Sequence[LicensedDataset]) -> None:
    binding = dict(mixture.binding)
    say(f"{counted(len(members), 'part')} together: compatible {mixture.compatible}", bold=True)
    for answer in mixture.answers:
        bound = binding.get(answer.use, ())
        because = f"  because of {_names(bound)}" if bound else ""
        say_fitting(f"  {answer.outcome:<10}  {answer.use}{because}")
    for conflict in mixture.conflicts[:_CONFLICTS_SHOWN]:
        mark = "✗" if conflict.outcome is Permission.PROHIBITED else "?"
        say_fitting(f" {mark} {conflict.kind}, {conflict.use}: {_names(conflict.datasets)}")
        say_fitting(f"     {visible(conflict.text)}")
        say_fitting(f"     → leave out {visible(conflict.leave_out)}")
    rest = len(mixture.conflicts) + mixture.conflicts_unlisted - min(len(mixture.conflicts), _CONFLICTS_SHOWN)
    if rest:
        say(f" … and {rest} more: -f json lists {len(mixture.conflicts)}")
    if mixture.targets:
        targets = ", ".join("a licence of your choice" if t == "own-choice" else t for t in mixture.targets[:_NAMED])
        more = f" and {len(mixture.targets) - _NAMED} more" if len(mixture.targets) > _NAMED else ""
        say_fitting(f"  a merged dataset may be under {visible(targets)}{more}")
    for code in dict.fromkeys(duty.code for _, duty in mixture.duties):
        asking = tuple(dict.fromkeys(name for name, duty in mixture.duties if duty.code == code))
        say_fitting(f"  duty  {visible(code)}: {_names(asking)}")


def _names(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return visible(", ".join(names[:_NAMED])) + rest


def _next(mixture: Mixture, members: Sequence[LicensedDataset], run_file: Path | None) -> str:
    if not mixture.leave_out:
        return "provenance audit" if run_file is not None else "provenance licenses explain NAME"
    if len(mixture.leave_out) == len(members):
        return "none of them may be used so as far as is known: get another licence, or ask for another use (--use)"
    return f"leave out {_names(mixture.leave_out)}, or get another licence for it"
