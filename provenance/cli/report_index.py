"""``provenance report index``: one page over all audits of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, templates_option, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_problems, short, visible

if TYPE_CHECKING:
    from provenance.audit.portfolio import Portfolio

_PARTIAL = 4
"""Exit code."""


@click.command("index")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; the workspace's reports otherwise."
)
@click.option("--no-reports", is_flag=True, help="Write the page alone: models whose report is not in the folder have no link.")
@templates_option
@text_or_json
@pass_context
def index(ctx: CommandContext, /, out: Path | None, no_reports: bool, templates: Path | None, output: str) -> int:
    """Write one page over all audits: models, trend, datasets, waivers that end, terms that changed.

    The reports of each model's newest audit are written beside it where they are not there. Exit codes: 0 done, 4 some audits could not be read.
    """
    from provenance.audit.portfolio import survey_portfolio
    from provenance.cli.audits import as_of_now, load_audit
    from provenance.cli.issued import issued_clearances
    from provenance.cli.report_pages import beside_of, look_of
    from provenance.report.folder import write_files, write_report
    from provenance.report.manifest import FolderKind
    from provenance.report.portfolio import DATA_FILE, FILE_NAME, render_portfolio, render_portfolio_json

    workspace = ctx.workspace()
    folder = ctx.path(out) if out else workspace.settings.reports
    found = survey_portfolio(workspace.tools(ctx.progress(), ctx.actor), workspace.terms, issued_clearances(workspace))
    look, links = look_of(ctx, templates), dict[str, str]()
    for model in found.models:
        name = short(model.newest.id)
        if not no_reports and not (folder / name / FILE_NAME).is_file():
            record = as_of_now(ctx, load_audit(ctx, model.newest.id))
            write_report(record, folder / name, beside=beside_of(workspace, record), look=look)
        if (folder / name / FILE_NAME).is_file():
            links[model.newest.id] = f"{name}/{FILE_NAME}"
    page = render_portfolio(found, links=links, look=look)
    write_files({DATA_FILE: render_portfolio_json(found), FILE_NAME: page}, folder, audit="", kind=FolderKind.INDEX)
    if output == "json":
        say_json(found)
    else:
        _say(found)
        say(f"page {folder / FILE_NAME}")
        next_step(_next(found), quiet=ctx.quiet)
    say_problems(found.problems, "audits could not be read: the page says so")
    return _PARTIAL if found.problems else 0


def _say(found: Portfolio) -> None:
    for model in found.models:
        point = model.newest
        verdict = "REVOKED" if model.is_taken_back else point.verdict
        say_fitting(
            f"{verdict:<8} {visible(model.model)} · {point.deny} deny, {point.review} review · {counted(len(model.audits), 'audit')}, last {point.created[:10]}"
        )
    for waiver in found.waivers:
        left = f"ends in {counted(waiver.days_left, 'day')}" if waiver.days_left >= 0 else f"ended on {waiver.waiver.expires}"
        say_fitting(f"  ! waiver {visible(waiver.waiver.id)} of {visible(waiver.model)} {left}")
    for change in found.terms:
        if change.unknown_to:
            say_fitting(
                f"  ! {visible(change.provider)} terms of {change.effective_from} ({visible(change.terms)}): {counted(change.runs, 'run')} affected, not known to the audit"
            )
    if found.unknown:
        models = sorted({text.model for text in found.unknown})
        say_fitting(
            f"  ? {counted(len({(t.model, t.unknown.dataset) for t in found.unknown}), 'dataset')} of unknown days or makers: any change of terms may affect {visible(', '.join(models))}"
        )


def _next(found: Portfolio) -> str:
    stale = next((m for m in found.models if any(a.model == m.model for t in found.terms for a in t.unknown_to)), None)
    if stale is not None:
        return f"provenance audit, since the terms of {visible(stale.model)} are others now"
    return "provenance report diff OLD NEW compares two audits"
