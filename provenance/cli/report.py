"""``provenance report``: write and verify audit documents."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from provenance.cli.ancestry import known_ancestors
from provenance.cli.audits import LATEST, as_of_now, find_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, templates_option
from provenance.cli.output import next_step, say, short
from provenance.cli.report_ab2013 import ab2013, disclosures
from provenance.cli.report_diff import diff
from provenance.cli.report_eu import eu
from provenance.cli.report_index import index
from provenance.cli.report_letter import letter
from provenance.cli.report_verify import verify

FORMAT_NAMES = ("html", "pdf", "json", "markdown", "sarif", "junit", "notices", "cyclonedx", "spdx", "croissant", "parquet", "csv")


@click.group()
def report() -> None:
    """Write and verify audit documents."""


@report.command("make")
@click.argument("audit", default=LATEST)
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; reports/<id> otherwise.")
@click.option(
    "-f",
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMAT_NAMES),
    metavar="FORMAT",
    default=("html", "json"),
    show_default=True,
    help=f"{', '.join(FORMAT_NAMES[:-1])} or {FORMAT_NAMES[-1]}; may be given again.",
)
@templates_option
@pass_context
def make(ctx: CommandContext, /, audit: str, out: Path | None, formats: tuple[str, ...], templates: Path | None) -> int:
    """Write the HTML audit, its data and a manifest of digests; with --format other documents of the same audit."""
    from provenance.cli.report_pages import known_beside, look_of
    from provenance.report.folder import file_names, write_report

    loaded = find_audit(ctx, audit)
    record = as_of_now(ctx, loaded.record)
    folder = ctx.path(out) if out else ctx.workspace().settings.reports / short(record.id)
    ancestors = known_ancestors(ctx, record) if "notices" in formats else None
    write_report(record, folder, formats, beside=known_beside(ctx, loaded), look=look_of(ctx, templates), ancestors=ancestors)
    if not loaded.is_compared:
        say("  ! the record was read from a file and compared with no workspace: the pages say so", err=True)
    for name in dict.fromkeys(formats):
        for file in file_names(record, name):
            say(f"report {folder / file}")
    next_step(f"provenance report open {short(record.id, 6)}", quiet=ctx.quiet)
    return 0


@report.command("open")
@click.argument("audit", default=LATEST)
@pass_context
def open_report(ctx: CommandContext, /, audit: str) -> int:
    """Write the report if it is not there, and open it in a browser."""
    from provenance.cli.audit import write_report

    loaded = find_audit(ctx, audit)
    page = write_report(ctx.workspace(), as_of_now(ctx, loaded.record), is_compared=loaded.is_compared)
    say(str(page))
    webbrowser.open(page.as_uri())
    return 0


report.add_command(diff)
report.add_command(index)
report.add_command(letter)
report.add_command(ab2013)
report.add_command(eu)
report.add_command(disclosures)
report.add_command(verify)
