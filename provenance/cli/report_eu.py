"""``provenance report eu``: the public summary of training content that the AI Act asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, find_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, short, visible
from provenance.cli.report_before import superseded, supersedes_option, today
from provenance.errors import InputError, NoWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from provenance.model.audit import AuditRecord
    from provenance.report.disclosure.sources import Judged
    from provenance.report.disclosure.values import Disclosure

COMPLETE, OPEN, CONTRADICTED = 0, 10, 11
"""Exit codes."""
SHOWN = 3
"""Ids of evidence printed; summary.json names more."""


@click.command("eu")
@click.argument("audit", default=LATEST)
@click.option("--answers", type=click.Path(dir_okay=False, path_type=Path), default=None, help="What people answered (docs/formats/answers.md).")
@click.option("--questions", is_flag=True, help="List what only people know; with --format yaml as an answers file to fill in. Writes no summary.")
@click.option("--sme", is_flag=True, help="For a small or medium-sized enterprise: 5 % of the domain names or 1,000, whichever is lower.")
@supersedes_option
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; reports/<id>-eu otherwise.")
@output_format("text", "json", "yaml")
@pass_context
def eu(
    ctx: CommandContext,
    /,
    audit: str,
    answers: Path | None,
    questions: bool,
    sme: bool,
    supersedes: tuple[str, ...],
    out: Path | None,
    output: str,
) -> int:
    """Write the EU public summary of training content, Article 53(1)(d): HTML, Markdown, JSON and the list of domains.

    Exit codes: 0 complete, 10 answers are missing or drafts are to be confirmed, 11 answers contradict recorded facts or each other.
    """
    from provenance.cli.report_pages import told_of
    from provenance.report.disclosure.answers import Answers, load_answers
    from provenance.report.disclosure.eu import EU_TEMPLATES, eu_template, make_eu_summary
    from provenance.report.disclosure.views import write_disclosure

    if output == "yaml" and not questions:
        raise InputError("--format yaml is for --questions", hint="add --questions, or leave --format away")
    loaded = find_audit(ctx, audit)
    record = loaded.record
    judged = _judged(ctx, record)
    model = record.run.model.name
    given = load_answers(ctx.path(answers), eu_template(), model, today=today()) if answers else Answers()
    made = make_eu_summary(record, judged, given, is_small=sme, before=superseded(ctx, supersedes, EU_TEMPLATES, model))
    document = told_of(made, loaded)
    if questions:
        _say_questions(document, judged, given.categories, output, quiet=ctx.quiet)
        return _code(document)
    folder = ctx.path(out) if out else ctx.workspace().settings.reports / f"{short(record.id)}-eu"
    write_disclosure(document, folder)
    if output == "json":
        say_json(document)
    else:
        _say(document, folder)
        next_step(_next(document, record.id), quiet=ctx.quiet)
    return _code(document)


def _judged(ctx: CommandContext, record: AuditRecord) -> Sequence[Judged]:
    from provenance.report.disclosure.sources import gather

    try:
        workspace = ctx.workspace()
    except NoWorkspaceError:
        return gather(record, None)
    with workspace.units.read() as registry:
        return gather(record, registry)


def _code(document: Disclosure) -> int:
    return CONTRADICTED if document.problems else COMPLETE if document.is_complete else OPEN


def _say(document: Disclosure, folder: Path) -> None:
    from provenance.report.disclosure.values import State
    from provenance.report.disclosure.views import standing

    say_fitting(f"{standing(document)}: EU summary of {visible(document.model)}, version {visible(document.document_version)}", bold=True)
    counts = (f"{document.count(state)} {state.value.replace('-', ' ')}" for state in State if document.count(state))
    say_fitting(f"  {counted(len(document.entries), 'field')}: {', '.join(counts)}")
    for problem in document.problems:
        say_fitting(f"  ! {problem.field}: {visible(problem.message)}")
        more = f" and {len(problem.evidence) - SHOWN} more" if len(problem.evidence) > SHOWN else ""
        say_fitting(f"      evidence: {visible(', '.join(e.removeprefix('sha256:')[:40] for e in problem.evidence[:SHOWN]))}{more}")
    say_fitting(f"  next update due {document.due}")
    say(f"summary {folder / 'index.html'}")


def _next(document: Disclosure, audit: str) -> str:
    name = short(audit, 6)
    if document.problems:
        return "put the registry or the answers right, and run this again"
    if document.is_complete:
        return "publish the folder's index.html beside the model, and file summary.json"
    return f"provenance report eu {name} --questions -f yaml > answers.yaml; fill it in, and give it with --answers"


def _say_questions(document: Disclosure, judged: Sequence[Judged], categories: Mapping[str, str], output: str, *, quiet: bool) -> None:
    from provenance.report.disclosure.questions import open_entries, questions_yaml
    from provenance.report.disclosure.sources import list_units

    nowhere = [u.name for u in list_units(judged, categories) if not u.section]
    if output == "yaml":
        click.echo(questions_yaml(document, nowhere), nl=False)
        return
    entries = open_entries(document)
    if output == "json":
        say_json({"questions": entries, "datasets_without_section": nowhere})
        return
    for entry in entries:
        say_fitting(f"{entry.id}  {visible(entry.label)}", bold=True)
        for line in entry.lines:
            say_fitting(f"    {visible(line)}" if line.startswith((entry.state.value, "not known")) else f"    {entry.state.value}: {visible(line)}")
        if entry.because and not any(entry.because in line for line in entry.lines):
            say_fitting(f"    {visible(entry.because)}")
    for name in nowhere:
        say_fitting(f"categories  {visible(name)}: which section does it belong to?", bold=True)
    say(f"{counted(len(entries), 'question')} for people")
    next_step("the same with -f yaml writes the answers file to fill in", quiet=quiet)
