"""``provenance check``: the cold start. Register, scan, judge and report a folder in one go, with nothing to prepare."""

from __future__ import annotations

import glob
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audit import write_report
from provenance.cli.brief import EXIT_OF, print_findings, print_verdict
from provenance.cli.context import CommandContext
from provenance.cli.files import PLACE
from provenance.cli.judging import judge
from provenance.cli.options import jobs_option, named_tokenizer, pass_context, reference_options, tokenizer_options
from provenance.cli.output import counted, next_step, say, say_problems
from provenance.errors import ConfigError, ProvenanceError
from provenance.model.dataset import Dataset
from provenance.model.run import ModelPlan, Organization, Purpose, Run, RunData
from provenance.storage.urls import Place, last_part

if TYPE_CHECKING:
    from provenance.matching.index import ReferenceStore
    from provenance.storage.stores import Stores

SET_NAME = "references"
STATE_FOLDER = ".provenance-check"


@click.command()
@click.argument("folder", type=PLACE)
@click.option("-r", "--reference", "references", multiple=True, type=PLACE, help="Files, folders or URLs of texts to look for.")
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), default=None, help=f"Where results are kept; {STATE_FOLDER} here otherwise."
)
@jobs_option
@tokenizer_options
@reference_options
@pass_context
def check(ctx: CommandContext, /, folder: Place, references: tuple[Place, ...], state: Path | None, jobs: int | None, **options: object) -> int:
    """Cold start: register, scan, judge and report a folder.

    FOLDER is judged by the baseline policy: no manifest, no run file, nothing to prepare. It may be a URL, such as s3://bucket/folder.
    """
    from provenance.audit.register import register
    from provenance.workspaces import temporary_workspace

    if ctx.database is not None:
        raise click.UsageError("check keeps a registry of its own: leave --db out, or use init, register and audit")
    data = ctx.place(folder)
    if not (data.is_dir() if isinstance(data, Path) else ctx.stores.kind(data) == "directory"):
        raise ConfigError(f"{folder}: no such folder", hint="name a folder that holds the data files")
    started = time.monotonic()
    workspace = temporary_workspace(ctx.path(state) if state else ctx.start / STATE_FOLDER, data=data, storage=ctx.stores.options)
    tokenizer = named_tokenizer(ctx, options)
    plans = [(Dataset(name=name, tokenizer=tokenizer), patterns, "data") for name, patterns in _datasets(data, ctx.stores)]
    progress = ctx.progress()
    progress.start("registering", 0)
    done = register(plans, workspace.tools(progress, ctx.actor, jobs=jobs))
    progress.finish()
    say_problems(done.problems)
    if not done.versions:
        raise NothingToAuditError(f"{folder}: no data file could be read", hint="provenance reads .jsonl, .parquet and .txt, plain or compressed")
    names, missed = _index(ctx, workspace.references, references, options)
    run = Run(
        model=ModelPlan(name=_name(data)),
        purpose=Purpose(),
        organization=Organization(),
        data=tuple(RunData(dataset=v.dataset.name) for v in done.versions),
        references=names,
        policy=("baseline.yaml",),
        digest="sha256:" + "0" * 64,
    )
    result = judge(ctx, workspace, run, run_file=(data if isinstance(data, Path) else ctx.start) / "run.yaml", rescan=True, jobs=jobs)
    page = write_report(workspace, result.record)
    print_verdict(result.record, time.monotonic() - started)
    print_findings(result.record, steps=False)
    say(f"{counted(result.record.totals.words, 'word')} in {counted(result.record.shards_total, 'shard')}", err=True)
    say(f"Report: {page}", err=True)
    next_step("provenance init, then describe the data in datasets.yaml: what is not stated counts as unknown", quiet=ctx.quiet)
    partial = bool(missed or done.problems)
    return 4 if partial and EXIT_OF[result.record.verdict] == 0 else EXIT_OF[result.record.verdict]


class NothingToAuditError(ProvenanceError):
    """There is no data to judge."""

    exit_code = 3


def _datasets(data: Place, stores: Stores) -> list[tuple[str, tuple[str, ...]]]:
    """Return one dataset a subfolder, and one for the files that lie in the folder itself."""
    from provenance.cli.files import DATA_SUFFIXES

    if isinstance(data, Path):
        files, folders = ([p.name for p in data.iterdir() if kind(p)] for kind in (Path.is_file, Path.is_dir))
    else:
        files, folders = ([e.path for e in stores.entries(data) if e.is_folder is kind] for kind in (False, True))
    found: list[tuple[str, tuple[str, ...]]] = []
    files = sorted(name for name in files if Path(name).suffix.lower() in DATA_SUFFIXES)
    if files:
        found.append((_name(data) or "data", tuple(glob.escape(name) for name in files)))
    found += [(name, (f"{glob.escape(name)}/**",)) for name in sorted(folders) if not name.startswith(".")]
    return found


def _name(data: Place) -> str:
    return data.name if isinstance(data, Path) else last_part(data)


def _index(ctx: CommandContext, store: ReferenceStore, references: Sequence[Place], options: dict[str, object]) -> tuple[tuple[str, ...], bool]:
    """Index the references of this very check, whatever an earlier one had; returns the sets' names and whether something could not be read."""
    from provenance.cli.reference import add_sets

    for earlier in store.sets():
        if earlier.name == SET_NAME or earlier.name.startswith(f"{SET_NAME}-"):
            store.remove(earlier.name)
    if not references:
        return (), False
    problems = add_sets(ctx, store, SET_NAME, references, {**options, "reference_text_field": None}, prefix=f"{SET_NAME}-")
    say_problems(problems)
    names = tuple(s.name for s in store.sets() if s.references and (s.name == SET_NAME or s.name.startswith(f"{SET_NAME}-")))
    if not names:
        raise ConfigError("none of the references could be read: there is nothing to compare with", hint="provenance reads .jsonl, .parquet and .txt")
    return names, bool(problems)
