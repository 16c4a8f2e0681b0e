"""``provenance import``."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import jobs_option, pass_context, text_or_json
from provenance.cli.output import MAX_PROBLEMS_SHOWN, counted, next_step, say, say_fitting, say_json, say_problems, short, visible
from provenance.errors import ManifestError
from provenance.model.absence import is_absent
from provenance.model.match import ReadProblem

if TYPE_CHECKING:
    from provenance.audit.imports import ImportedVersion, ImportPlan
    from provenance.audit.tools import Tools
    from provenance.bootstrap import Workspace

FORMATS = ("hf-card", "croissant", "dpi", "csv", "parquet", "template", "native", "spdx", "cyclonedx", "dta")


@dataclass(slots=True)
class _Done:
    """What was imported, and what is to be said of it."""

    versions: list[ImportedVersion] = field(default_factory=list)
    problems: list[ReadProblem] = field(default_factory=list)
    notes: list[ReadProblem] = field(default_factory=list)


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--from", "form", type=click.Choice(FORMATS), default=None, help="What PATHS are; told by name and content otherwise.")
@click.option("--template", default=None, help="How files lie in the data root, such as '{dataset}/{lang}/*.jsonl.zst'.")
@click.option("--root", default="data", show_default=True, help="Data root that the files of datasets are relative to.")
@click.option("--name", default="", help="Name of the dataset that a card describes; its folder's otherwise.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and record nothing.")
@click.option("--replace-facts", is_flag=True, help="Where facts differ from registered ones, take the imported ones.")
@jobs_option
@text_or_json
@pass_context
def import_command(
    ctx: CommandContext, /, paths: tuple[Path, ...], form: str | None, template: str | None, root: str, output: str, **given: Any
) -> int:
    """Take over what is known of datasets elsewhere.

    PATHS are dataset cards, Croissant documents, collections of the Data Provenance Initiative, CSV or Parquet manifests, our own exports in any format, or
    folders of these. With --template the files below the data root are registered, and their paths say to which dataset they belong. Registered facts stay: where a
    source states something else, the conflict is listed.
    """
    from provenance.audit.imports import ImportPlan

    if form == "template" and template is None:
        raise click.UsageError("--from template needs --template, such as '{dataset}/{lang}/*.jsonl.zst'")
    if template is not None and (paths or form not in {None, "template"}):
        raise click.UsageError("--template finds files below --root: give no PATHS and no other format with it")
    if template is None and not paths:
        raise click.UsageError("give PATHS, or --template to register the files of a data root by their paths")
    plan = ImportPlan(replace_facts=given["replace_facts"], dry_run=given["dry_run"])
    workspace = ctx.workspace()
    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=given["jobs"])
    workspace.settings.root(root)  # an unknown root is told before anything is recorded
    if not plan.dry_run:
        with tools.units.begin(actor=tools.actor, action="import"):
            pass  # and so is a registry in which nothing can be recorded
    if template is not None:
        done = _from_template(workspace, tools, plan, template, root)
    else:
        done = _from_files([ctx.path(p) for p in paths], form, plan, tools, root=root, name=given["name"])
    _print(ctx, done, output, dry_run=plan.dry_run)
    return 4 if done.problems else 0


def _from_files(paths: list[Path], form: str | None, plan: ImportPlan, tools: Tools, *, root: str, name: str) -> _Done:
    from provenance.audit.backing import keep_snapshot
    from provenance.audit.imports import record_import
    from provenance.exchange.formats import ImportFormat, ReadOptions, read_sources
    from provenance.ingest.reader import format_of

    options = ReadOptions(format=None if form is None else ImportFormat(form), root=root, format_of=format_of, name=name)
    done = _Done()
    with ExitStack() as stack:
        for read in read_sources(paths, options, stack=stack):
            done.problems.extend(read.problems)
            done.notes.extend(read.notes)
            if read.document is not None and read.datasets and not plan.dry_run:
                unkept = keep_snapshot(read.document, read.datasets[0].where, read.sha256, tools)
                done.problems.extend([] if unkept is None else [unkept])
            for found in read.datasets:
                outcome = record_import(found, plan, tools)
                if isinstance(outcome, ReadProblem):
                    done.problems.append(outcome)
                else:
                    done.versions.append(outcome)
    return done


def _from_template(workspace: Workspace, tools: Tools, plan: ImportPlan, text: str, root: str) -> _Done:
    """Register files by their paths: their bytes are read, so that they are recorded as ``register`` records them."""
    from provenance.audit.imports import foresee_files, record_files
    from provenance.exchange.sources import Reading
    from provenance.exchange.template import find_datasets, parse_template

    reading, done = Reading("template"), _Done()
    folder = workspace.settings.root(root)
    if not isinstance(folder, Path):
        raise ManifestError(
            f"data root {root!r} is a store: templates walk folders of this machine", hint="name a root that is a folder, or register by patterns"
        )
    found = find_datasets(folder, parse_template(text), reading=reading)
    if not found and not reading.problems:
        reading.problem(f"no file below {workspace.settings.root(root)} fits {text!r}")
    done.problems.extend(reading.problems)
    done.notes.extend(reading.notes)
    for group in found:
        if plan.dry_run:
            done.versions.append(foresee_files(group.dataset, plan, tools))
            continue
        outcome = record_files((group.dataset, tuple(glob.escape(p) for p in group.paths), root), plan, tools)
        done.versions.extend(outcome.versions)
        done.problems.extend(outcome.problems)
    return done


def _print(ctx: CommandContext, done: _Done, output: str, *, dry_run: bool) -> None:
    if output == "json":
        say_json({"imported": done.versions, "problems": done.problems, "notes": done.notes, "dry_run": dry_run})
        return
    for line in _lines(done, dry_run=dry_run):
        say_fitting(line)
    conflicts = [(v.dataset.name, c) for v in done.versions for c in v.conflicts]
    for dataset, conflict in conflicts[:MAX_PROBLEMS_SHOWN]:
        say_fitting(
            f"  ! {visible(dataset)}: {conflict.field}: registered {visible(conflict.registered)}, imported {visible(conflict.imported)}; kept: {conflict.kept}",
            err=True,
        )
    if len(conflicts) > MAX_PROBLEMS_SHOWN:
        say(f"  ! … and {len(conflicts) - MAX_PROBLEMS_SHOWN} more conflicts: use -f json for all", err=True)
    if done.notes and not ctx.quiet:
        say_problems(done.notes, "notes")
    say_problems(done.problems, "could not be imported")
    if done.versions:
        next_step(
            "provenance import … without --dry-run" if dry_run else f"provenance datasets show {visible(done.versions[0].dataset.name)}",
            quiet=ctx.quiet,
        )


def _lines(done: _Done, *, dry_run: bool) -> Iterator[str]:
    from provenance.fingerprint.digest import EMPTY_ROOT

    would = "would be " if dry_run else ""
    for version in done.versions:
        known = "metadata only" if version.root_digest == EMPTY_ROOT else short(version.root_digest)
        dataset = version.dataset
        yield f"{would}{version.outcome:<9} {visible(dataset.name)}  {known}  licence {visible(dataset.license.effective)}  from {visible(version.where)}"
        if len({c.value for c in dataset.license.stated}) > 1:
            said = ", ".join(dict.fromkeys(f"{c.value} by {c.by}" for c in dataset.license.stated))
            yield f"          stated: {visible(said)}"
        if not is_absent(dataset.license.concluded.value):
            yield f"          concluded: {visible(dataset.license.concluded.value)} by {visible(dataset.license.concluded.by)}, which overrules what is stated"
    total = len(done.versions)
    counts = {o: sum(v.outcome == o for v in done.versions) for o in ("new", "changed", "unchanged")}
    yield f"{counted(total, 'dataset')}: " + ", ".join(f"{n} {o}" for o, n in counts.items())
