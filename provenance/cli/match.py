"""``provenance match``: shared text between files, with no registry."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
import orjson

from provenance.cli.context import CommandContext
from provenance.cli.files import PLACE, files_below, size_of
from provenance.cli.options import jobs_option, named_tokenizer, output_format, pass_context, reference_options, tokenizer_options
from provenance.cli.output import counted, next_step, say, say_left_out, say_problems, say_suspects, say_table, size_text, thousands, visible
from provenance.config import LEAST_MIN_WORDS, MIN_WORDS, MOST_MIN_WORDS
from provenance.errors import ConfigError
from provenance.model.dataset import Dataset, Shard
from provenance.model.match import LeftOut, Match, ReadProblem, ScanResult, SuspectCount
from provenance.model.wire import to_wire
from provenance.ports import Engine, Result, Task, WorkerLostError
from provenance.storage.urls import Place, is_url, parse_url

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.matching.cascade import CascadeMatcher
    from provenance.matching.params import MatchParams

TABLE_ROWS = 40


@dataclass(slots=True)
class Tally:
    """What a run of ``match`` has seen."""

    files: int = 0
    documents: int = 0
    words: int = 0
    text_bytes: int = 0
    matches: int = 0
    alarms: int = 0
    dropped: int = 0
    left_out: list[tuple[str, LeftOut]] = field(default_factory=list)
    suspected: int = 0
    suspects: list[SuspectCount] = field(default_factory=list)
    problems: list[ReadProblem] = field(default_factory=list)
    shown: list[Match] = field(default_factory=list)

    def add(self, result: ScanResult) -> None:
        """Add one file."""
        self.files += 1
        self.documents += result.documents
        self.words += result.words
        self.text_bytes += result.text_bytes
        self.dropped += result.dropped_seeds
        self.problems += result.problems
        self.left_out += [(result.path, item) for item in result.left_out]
        self.suspected += result.suspected_records
        self.suspects += result.suspects


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=PLACE)
@click.option(
    "-r",
    "--reference",
    "references",
    multiple=True,
    required=True,
    help="Reference files, packs or folder, or the name of a set; may be given again.",
)
@click.option("--text-field", default=None, help="Field of CORPUS that holds the text; found by convention otherwise.")
@tokenizer_options
@click.option(
    "--min-words",
    type=click.IntRange(LEAST_MIN_WORDS, MOST_MIN_WORDS),
    default=None,
    help=f"Shorter passages are listed as explained; {MIN_WORDS}, or what the workspace's provenance.toml says.",
)
@click.option("--show-explained", is_flag=True, help="List explained matches in the table too (JSON Lines always hold them).")
@click.option("--fail-on-match", is_flag=True, help="Exit 11 if there is an alarm, 4 if something was not compared.")
@click.option("-o", "--output-file", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of to standard output.")
@click.option(
    "--suspects",
    "suspects_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there, as JSON Lines, where CORPUS speaks as an assistant: found without any reference, and no proof.",
)
@click.option("--reference-text-field", default=None, help="Field of a reference record that holds its text.")
@jobs_option
@reference_options
@output_format("table", "jsonl")
@pass_context
def match(ctx: CommandContext, /, corpus: tuple[Place, ...], references: tuple[str, ...], jobs: int | None, output: str, **options: object) -> int:
    """Find shared text, no registry needed.

    CORPUS files are compared with reference files and packs, or with sets made by `provenance reference add`. Files may be URLs, such as s3://bucket/chat/*.jsonl.
    """
    from provenance.bootstrap import make_engine

    files = list(files_below(ctx, corpus))
    tally, sizes = Tally(), [size_of(file, ctx.stores) for file in files]
    with ExitStack() as stack:
        engine = stack.enter_context(make_engine(jobs).ahead(sizes))
        matcher = _open_matcher(ctx, references, options, stack, tally)
        out = _open_output(ctx, options["output_file"], output, stack)
        field = str(options["text_field"]) if options["text_field"] else None
        dataset = Dataset(name="", text_field=field, tokenizer=named_tokenizer(ctx, options))
        given = options["suspects_file"]
        suspects = stack.enter_context(ctx.path(given).open("wb")) if isinstance(given, Path) else None
        _scan(ctx, list(zip(files, sizes, strict=True)), matcher, tally, (out, suspects), dataset=dataset, engine=engine)
    if output == "table":
        _print_table(tally, show_explained=bool(options["show_explained"]))
    _print_summary(ctx, tally)
    if not tally.files:
        return 1
    if options["fail_on_match"] and tally.alarms:
        return 11
    return 4 if tally.problems or (options["fail_on_match"] and tally.left_out) else 0


def _open_matcher(ctx: CommandContext, given: Sequence[str], options: dict[str, object], stack: ExitStack, tally: Tally) -> CascadeMatcher:
    """Open the sets named, and index the files named in a temporary store beside them."""
    from provenance.bootstrap import any_workspace
    from provenance.cli.reference import add_sets
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore

    names = [part for item in given for part in (item.split(",") if _place(ctx, item) is None else [item])]
    paths = [place for n in names if (place := _place(ctx, n)) is not None]
    if not paths:
        workspace = ctx.workspace()
        return open_matcher(workspace.references, names, _params(workspace, options["min_words"]))
    if len(paths) < len(names):
        missing = next(n for n in names if _place(ctx, n) is None)
        raise ConfigError(
            f"reference {missing!r}: no such file", hint="name either files, or sets made by provenance reference add, not both in one command"
        )
    store = ReferenceStore(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="provenance-"))))
    for path in paths:
        tally.problems += add_sets(ctx, store, "references", [path], options)
    names = [s.name for s in store.sets() if s.references]
    if not names:
        say_problems(tally.problems)
        raise ConfigError("none of the references could be read: there is nothing to compare with", hint="provenance reads .jsonl, .parquet and .txt")
    return open_matcher(store, names, _params(any_workspace(ctx.start), options["min_words"]))


def _place(ctx: CommandContext, given: str) -> Place | None:
    """Return the file or folder that a reference names, ``None`` where there is none: it may be the name of a set."""
    if is_url(given):
        return parse_url(given)
    path = ctx.path(Path(given))
    return path if path.exists() else None


def _params(workspace: Workspace, min_words: object) -> MatchParams:
    return replace(workspace.match_params, min_words=min_words) if isinstance(min_words, int) else workspace.match_params


def _open_output(ctx: CommandContext, given: object, output: str, stack: ExitStack) -> IO[bytes] | None:
    if output != "jsonl":
        return None
    if isinstance(given, Path):
        return stack.enter_context(ctx.path(given).open("wb"))
    return sys.stdout.buffer


def _scan(
    ctx: CommandContext,
    files: Sequence[tuple[Place, int]],
    matcher: CascadeMatcher,
    tally: Tally,
    outputs: tuple[IO[bytes] | None, IO[bytes] | None],
    *,
    dataset: Dataset,
    engine: Engine,
) -> None:
    """Match files, and print what each holds in the order of the files: matches to the first output, suspects to the second."""
    from provenance.audit.scan import FileScan, Finders, ShardToScan
    from provenance.bootstrap import SystemClock, any_workspace, make_reader

    out, suspects = outputs
    sizes = [size for _, size in files]
    progress = ctx.progress()
    progress.start("matching", sum(sizes))
    targets = [ShardToScan(dataset=dataset, shard=Shard(path=str(f), sha256="", size_bytes=size), location=str(f)) for f, size in files]
    work = FileScan(Finders(matcher, any_workspace(ctx.start).suspects), make_reader(stores=ctx.stores), SystemClock())
    for target, scanned in in_order(targets, engine.run(work, targets, sizes, progress)):
        if isinstance(scanned, WorkerLostError) or scanned.result is None:
            message = str(scanned) if isinstance(scanned, WorkerLostError) else scanned.error or ""
            tally.problems.append(ReadProblem(path=target.location, line=None, record=None, message=message))
            continue
        tally.add(scanned.result)
        tally.matches += len(scanned.matches)
        tally.alarms += sum(not m.explained for m in scanned.matches)
        if out is None:
            tally.shown += scanned.matches
        else:
            out.writelines(orjson.dumps(to_wire(m)) + b"\n" for m in scanned.matches)
        if suspects is not None:
            suspects.writelines(orjson.dumps(to_wire(s)) + b"\n" for s in scanned.suspects)
    progress.finish()


def in_order(tasks: Sequence[Task], done: Iterable[tuple[int, Result]]) -> Iterator[tuple[Task, Result]]:
    """Yield tasks with their outcomes in the order of the tasks, each as soon as those before it are there."""
    early: dict[int, Result] = {}
    following = 0
    for number, outcome in done:
        early[number] = outcome
        while following in early:
            yield tasks[following], early.pop(following)
            following += 1


def _print_table(tally: Tally, *, show_explained: bool) -> None:
    rows = sorted((m for m in tally.shown if show_explained or not m.explained), key=lambda m: (-m.aligned_words, m.doc_id, m.start))
    if rows:
        right = frozenset({"shared", "passage", "run", "chance/M"})
        say_table(
            ("document", "field", "shared", "passage", "run", "reference", "chance/M", "state"),
            [
                (m.doc_id, m.field, m.aligned_words, m.words, m.longest_run, m.reference, f"{m.chance_alarms_per_million:.1g}", m.because or "alarm")
                for m in rows[:TABLE_ROWS]
            ],
            right=right,
            spare=("passage",),
        )
    if len(rows) > TABLE_ROWS:
        say(f"… and {len(rows) - TABLE_ROWS} more: use -f jsonl for all")


def _print_summary(ctx: CommandContext, tally: Tally) -> None:
    say_problems(tally.problems)
    say_left_out(tally.left_out)
    if ctx.quiet:
        return
    explained = tally.matches - tally.alarms
    say(
        f"{counted(tally.alarms, 'passage')} shared, {thousands(explained)} more explained · {counted(tally.documents, 'text')}, {counted(tally.words, 'word')}, "
        f"{size_text(tally.text_bytes)} in {counted(tally.files, 'file')}",
        err=True,
    )
    from provenance.audit.findings import add_counts

    say_suspects(tally.suspected, add_counts(tally.suspects))
    if tally.dropped:
        say(f"{thousands(tally.dropped)} seed hits were left out by caps on very common text", err=True)
    if tally.alarms:
        next_step(f"provenance match … --show-explained, or register the data and run: provenance audit {visible('run.yaml')}")
