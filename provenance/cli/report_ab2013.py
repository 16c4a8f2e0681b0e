"""``provenance report ab2013``: California's training data summary, filled from an audit and an answers file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli.audits import LATEST, find_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import output_format, pass_context
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, short, visible
from provenance.cli.report_before import superseded, supersedes_option, today
from provenance.cli.report_pages import told_of
from provenance.errors import InputError, NoWorkspaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provenance.audit.california import FirstRead
    from provenance.model.audit import AuditRecord
    from provenance.report.disclosure.answers import Answers
    from provenance.report.disclosure.eu import Superseded
    from provenance.report.disclosure.sources import Judged
    from provenance.report.disclosure.values import Disclosure

F = TypeVar("F", bound=Callable[..., Any])
_OPEN, _CONTRADICTED = 10, 11
"""Exit codes."""
_SHOWN = 12


def document_options(command: F) -> F:
    """Add the options that every document of the law has."""
    for option in (
        output_format("text", "json", "yaml"),
        click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=None, help="Folder to write; under reports otherwise."),
        supersedes_option,
        click.option(
            "--questions", is_flag=True, help="List what only people know; with --format yaml as an answers file to fill in. Writes no summary."
        ),
        click.option(
            "--answers", type=click.Path(dir_okay=False, path_type=Path), default=None, help="What people answered (docs/formats/answers.md)."
        ),
        click.argument("audit", default=LATEST),
    ):
        command = option(command)
    return command


@click.command("ab2013")
@document_options
@pass_context
def ab2013(ctx: CommandContext, /, audit: str, **options: Any) -> int:
    """Write California's summary of training data (Civil Code § 3111): twelve items, computed, drafted or asked for.

    Exit codes: 0 complete, 10 answers are missing or drafts are to be confirmed, 11 answers contradict recorded facts.
    """
    from provenance.report.disclosure.california import TEMPLATE_ID

    _check_format(options)
    loaded = find_audit(ctx, audit)
    record = loaded.record
    document = make_california(ctx, record, options["answers"], before=superseded(ctx, options["supersedes"], TEMPLATE_ID, record.run.model.name))
    return hand_out(ctx, told_of(document, loaded), record, options, command="ab2013")


@click.command("disclosures")
@document_options
@click.option("--sme", is_flag=True, help="For a small or medium-sized enterprise: 5 % of the domain names or 1,000, whichever is lower.")
@pass_context
def disclosures(ctx: CommandContext, /, audit: str, *, sme: bool, **options: Any) -> int:
    """Write one document for the EU public summary and California's: each field once, with the law that asks for it.

    The answers file holds one document of each law. Exit codes: 0 complete, 10 answers are missing or drafts are to be confirmed, 11 contradictions.
    """
    from provenance.report.disclosure.combined import TEMPLATE_ID, combine
    from provenance.report.disclosure.eu import make_eu_summary, next_version, superseding

    _check_format(options)
    if options["questions"]:
        raise InputError("questions are asked for one law at a time", hint="give --questions to: provenance report eu, provenance report ab2013")
    loaded = find_audit(ctx, audit)
    record = loaded.record
    before = superseded(ctx, options["supersedes"], TEMPLATE_ID, record.run.model.name)
    union = make_eu_summary(record, gathered(ctx, record), _answers(ctx, options["answers"], "eu-2025-8311", record), is_small=sme, before=before)
    made = combine(union, make_california(ctx, record, options["answers"]))
    document = replace(made, document_version=next_version(before), supersedes=superseding(before, made.entries, made.updated))
    return hand_out(ctx, told_of(document, loaded), record, options, command="disclosures")


def _check_format(options: Mapping[str, Any]) -> None:
    if options["output"] == "yaml" and not options["questions"]:
        raise InputError("--format yaml is for --questions", hint="add --questions, or leave --format away")


def make_california(ctx: CommandContext, record: AuditRecord, answers: Path | None, *, before: Superseded | None = None) -> Disclosure:
    """Return California's summary of an audit, with the answers of a file and the first uses that the workspace knows."""
    from provenance.report.disclosure.california import TEMPLATE_ID, california_document

    given = _answers(ctx, answers, TEMPLATE_ID, record)
    return california_document(record, first_reads(ctx, record), given, judged=gathered(ctx, record), before=before)


def _answers(ctx: CommandContext, file: Path | None, template_id: str, record: AuditRecord) -> Answers:
    from provenance.report.disclosure.answers import Answers, load_answers
    from provenance.report.disclosure.template import load_template

    return Answers() if file is None else load_answers(ctx.path(file), load_template(template_id), record.run.model.name, today=today())


def gathered(ctx: CommandContext, record: AuditRecord) -> Sequence[Judged]:
    """Return the datasets of an audit with what they come from, as far as a workspace tells."""
    from provenance.report.disclosure.sources import gather

    try:
        workspace = ctx.workspace()
    except NoWorkspaceError:
        return gather(record, None)
    with workspace.units.read() as registry:
        return gather(record, registry)


def hand_out(ctx: CommandContext, document: Disclosure, record: AuditRecord, options: Mapping[str, Any], *, command: str) -> int:
    """Print a document's questions, or write its folder and say how it stands; return the exit code."""
    from provenance.report.disclosure.questions import open_entries, questions_yaml
    from provenance.report.disclosure.views import write_disclosure

    code = _CONTRADICTED if document.problems else 0 if document.is_complete else _OPEN
    if options["questions"]:
        if options["output"] == "yaml":
            click.echo(questions_yaml(document), nl=False)
        elif options["output"] == "json":
            say_json({"questions": open_entries(document)})
        else:
            _say_open(document, len(document.entries))
        return code
    out: Path | None = options["out"]
    folder = ctx.path(out) if out else ctx.workspace().settings.reports / f"{short(record.id)}-{command}"
    write_disclosure(document, folder)
    if options["output"] == "json":
        say_json(document)
    else:
        say_document(document, folder)
        next_step(_next(document, record, command), quiet=ctx.quiet)
    return code


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


def say_document(document: Disclosure, folder: Path) -> None:
    """Print how a document stands, what contradicts it, and what is open."""
    from provenance.report.disclosure.views import standing

    say_fitting(f"{standing(document)}: {visible(document.name)}, {visible(document.model)}, version {visible(document.document_version)}", bold=True)
    for problem in document.problems[:_SHOWN]:
        say_fitting(f"  ! {problem.field}  {visible(problem.message)}")
    if len(document.problems) > _SHOWN:
        say(f"  … and {counted(len(document.problems) - _SHOWN, 'more contradiction')}")
    _say_open(document, _SHOWN, with_contradicted=False)
    say(f"summary {folder / 'index.html'}")


def _say_open(document: Disclosure, most: int, *, with_contradicted: bool = True) -> None:
    from provenance.report.disclosure.questions import open_entries
    from provenance.report.disclosure.values import State

    left = [e for e in open_entries(document) if with_contradicted or e.state is not State.CONTRADICTED]
    for entry in left[:most]:
        say_fitting(f"  ? {entry.id}  {visible(entry.label)}")
    if len(left) > most:
        say(f"  … and {counted(len(left) - most, 'more field')}")


def _next(document: Disclosure, record: AuditRecord, command: str) -> str:
    name = short(record.id, 6)
    if document.problems:
        return "put the registry or the answers right, and run this again"
    if document.is_complete:
        return "compare California's items with the statute, and post the folder's index.html on your website"
    more = "" if command == "ab2013" else ", the same of report eu, both in one file"
    return f"provenance report ab2013 {name} --questions -f yaml > answers.yaml{more}; fill it in, and give it with --answers"
