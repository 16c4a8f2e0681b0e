"""``provenance datasets``: what is registered, found, shown, compared and followed back."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.dataset_page import say_facts, say_origin, say_record_licenses, say_shards, say_uses, wire_inherited
from provenance.cli.diff import diff
from provenance.cli.evidence import evidence
from provenance.cli.lineage import derive, lineage
from provenance.cli.options import facet_options, pass_context, text_or_json
from provenance.cli.output import counted, minute, next_step, say, say_json, say_table, short, size_text, thousands, visible
from provenance.columns import cut, width
from provenance.model.dataset import DatasetVersion
from provenance.model.wire import to_wire

SHARDS_SHOWN = 20
FACETS_SHOWN = 5
"""Values of a facet that a search counts for people."""
_COLUMNS = 80
_RIGHT = frozenset({"shards", "size"})


@click.group()
def datasets() -> None:
    """Look at registered datasets."""


datasets.add_command(derive)
datasets.add_command(lineage)
datasets.add_command(diff)
datasets.add_command(evidence)


@datasets.command("list")
@facet_options
@text_or_json
@pass_context
def list_datasets(ctx: CommandContext, /, output: str, **filters: tuple[str, ...]) -> int:
    """List the newest version of every dataset."""
    return _listed(ctx, (), filters, output)


@datasets.command("search")
@click.argument("words", nargs=-1)
@facet_options
@text_or_json
@pass_context
def search(ctx: CommandContext, /, words: tuple[str, ...], output: str, **filters: tuple[str, ...]) -> int:
    """Find datasets by words of their names, titles and descriptions, and by facets.

    All words must be found; the beginning of a word is enough. Words are those
    of name, title, description, makers, tags, purposes, domain, owner, ancestors
    and source; licences, providers and models are facets. Of one facet one
    value must hold, of several facets all.
    """
    return _listed(ctx, words, filters, output, facets=True)


def _listed(ctx: CommandContext, words: tuple[str, ...], filters: dict[str, tuple[str, ...]], output: str, *, facets: bool = False) -> int:
    wanted = {facet: values for facet, values in filters.items() if values}
    with ctx.workspace().units.read() as registry:
        found = registry.search(words, wanted)
        totals = registry.totals()
        versions = {v.dataset.name: v for v in registry.datasets()}
    if output == "json":
        rows: list[Any] = [{**to_wire(versions[n]), "totals": to_wire(totals[n])} for n in found.names]
        say_json({"datasets": rows, "facets": found.facets} if facets else rows)
        return 0
    if not found.names:
        _say_nothing(ctx, words, wanted)
        return 0
    rows = [_row(versions[n], totals[n].shards, totals[n].size_bytes) for n in found.names]
    say_table(("dataset", "licence", "source", "synthetic", "shards", "size", "version"), rows, right=_RIGHT, spare=("version", "source"))
    if not ctx.quiet:
        sums = [totals[n] for n in found.names]
        shards, size = sum(t.shards for t in sums), sum(t.size_bytes for t in sums)
        say(f"{counted(len(rows), 'dataset')}, {counted(shards, 'shard')}, {size_text(size)}", err=True)
    for line in _facet_lines(found.facets) if facets else ():
        say(line)
    next_step(f"provenance datasets show {visible(found.names[0])}", quiet=ctx.quiet)
    return 0


def _say_nothing(ctx: CommandContext, words: tuple[str, ...], wanted: dict[str, tuple[str, ...]]) -> None:
    """Say that nothing was found, and what there is that is near what was asked for."""
    from provenance.documents import nearest

    with ctx.workspace().units.read() as registry:
        there = registry.search().facets
        names = [v.dataset.name for v in registry.datasets()]
        unsaid = [(word, f, v) for word in words if not registry.search((word,)).names for f, v in _facets_with(word, there)]
        proposed = [(word, f, v, len(registry.search((), {f: (v,)}).names)) for word, f, v in unsaid]
    if not names:
        say("no datasets registered")
        next_step("provenance register --manifest datasets.yaml", quiet=ctx.quiet)
        return
    say("no dataset fits")
    for facet, values in wanted.items():
        held = {v.casefold() for v in there.get(facet, {})}
        for value in (v for v in values if v.casefold() not in held):
            hint = nearest(value, list(there.get(facet, {}))) if there.get(facet) else "no dataset states any"
            say(_cut(f"no dataset has {facet} {visible(value)!r}: {visible(hint)}"), err=True)
    for word, facet, value, number in proposed:
        say(_cut(f"no dataset says {visible(word)!r} in words; --{facet} {visible(shlex.quote(value))} finds {thousands(number)}"), err=True)
    if words:
        say("All words must be found, in names or in what is said; the beginning of a word is enough.", err=True)
    next_step("provenance datasets list", quiet=ctx.quiet)


def _facets_with(word: str, there: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str]]:
    """Return the (facet, value) whose value has words that begin as the given ones do, of each facet the most frequent."""
    from provenance.registry.terms import words_of

    wanted = tuple(words_of(word))
    found = []
    for facet, values in there.items():
        held = [(n, v) for v, n in values.items() if wanted and all(any(h.startswith(w) for h in words_of(v)) for w in wanted)]
        found += [(facet, v) for _, v in sorted(held, key=lambda i: (-i[0], i[1]))[:1]]
    return found


def _row(version: DatasetVersion, shards: int, size_bytes: int) -> tuple[str, ...]:
    d = version.dataset
    return (d.name, d.license.effective, d.source.kind, d.synthetic, thousands(shards), size_text(size_bytes), short(version.root_digest, 8))


def _facet_lines(facets: Any) -> Iterator[str]:
    for facet, values in facets.items():
        parts = [f"{visible(value)} {number}" for value, number in values.items()]
        shown = next(n for n in range(min(len(parts), FACETS_SHOWN), -1, -1) if n == 1 or width(_facet_line(facet, parts, n)) <= _COLUMNS)
        yield _cut(_facet_line(facet, parts, shown))


def _facet_line(facet: str, parts: Sequence[str], shown: int) -> str:
    more = f" and {len(parts) - shown} more" if len(parts) > shown else ""
    return f"{facet:<10} {', '.join(parts[:shown])}{more}"


def _cut(line: str) -> str:
    return cut(line, _COLUMNS)


@datasets.command("show")
@click.argument("name")
@click.option("--shards", "limit", type=click.IntRange(min=0), default=None, help="Shards listed; by default 20, as JSON all.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Shards passed over before these.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, limit: int | None, offset: int, output: str) -> int:
    """Show one dataset: NAME, NAME@sha256:… for a version, or NAME~1 for the recording before."""
    from provenance.audit.lineage import Tracer
    from provenance.audit.runs import first_use

    with ctx.workspace().units.read() as registry:
        number = registry.find_recording(name)
        version, totals = registry.recording(number), registry.totals_of(number)
        wanted = limit if limit is not None else totals.shards if output == "json" else SHARDS_SHOWN
        shards = registry.shards_of(number, limit=wanted, offset=offset)
        licenses = registry.record_license_counts(number)
        made = [d for d in registry.derivations_of((version.dataset.name,)) if d.root_digest == version.root_digest]
        newest = registry.version_facts(version.dataset.name).root_digest
        inherited = Tracer(registry).trace_whole(version)
        used = first_use(registry, version.dataset.name, version.root_digest)
    if output == "json":
        extra = {"totals": to_wire(totals), "derivations": to_wire(tuple(made)), "record_licenses": licenses, "inherited": wire_inherited(inherited)}
        extra |= {
            "first_used": used.sentence,
            "runs": to_wire(tuple({"run": u.run.id, "model": u.run.model, "signed_by": u.run.signed_by, **to_wire(u.reads)} for u in used.uses)),
        }
        say_json({**to_wire(version), "shards": to_wire(tuple(shards)), **extra})
        return 0
    say_facts(version, newest)
    say_origin(made, inherited)
    say_uses(used)
    say_record_licenses(licenses)
    say_shards(shards, totals, offset)
    next_step(f"provenance datasets lineage {visible(version.dataset.name)}", quiet=ctx.quiet)
    return 0


@datasets.command("versions")
@click.argument("name")
@text_or_json
@pass_context
def versions(ctx: CommandContext, /, name: str, output: str) -> int:
    """List all versions of a dataset, oldest first."""
    with ctx.workspace().units.read() as registry:
        found = registry.versions(name)
        if not found:
            registry.version_facts(name)  # says that there is none, and what is near
        ago = [len(found) - 1 - i for i in range(len(found))]
        totals = [registry.totals_of(registry.find_recording(f"{name}~{back}")) for back in ago] if output == "text" else []
    if output == "json":
        say_json(found)
        return 0
    rows = [
        (
            f"~{back}" if back else "newest",
            short(v.root_digest),
            minute(v.created),
            thousands(t.shards),
            size_text(t.size_bytes),
            v.dataset.license.effective,
        )
        for v, t, back in zip(found, totals, ago, strict=True)
    ]
    say_table(("recording", "version", "recorded (UTC)", "shards", "size", "licence"), rows, right=_RIGHT)
    shown = visible(name)
    if len(found) > 1:
        say(f"A recording is named by {shown}~1 or {shown}@{short(found[0].root_digest)}", err=True)
        next_step(f"provenance datasets diff {shown}", quiet=ctx.quiet)
    return 0
