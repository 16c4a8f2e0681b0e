"""``provenance datasets``: what is registered, found, shown, compared and followed back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from provenance.cli.context import CommandContext
from provenance.cli.diff import diff
from provenance.cli.evidence import evidence
from provenance.cli.lineage import derive, lineage
from provenance.cli.options import facet_options, pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_json, say_table, short, size_text, thousands, visible
from provenance.model.absence import is_absent
from provenance.model.dataset import Dataset, DatasetVersion, LicenseClaim
from provenance.model.details import Details
from provenance.model.wire import to_wire

SHARDS_SHOWN = 20
FACETS_SHOWN = 5
_COLUMNS = 80
"""Values of a facet that a search counts for people."""
_RIGHT = frozenset({"shards", "size", "records", "words", "unread"})
_NOBODY = "not known – nobody has said"


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
    """Find datasets by words of what is said of them, and by facets.

    All words must be found; the beginning of a word is enough. Of one facet
    one value must hold, of several facets all.
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
        say("no dataset fits" if words or wanted else "no datasets registered")
        if not (words or wanted):
            next_step("provenance register --manifest datasets.yaml", quiet=ctx.quiet)
        return 0
    rows = [_row(versions[n], totals[n].shards, totals[n].size_bytes) for n in found.names]
    say_table(("dataset", "licence", "source", "synthetic", "shards", "size", "version"), rows, right=_RIGHT)
    if not ctx.quiet:
        sums = [totals[n] for n in found.names]
        shards, size = sum(t.shards for t in sums), sum(t.size_bytes for t in sums)
        say(f"{counted(len(rows), 'dataset')}, {counted(shards, 'shard')}, {size_text(size)}", err=True)
    for line in _facet_lines(found.facets) if facets else ():
        say(line)
    return 0


def _row(version: DatasetVersion, shards: int, size_bytes: int) -> tuple[str, ...]:
    d = version.dataset
    return (d.name, d.license.effective, d.source.kind, d.synthetic, thousands(shards), size_text(size_bytes), short(version.root_digest, 8))


def _facet_lines(facets: Any) -> Iterator[str]:
    for facet, values in facets.items():
        shown = ", ".join(f"{visible(value)} {number}" for value, number in list(values.items())[:FACETS_SHOWN])
        more = f" and {len(values) - FACETS_SHOWN} more" if len(values) > FACETS_SHOWN else ""
        line = f"{facet:<10} {shown}{more}"
        yield line if len(line) <= _COLUMNS else line[: _COLUMNS - 1] + "…"


@datasets.command("show")
@click.argument("name")
@click.option("--shards", "limit", type=click.IntRange(min=0), default=None, help="Shards listed; by default 20, as JSON all.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Shards passed over before these.")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, limit: int | None, offset: int, output: str) -> int:
    """Show one dataset: NAME, NAME@sha256:… for a version, or NAME~1 for the recording before."""
    with ctx.workspace().units.read() as registry:
        number = registry.find_recording(name)
        version, totals = registry.recording(number), registry.totals_of(number)
        wanted = limit if limit is not None else totals.shards if output == "json" else SHARDS_SHOWN
        shards = registry.shards_of(number, limit=wanted, offset=offset)
        licenses = registry.record_license_counts(number)
        made = [d for d in registry.derivations_of((version.dataset.name,)) if d.root_digest == version.root_digest]
    if output == "json":
        extra = {"totals": totals, "derivations": made, "record_licenses": licenses}
        say_json({**to_wire(version), "shards": to_wire(tuple(shards)), **{key: to_wire(value) for key, value in extra.items()}})
        return 0
    say(f"{visible(version.dataset.name)}@{version.root_digest}", bold=True)
    for label, value in (*_facts(version.dataset), *_detail_facts(version.dataset.details)):
        _say_fact(label, value)
    for step in made:
        _say_fact("made by", f"{step.transform} of {', '.join(i.name for i in step.inputs)}")
    for value, records in licenses.items():
        _say_fact("records under", f"{value}: {thousands(records)}")
    rows = [(s.path, size_text(s.size_bytes), _count(s.records), _count(s.words), s.unread_records, short(s.sha256)) for s in shards]
    if rows:
        say_table(("shard", "size", "records", "words", "unread", "sha256"), rows, right=_RIGHT)
    uncounted = f"; {counted(totals.uncounted, 'shard')} not counted" if totals.uncounted else ""
    say(
        f"{counted(totals.shards, 'shard')}, {size_text(totals.size_bytes)}, {counted(totals.records, 'record')}, {counted(totals.words, 'word')}{uncounted}"
    )
    if len(rows) < totals.shards:
        say(f"shown are {len(rows)} from {offset + 1}: --shards and --offset show others, -f json all")
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
    if output == "json":
        say_json(found)
    else:
        say_table(("version", "registered", "licence"), [(v.root_digest, v.created, v.dataset.license.effective) for v in found])
    return 0


def _facts(d: Dataset) -> Iterator[tuple[str, str]]:
    yield "title", d.title
    yield "source", f"{d.source.kind}{'' if is_absent(d.source.url) else f' {d.source.url}'}"
    yield "collected", _range(d.source.collected.start, d.source.collected.end)
    yield "licence declared", _claim(d.license.declared)
    yield "licence detected", _claim(d.license.detected)
    yield "licence concluded", _claim(d.license.concluded)
    yield from (("licence stated", f"{c.by}: {_claim(c)}") for c in d.license.stated)
    if not is_absent(d.license.expires):
        yield "licence ends", d.license.expires
    yield "synthetic", d.synthetic
    yield from (
        ("generator", f"{g.provider} {g.model}, {g.channel}, {g.region}, {_range(g.generated.start, g.generated.end)}, {g.role}")
        for g in d.generators
    )
    yield "terms named", ", ".join(d.terms)
    yield "domain", d.domain
    yield "languages", ", ".join(d.languages)
    yield "derived from", ", ".join(d.derived_from)
    yield "owner", d.owner
    if d.tags:
        yield "tags", ", ".join(d.tags)


def _detail_facts(details: Details) -> Iterator[tuple[str, str]]:
    """Yield what is stated beyond the facts that everybody asks for; what is not stated takes no line."""
    plain = Details()
    for name, value in _stated(to_wire(details), to_wire(plain), ""):
        yield name.replace("_", " "), value


def _stated(value: Any, default: Any, name: str) -> Iterator[tuple[str, str]]:
    if value == default:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            label = key if name in {"", "collection"} else f"{name} {key}"
            yield from _stated(inner, default.get(key) if isinstance(default, dict) else None, label)
    elif isinstance(value, list):
        yield name, "; ".join(_in_words(v) for v in value)
    else:
        yield name, str(value)


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_in_words(v)}" for k, v in value.items() if not (isinstance(v, str) and is_absent(v)) and v not in ({}, [], ""))
    return str(value)


def _say_fact(label: str, value: str) -> None:
    """Print a fact in 80 columns, on more lines where it is long."""
    import textwrap

    text = visible(str(value)) if not is_absent(value) else _NOBODY
    lines = textwrap.wrap(text, 58, break_on_hyphens=False) or [_NOBODY]
    for number, line in enumerate(lines):
        say(f"  {label[:18] if not number else '':<19}{line}")


def _range(start: str, end: str) -> str:
    if is_absent(start) and is_absent(end):
        return _NOBODY
    return f"{'?' if is_absent(start) else start} to {'?' if is_absent(end) else end}"


def _claim(claim: LicenseClaim) -> str:
    if is_absent(claim.value) and not claim.original:
        return {"NOT_STATED": "the source names none", "UNREADABLE": "there, but unreadable"}.get(claim.value, _NOBODY)
    said = f' (as "{claim.original}")' if claim.original and claim.original != claim.value else ""
    return f"{claim.value}{said}"


def _count(number: int | None) -> str:
    return "not counted" if number is None else thousands(number)
