"""``provenance report ab2013``: California's training data summary, filled from an audit and an answers file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, as_of_now, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, short, visible
from provenance.errors import NoWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from provenance.audit.california import FirstRead
    from provenance.model.audit import AuditRecord
    from provenance.report.disclosure.california import Before
    from provenance.report.disclosure.values import Disclosure

_OPEN, _CONTRADICTED = 10, 11
"""Exit codes."""
_SHOWN = 12
_ADDRESS = re.compile(r"https?://\S{1,500}")


@click.command("ab2013")
@click.argument("audit", default=LATEST)
@click.option("--answers", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File with what people answered.")
@click.option("--questions", is_flag=True, help="Print what only people can answer, as an answers file to fill in.")
@click.option("--supersedes", metavar="PLACE", default=None, help="The version before: its summary.json, or its address.")
@click.option("--document-version", metavar="TEXT", default="1", show_default=True, help="What this version of the document is called.")
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; reports/<id>/ab2013 otherwise.")
@output_format("text", "json")
@pass_context
def ab2013(
    ctx: CommandContext,
    /,
    audit: str,
    answers: Path | None,
    supersedes: str | None,
    document_version: str,
    out: Path | None,
    output: str,
    *,
    questions: bool,
) -> int:
    """Write California's summary of training data (Civil Code § 3111): twelve items, computed, drafted or asked for.

    Exit codes: 0 complete, 10 answers are missing or drafts to confirm, 11 an answer contradicts recorded facts.
    """
    from provenance.report.disclosure.answers import Answers, load_answers
    from provenance.report.disclosure.california import TEMPLATE_ID, california_document
    from provenance.report.disclosure.questions import questions_yaml
    from provenance.report.disclosure.template import load_template
    from provenance.report.disclosure.views import write_disclosure

    record = as_of_now(ctx, load_audit(ctx, audit))
    given = load_answers(ctx.path(answers), load_template(TEMPLATE_ID), record.run.model.name) if answers else Answers()
    document = california_document(record, first_reads(ctx, record), given, document_version=document_version, before=_before(ctx, supersedes))
    if questions:
        click.echo(questions_yaml(document), nl=False)
        return 0
    folder = ctx.path(out) if out else ctx.workspace().settings.reports / short(record.id) / "ab2013"
    write_disclosure(document, folder)
    if output == "json":
        say_json(document)
    else:
        say_document(document, folder)
        next_step(_next(document, record), quiet=ctx.quiet)
    return _CONTRADICTED if document.problems else 0 if document.is_complete else _OPEN


def first_reads(ctx: CommandContext, record: AuditRecord) -> Mapping[str, FirstRead]:
    """Return when each dataset of an audit was first used to train its model, by the run records that the workspace knows."""
    from provenance.audit.california import FirstRead
    from provenance.audit.runs import FirstUse, first_use

    try:
        workspace = ctx.workspace()
    except NoWorkspaceError:
        return {}
    found: dict[str, FirstRead] = {}
    with workspace.units.read() as registry:
        for summary in record.datasets:
            name = summary.dataset.name
            uses = tuple(u for u in first_use(registry, name).uses if u.run.model == record.run.model.name)
            own = FirstUse(dataset=name, uses=uses)
            found[name] = FirstRead(sentence=own.sentence, is_known=own.first is not None)
    return found


def _before(ctx: CommandContext, place: str | None) -> Before | None:
    """Return the version before, read where it is a file.

    Raises:
        ReportError: If the file is missing or holds no document.
    """
    from provenance.report.disclosure.california import Before
    from provenance.report.disclosure.views import read_disclosure

    if place is None or _ADDRESS.fullmatch(place):
        return None if place is None else Before(place=place)
    return Before(place=Path(place).name, document=read_disclosure(ctx.path(Path(place))))


def say_document(document: Disclosure, folder: Path) -> None:
    """Print how a document stands, what contradicts it, and what is open."""
    from provenance.report.disclosure.questions import open_entries
    from provenance.report.disclosure.views import standing

    say_fitting(f"{visible(document.name)}, {visible(document.model)}: {standing(document)}", bold=True)
    for problem in document.problems[:_SHOWN]:
        say_fitting(f"  ✗ {problem.field}  {visible(problem.message)}")
    left = open_entries(document)
    for entry in left[:_SHOWN]:
        say_fitting(f"  ? {entry.id}  {visible(entry.label)}")
    if len(left) > _SHOWN:
        say(f"  … and {counted(len(left) - _SHOWN, 'more field')}")
    say(f"page {folder / 'index.html'}")


def _next(document: Disclosure, record: AuditRecord) -> str:
    name = short(record.id, 6)
    if document.problems:
        return "put right what contradicts, in the registry or in the answers, and write it again"
    if not document.is_complete:
        return f"provenance report ab2013 {name} --questions > answers.yaml; fill it in, then --answers answers.yaml"
    return "compare the items with the statute, and post the summary on your website"
