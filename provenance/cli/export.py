"""``provenance export``: what is registered, in the formats of others."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context
from provenance.cli.output import counted, next_step, say, visible, write_whole
from provenance.errors import ConfigError, NotRegisteredError, ReportError
from provenance.exchange.exports import FORMATS, ExportFormat

if TYPE_CHECKING:
    from provenance.exchange.export_facts import Export, ShardSource
    from provenance.registry.repository import SqlRegistry

_NAME_LENGTH = 80
"""Longest file name made of a dataset's name, characters; file systems take 255 bytes."""


@click.command("export")
@click.argument("datasets", nargs=-1)
@click.option("-f", "--format", "name", type=click.Choice([*FORMATS, "csv", "native"]), required=True, help="Format to write.")
@click.option("-o", "--output", default="-", show_default=True, help="File or folder to write, - for standard output.")
@click.option("--validate", is_flag=True, help="Check against the format's schema and rules before anything is written.")
@pass_context
def export(ctx: CommandContext, /, datasets: tuple[str, ...], name: str, output: str, validate: bool) -> int:
    """Write facts of datasets in formats of others.

    DATASETS are NAME, or NAME@sha256:… for a version; all of them where none is named. spdx, cyclonedx, csv and native hold any number of datasets in one
    file. Of the others, each dataset is one file; --output is then a folder where several are written. The same facts always make the same bytes, and what
    import reads from them is equal.
    """
    with ctx.workspace().units.read() as registry:
        chosen = _chosen(registry, datasets)
        if name in {"csv", "native"}:
            return _write_stream(ctx, registry, chosen, name=name, output=output, validate=validate)
        return _write_documents(ctx, registry, chosen, form=FORMATS[name], output=output, validate=validate)


def _chosen(registry: SqlRegistry, given: Sequence[str]) -> list[tuple[str, str]]:
    """Return (name, root digest) of what is exported, in the order given, each once."""
    if not given:
        found = [(v.dataset.name, v.root_digest) for v in registry.datasets()]
        if not found:
            raise NotRegisteredError("no datasets are registered", hint="register some: provenance register --manifest datasets.yaml")
        return found
    named = [(base, pinned or None) for base, _, pinned in (_split(item) for item in given)]
    return list(dict.fromkeys((base, registry.version_facts(base, pinned).root_digest) for base, pinned in named))


def _split(item: str) -> tuple[str, str, str]:
    base, mark, digest = item.rpartition("@sha256:")
    return (base, "@", f"sha256:{digest}") if mark else (item, "", "")


def _prepared(registry: SqlRegistry, chosen: Iterable[tuple[str, str]], *, max_inline: int | None = None) -> Iterator[tuple[Export, ShardSource]]:
    from provenance.exchange.export_facts import MAX_INLINE, prepare

    for name, root in chosen:
        shards = partial(registry.iter_shards, name, root)
        yield prepare(registry.version_facts(name, root), shards, max_inline=MAX_INLINE if max_inline is None else max_inline), shards


def _write_stream(ctx: CommandContext, registry: SqlRegistry, chosen: Sequence[tuple[str, str]], *, name: str, output: str, validate: bool) -> int:
    from provenance.exchange.export_csv import render
    from provenance.exchange.native import native_lines

    if validate:
        raise click.UsageError(f"--validate: {name} has no schema; import checks all of it")
    if name == "csv":
        table = render(list(_prepared(registry, chosen, max_inline=0)))
    else:
        table = native_lines((registry.version_facts(*one), partial(registry.iter_shards, *one)) for one in chosen)
    if output == "-":
        for part in table:
            click.echo(part, nl=False)
        return 0
    target = ctx.path(Path(output))
    _make_folder(target.parent)
    write_whole(target, table)
    _say_written(ctx, [target], chosen)
    return 0


def _write_documents(
    ctx: CommandContext, registry: SqlRegistry, chosen: Sequence[tuple[str, str]], *, form: ExportFormat, output: str, validate: bool
) -> int:
    prepared = list(_prepared(registry, chosen))
    groups = [prepared] if form.many else [[item] for item in prepared]
    documents = [form.render([export for export, _ in group]) for group in groups]
    if validate:
        _validate(form, documents, chosen)
    lists: dict[str, ShardSource] = {e.shard_list.name: shards for e, shards in prepared if e.shard_list is not None}
    if output == "-":
        _print(documents, lists)
        return 0
    targets = _targets(ctx.path(Path(output)), form, chosen, as_folder=output.endswith("/"))
    _make_folder(targets[0].parent)
    _write_lists(targets[0].parent, lists)
    for target, raw in zip(targets, documents, strict=True):
        write_whole(target, [raw])
    _say_written(ctx, targets, chosen)
    return 0


def _validate(form: ExportFormat, documents: Sequence[bytes], chosen: Sequence[tuple[str, str]]) -> None:
    from provenance.exchange.export_check import check_document

    for i, raw in enumerate(documents):
        faults = check_document(form.name, raw)
        for fault in faults:
            say(f"  ! {visible(fault)}", err=True)
        if faults:
            what = "these datasets" if form.many else f"dataset {chosen[i][0]!r}"
            raise ReportError(f"{form.name} of {what} breaks the format's rules: {faults[0]}", hint="nothing was written")


def _print(documents: Sequence[bytes], lists: dict[str, ShardSource]) -> None:
    if len(documents) > 1:
        raise click.UsageError(f"{len(documents)} datasets make {len(documents)} files in this format: give -o FOLDER, or name one dataset")
    if lists:
        raise click.UsageError("the shards are too many for one document and are listed in a file beside it: give -o FILE")
    click.echo(documents[0], nl=False)


def _targets(given: Path, form: ExportFormat, chosen: Sequence[tuple[str, str]], *, as_folder: bool) -> list[Path]:
    if form.many or (len(chosen) == 1 and not as_folder and not given.is_dir()):
        return [given / f"datasets{form.suffix}" if as_folder or given.is_dir() else given]
    names = [file_stem(name) for name, _ in chosen]
    twice = {name for name, count in Counter(n.lower() for n in names).items() if count > 1}
    stems = [f"{n}.{root.removeprefix('sha256:')[:12]}" if n.lower() in twice else n for n, (_, root) in zip(names, chosen, strict=True)]
    return [given / f"{stem}{form.suffix}" for stem in stems]


def file_stem(name: str) -> str:
    """Return a file name for a dataset: its own where that is harmless everywhere, else a like one with part of a digest, so that no two meet.

    >>> file_stem("chat-distilled"), file_stem("../etc/passwd")
    ('chat-distilled', 'etc_passwd-dd5ec8e4')
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._")[:_NAME_LENGTH] or "dataset"
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _write_lists(folder: Path, lists: dict[str, ShardSource]) -> None:
    from provenance.exchange.export_facts import shard_line

    for name in sorted(lists):
        write_whole(folder / name, map(shard_line, lists[name]()))
        say(f"wrote the list of shards {visible(str(folder / name))}", err=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"{folder}: cannot be made: {err.strerror}", hint="give another -o") from err


def _say_written(ctx: CommandContext, targets: Sequence[Path], chosen: Sequence[tuple[str, str]]) -> None:
    if ctx.quiet:
        return
    where = targets[0] if len(targets) == 1 else targets[0].parent
    say(f"{counted(len(chosen), 'dataset')} written to {visible(str(where))}", err=True)
    next_step(f"provenance import {visible(str(where))} reads it back", quiet=ctx.quiet)
