"""``provenance audit``: judge a planned run and say what is wrong and what to do."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.brief import EXIT_OF, print_findings, print_verdict
from provenance.cli.context import CommandContext
from provenance.cli.judging import judge
from provenance.cli.options import jobs_option, output_format, pass_context
from provenance.cli.output import next_step, say, say_json, say_problems, short, thousands
from provenance.errors import InputError
from provenance.model.finding import VerdictKind

if TYPE_CHECKING:
    from provenance.audit.audit import AuditResult
    from provenance.bootstrap import Workspace
    from provenance.model.audit import AuditRecord


@click.command()
@click.argument("run_file", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--no-scan", is_flag=True, help="Do not scan: shards without a current scan count as not scanned.")
@click.option("--report/--no-report", "with_report", default=True, show_default=True, help="Write the HTML report.")
@click.option(
    "--what-if",
    "remedies",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Say what the verdict would be after these remedies.",
)
@jobs_option
@output_format("text", "json", "sarif", "junit")
@pass_context
def audit(
    ctx: CommandContext, /, run_file: Path | None, no_scan: bool, with_report: bool, remedies: Path | None, jobs: int | None, output: str
) -> int:
    """Judge a planned run.

    RUN_FILE plans it (run.yaml otherwise). Exit 0 cleared, 10 needs review, 11 blocked. With --what-if nothing is recorded and no report is written: FILE says
    what would be done (provenance remedy plan writes one), and the exit code is that of the verdict after it.
    """
    from provenance.policy.rundoc import load_run

    workspace = ctx.workspace()
    path = ctx.path(run_file) if run_file else workspace.run_file
    if not path.exists():
        raise InputError(
            f"{path}: there is no such run file", hint="write it as docs/formats/run.md shows, or judge a folder without: provenance check FOLDER"
        )
    if remedies is not None:
        from provenance.cli.what_if import what_if

        return what_if(ctx, path, remedies, rescan=not no_scan, jobs=jobs, output=output)
    started = time.monotonic()
    result = judge(ctx, workspace, load_run(path), run_file=path, rescan=not no_scan, jobs=jobs)
    report = write_report(workspace, result.record) if with_report else None
    if output == "text":
        print_verdict(result.record, time.monotonic() - started)
        print_findings(result.record)
    else:
        print_document(result.record, output)
    _print_end(ctx, result, report, run_file)
    return EXIT_OF[result.record.verdict]


def write_report(workspace: Workspace, record: AuditRecord, *, is_compared: bool = True) -> Path:
    """Write the report folder of an audit and return its first page; a record that was read from a file, and that the workspace does not keep, is not compared."""
    from provenance.cli.report_pages import beside_of
    from provenance.report.folder import write_report as write

    folder = workspace.settings.reports / short(record.id)
    write(record, folder, beside=replace(beside_of(workspace, record), is_compared=is_compared), look=workspace.settings.look)
    return folder / "index.html"


def print_document(record: AuditRecord, name: str) -> None:
    """Print an audit for a pipeline: as JSON, SARIF or JUnit."""
    if name == "json":
        say_json(record)
        return
    from provenance.report.folder import FORMATS

    click.echo(FORMATS[name].render(record), nl=False)


def _print_end(ctx: CommandContext, result: AuditResult, report: Path | None, run_file: Path | None) -> None:
    from provenance.report.figures import terms_line

    say_problems(result.problems)
    if ctx.quiet:
        return
    t = result.record.totals
    say(
        f"{thousands(t.shards_judged)} of {thousands(t.shards_named)} shards judged, {thousands(t.words)} words, {result.new_scans} scanned now, {result.reused_scans} scanned before",
        err=True,
    )
    say(terms_line(t), err=True)
    if report is not None:
        say(f"Report: {report}", err=True)
    verdict = result.record.verdict
    steps = {
        VerdictKind.CLEARED: "provenance clear",
        VerdictKind.REVIEW: "provenance review show; then provenance review release --comment WHY --key KEY",
        VerdictKind.BLOCKED: f"mend as above, then: provenance audit {run_file or ''}".rstrip(),
    }
    next_step(steps[verdict])
