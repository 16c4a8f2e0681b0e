"""``provenance report``: write and verify audit documents."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from provenance.cli.ancestry import known_ancestors
from provenance.cli.audits import LATEST, as_of_now, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, templates_option
from provenance.cli.output import next_step, say, short
from provenance.cli.report_ab2013 import ab2013, disclosures
from provenance.cli.report_diff import diff
from provenance.cli.report_eu import eu
from provenance.cli.report_index import index
from provenance.cli.report_letter import letter

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

    record = as_of_now(ctx, load_audit(ctx, audit))
    folder = ctx.path(out) if out else ctx.workspace().settings.reports / short(record.id)
    ancestors = known_ancestors(ctx, record) if "notices" in formats else None
    write_report(record, folder, formats, beside=known_beside(ctx, record), look=look_of(ctx, templates), ancestors=ancestors)
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

    page = write_report(ctx.workspace(), as_of_now(ctx, load_audit(ctx, audit)))
    say(str(page))
    webbrowser.open(page.as_uri())
    return 0


@report.command("verify")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--deep", is_flag=True, help="Also render each document again from audit.json and compare.")
@pass_context
def verify(ctx: CommandContext, /, folder: Path, deep: bool) -> int:
    """Check every file of a report folder against its manifest; with --deep against its audit record too."""
    from provenance.cli.report_pages import known_beside, look_of
    from provenance.report.folder import verify_report
    from provenance.report.views import verify_views

    if deep:
        place = ctx.path(folder)
        verify_report(place)  # first: what follows reads the record in it
        record = load_audit(ctx, str(place))
        verify_views(place, beside=known_beside(ctx, record), look=look_of(ctx, None), ancestors=known_ancestors(ctx, record))
    else:
        verify_report(ctx.path(folder))
    say(f"✓ {folder}")
    return 0


report.add_command(diff)
report.add_command(index)
report.add_command(letter)
report.add_command(ab2013)
report.add_command(eu)
report.add_command(disclosures)
