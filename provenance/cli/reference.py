"""``provenance reference``: the texts to look for."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.files import PLACE, REFERENCE_SUFFIXES, files_below, size_of
from provenance.cli.options import pass_context, reference_options, text_or_json
from provenance.cli.output import counted, next_step, say, say_json, say_problems, say_table, short, size_text, thousands, visible, write_whole
from provenance.cli.register import days
from provenance.errors import ConfigError, IngestError, ReferenceIndexError
from provenance.model.absence import Absence
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind
from provenance.storage.urls import Place, last_part

if TYPE_CHECKING:
    from provenance.ingest.references import ReferenceOptions
    from provenance.matching.index import ReferenceStore


REDIS_VARIABLE = "PROVENANCE_REDIS_PASSWORD"
"""Environment variable for the password of a shared index where its URL has none: on the command line everybody on the machine could read it."""
_EXPLAINING = frozenset({ReferenceKind.BACKGROUND.value, ReferenceKind.LICENSE_TEXT.value})
"""A pack that explains matches away is taken only if its kind is asked for."""


@click.group()
def reference() -> None:
    """Keep the texts to look for.

    They are known API outputs, works, licence texts and background.
    """


@reference.command("add")
@click.argument("name")
@click.argument("files", nargs=-1, type=PLACE)
@click.option("--dataset", default=None, help="Registered dataset, NAME or NAME@DIGITS, instead of FILES.")
@click.option("--text-field", "reference_text_field", default=None, help="Field of a record that holds its text.")
@reference_options
@pass_context
def add(ctx: CommandContext, /, name: str, files: tuple[Place, ...], dataset: str | None, **options: object) -> int:
    """Index FILES as reference set NAME; a set that exists grows.

    FILES may be URLs and patterns in them, such as s3://bucket/books/*.txt.

    With --dataset the shards of a registered version are indexed instead, checked against their digests; what the registry says of licence, model and dates holds
    for records that do not say it themselves.

    A FILE.pack made by `provenance reference pack` is added as it is: it holds no texts, and says itself what kind its references are.
    """
    if bool(files) is bool(dataset):
        raise click.UsageError("give FILES, or --dataset NAME of a registered dataset")
    store = ctx.workspace().references
    found, problems = _registered(ctx, dataset, options) if dataset else (list(_named(ctx, files)), [])
    problems += add_files(ctx, store, name, found, options)
    info = next((s for s in store.sets() if s.name == name), None)
    say_problems(problems)
    if info is None:
        raise ReferenceIndexError(f"reference set {name!r} would hold nothing: no text was found in the files", hint="see the problems listed above")
    say(f"reference set {name}: {counted(info.references, 'reference')}, {counted(info.words, 'word')} @{short(info.digest)}")
    next_step(f"provenance scan --reference {name}, or name it under references: in run.yaml", quiet=ctx.quiet)
    return 4 if problems else 0


def _registered(ctx: CommandContext, dataset: str, options: dict[str, object]) -> tuple[list[Place], list[ReadProblem]]:
    """Return the files of a registered dataset, and what is wrong with others; complete the options by what the registry says."""
    from provenance.audit.registered_references import find_registered
    from provenance.storage.urls import is_url, parse_url

    workspace = ctx.workspace()
    with workspace.units.read() as registry:
        version = registry.recording(registry.find_recording(dataset))
    found = find_registered(version.dataset.name, version.root_digest, workspace.tools(ctx.progress(), ctx.actor))
    for key, value in (*found.facts, ("kind_by_default", found.kind.value), ("reference_text_field", found.version.dataset.text_field)):
        options[key] = options.get(key) or value
    return [parse_url(f) if is_url(f) else Path(f) for f in found.files], list(found.problems)


def _named(ctx: CommandContext, files: Sequence[Place]) -> Iterator[Place]:
    """Yield the files that arguments name: the shell resolves patterns of local ones, nobody those of URLs."""
    for file in files:
        yield from [ctx.path(file)] if isinstance(file, Path) else files_below(ctx, [file], suffixes=REFERENCE_SUFFIXES)


def add_files(ctx: CommandContext, store: ReferenceStore, name: str, files: Sequence[Place], options: dict[str, object]) -> list[ReadProblem]:
    """Add reference files to a set, with a progress display. Returns what could not be read."""
    from provenance.ingest.references import iter_references, stated_kind
    from provenance.matching.packfile import add_pack, is_pack, read_header

    problems: list[ReadProblem] = []
    readable = []
    for file in files:
        if not isinstance(file, Path):
            if is_pack(Path(last_part(file))):
                problems.append(ReadProblem(path=file, line=None, record=None, message="a pack is read from local disks only; copy it here"))
            else:
                readable.append(str(file))
        elif not file.exists():
            problems.append(ReadProblem(path=str(file), line=None, record=None, message="no such file"))
        elif is_pack(file):
            add_pack(store, name, file, kind=ReferenceKind(str(options["kind"])) if options["kind"] else None)
            _say_unseen(read_header(file).unseen)
        else:
            readable.append(str(file))
    if not readable:
        return problems
    progress = ctx.progress()
    stores = ctx.stores
    progress.start("indexing", sum(size_of(f, stores) for f in files))
    by_default = ReferenceKind(str(options.get("kind_by_default") or ReferenceKind.WORK.value))
    kind = ReferenceKind(str(options["kind"])) if options["kind"] else stated_kind(readable, stores) or by_default
    try:
        store.add(name, iter_references(readable, reference_options_of(options, kind), problems=problems, stores=stores), kind=kind)
    except IngestError as err:
        problems.append(ReadProblem(path=name, line=None, record=None, message=f"{err}; {err.hint}" if err.hint else str(err)))
    finally:
        progress.finish()
    return problems


def _say_unseen(count: int) -> None:
    if count:
        say(f"{counted(count, 'reference')} of the pack cannot be found: too short for its rate", err=True)


def add_sets(
    ctx: CommandContext, store: ReferenceStore, name: str, given: Sequence[Place], options: dict[str, object], *, prefix: str = ""
) -> list[ReadProblem]:
    """Add reference files and folders to a set, those of other kinds and each pack to sets of their own. Returns what could not be read."""
    from provenance.ingest.references import stated_kind
    from provenance.matching.packfile import is_pack, read_header

    files = list(files_below(ctx, given, suffixes=REFERENCE_SUFFIXES))
    packs = [f for f in files if isinstance(f, Path) and is_pack(f) and f.exists()]
    for pack_file in packs:
        taken = {name, *(s.name for s in store.sets())}
        own = f"{prefix}{read_header(pack_file).name}"
        free = itertools.chain([own], (f"{own}-{i}" for i in itertools.count(2)))
        add_files(
            ctx, store, next(n for n in free if n not in taken), [pack_file], {"kind": options["kind"] if options["kind"] in _EXPLAINING else None}
        )
    texts = [f for f in files if f not in packs]
    if options["kind"]:
        return add_files(ctx, store, name, texts, options)
    by_kind: dict[ReferenceKind, list[Place]] = {}
    for file in texts:
        by_kind.setdefault(stated_kind([str(file)], ctx.stores) or ReferenceKind.WORK, []).append(file)
    problems: list[ReadProblem] = []
    for number, (kind, own_files) in enumerate(by_kind.items()):
        # Works and answers explain one another away in one set, and are judged by other rules.
        problems += add_files(ctx, store, f"{name}-{kind}" if number else name, own_files, {**options, "kind": kind.value})
    return problems


def reference_options_of(options: dict[str, object], kind: ReferenceKind) -> ReferenceOptions:
    """Return how reference files are read, from command-line options."""
    from provenance.ingest.references import ReferenceOptions

    def text(key: str) -> str:
        return str(options[key]) if options.get(key) else Absence.UNKNOWN.value

    def optional(key: str) -> str | None:
        return str(options[key]) if options.get(key) else None

    return ReferenceOptions(
        kind=kind,
        id_field=optional("id_field"),
        text_field=optional("reference_text_field"),
        prompt_field=optional("prompt_field"),
        id_template=optional("id_template"),
        provider=text("provider"),
        model=text("model"),
        channel=text("channel"),
        region=text("region"),
        generated=days(options.get("generated")),
        license=text("license_text"),
        title=text("title"),
        author=text("author"),
        holder=text("holder"),
        source=text("source"),
    )


@reference.command("list")
@text_or_json
@pass_context
def list_sets(ctx: CommandContext, /, output: str) -> int:
    """List the reference sets."""
    infos = ctx.workspace().references.sets()
    if output == "json":
        say_json(infos)
        return 0
    if not infos:
        say("no reference sets")
        next_step("provenance reference add NAME FILES… --kind work", quiet=ctx.quiet)
        return 0
    rows = [(i.name, i.kind, thousands(i.references), thousands(i.words), size_text(i.size_bytes), short(i.digest)) for i in infos]
    say_table(("set", "kind", "references", "words", "size", "digest"), rows, right=frozenset({"references", "words", "size"}))
    return 0


@reference.command("show")
@click.argument("name")
@click.option("--limit", default=20, show_default=True, help="References shown.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, limit: int, output: str) -> int:
    """Show a set and its references."""
    records = list(itertools.islice(ctx.workspace().references.references(name), limit))
    if output == "json":
        say_json(records)
        return 0
    rows = [(r.id, r.kind, r.title if r.title != Absence.UNKNOWN else f"{r.provider} {r.model}", r.license, r.generated.start) for r in records]
    say_table(("id", "kind", "what", "licence", "from"), rows)
    return 0


@reference.command("export")
@click.argument("name")
@click.option("--text/--no-text", "with_text", default=True, show_default=True, help="Write the texts, or the records alone.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["jsonl", "datasketch"]),
    default="jsonl",
    show_default=True,
    help="Records, or sketches for datasketch.",
)
@click.option("-o", "--output-file", type=click.Path(dir_okay=False, path_type=Path), help="Write there; standard output otherwise for records.")
@click.option("--redis", "url", default=None, help=f"Sketches: add them to the MinHashLSH at this redis:// URL; password in {REDIS_VARIABLE}.")
@click.option("--basename", default=None, help="Sketches: what that index is called there; NAME otherwise.")
@pass_context
def export(ctx: CommandContext, /, name: str, with_text: bool, form: str, output_file: Path | None, url: str | None, basename: str | None) -> int:
    """Write the references of set NAME as JSON Lines or sketches.

    JSON Lines hold one record with its text a line, as `provenance reference add` reads it. Sketches go to a Parquet FILE or to Redis, and hold no text: teams
    that use datasketch find whole documents that are nearly equal with them, and no passages. See docs/datasketch.md.
    """
    if form == "datasketch":
        return _export_sketches(ctx, name, output_file, (url, basename or name))
    if url or basename:
        raise ConfigError("records go to a file or to standard output", hint="--redis and --basename are for sketches: add -f datasketch")
    from provenance.matching.export import iter_exported

    lines = iter_exported(ctx.workspace().references, name, with_text=with_text)
    if output_file is None:
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()
        return 0
    target = ctx.path(output_file)
    write_whole(target, lines)
    next_step(f"provenance reference add NAME {visible(str(target))}", quiet=ctx.quiet)
    return 0


def _export_sketches(ctx: CommandContext, name: str, output_file: Path | None, redis: tuple[str | None, str]) -> int:
    from provenance.matching.interop import sketch_set, to_lsh
    from provenance.matching.sketchfile import dump_sketches, redis_storage

    url, basename = redis
    if output_file is None and url is None:
        raise ConfigError("sketches need a place to go", hint="give -o FILE.parquet, or --redis redis://HOST:PORT/DATABASE")
    store = ctx.workspace().references
    info, sketches = store.show(name), sketch_set(store, name)
    if not len(sketches):
        raise ReferenceIndexError(f"reference set {name!r} has no sketches", hint="a sketch needs a text of five words")
    what = f"sketches of {thousands(len(sketches))} of {counted(info.references, 'reference')} @{short(info.digest)}"
    if output_file is not None:
        target = ctx.path(output_file)
        write_whole(target, [dump_sketches(sketches, name=name, digest=info.digest)])
        say(f"{visible(str(target))}: {what}")
    if url is not None:
        to_lsh(sketches, storage_config=redis_storage(url, basename, password=os.environ.get(REDIS_VARIABLE, "")))
        say(f"added to the MinHashLSH {visible(basename)} on Redis: {what}")
    return 0


@reference.command("pack")
@click.argument("name")
@click.option("-o", "--output-file", type=click.Path(dir_okay=False, path_type=Path), help="File to write; NAME.pack otherwise.")
@click.option("--one-in", default=4, show_default=True, help="Keep one window of five words in so many: 2, 4 or 8.")
@pass_context
def pack(ctx: CommandContext, /, name: str, output_file: Path | None, one_in: int) -> int:
    """Write set NAME without its texts, to hand out.

    Whoever adds the pack finds where their data share text with yours, and gets none of it. A pack still gives away who and what is in it, and whoever
    holds a text, or guesses five words of it, can confirm that: the fewer windows are kept, the less can be guessed and the more is missed.
    See docs/formats/pack.md.
    """
    from provenance.matching.pack import coverage
    from provenance.matching.packfile import PACK_SUFFIX, write_pack

    target = ctx.path(output_file or Path(f"{name}{PACK_SUFFIX}"))
    header = write_pack(ctx.workspace().references, name, target, one_in=one_in)
    what = f"{counted(header.references, 'reference')}, {counted(header.words, 'word')}, one window in {one_in}"
    say(f"{visible(str(target))}: {what}, {size_text(target.stat().st_size)} @{short(header.digest)}")
    say(f"no texts are in it; its windows touch {coverage(one_in):.0%} of the words, and who guesses a window can confirm it")
    _say_unseen(header.unseen)
    next_step(f"provenance reference add {name} {visible(target.name)}, or provenance match … --reference {visible(target.name)}", quiet=ctx.quiet)
    return 0


@reference.command("verify")
@click.argument("names", nargs=-1)
@pass_context
def verify(ctx: CommandContext, /, names: tuple[str, ...]) -> int:
    """Check every byte of reference sets against their digests."""
    store = ctx.workspace().references
    damaged = 0
    for name in names or tuple(s.name for s in store.sets()):
        faults = store.verify(name)
        damaged += bool(faults)
        say(f"{'✗' if faults else '✓'} {name}")
        for fault in faults:
            say(f"    {visible(fault)}", err=True)
    if damaged:
        next_step("provenance reference remove NAME, then add it again from its files", quiet=ctx.quiet)
    return 1 if damaged else 0


@reference.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_context
def remove(ctx: CommandContext, /, name: str, yes: bool) -> int:
    """Remove a reference set."""
    if not yes:
        click.confirm(f"Remove reference set {name}? Its files stay where you added them from.", abort=True)
    ctx.workspace().references.remove(name)
    say(f"removed reference set {name}")
    return 0
