"""``provenance datasets``: what is registered."""

from __future__ import annotations

import click

from provenance.cli.context import CommandContext
from provenance.cli.lineage import derive, lineage
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import next_step, say, say_json, say_table, short, size_text, thousands, visible
from provenance.model.dataset import DatasetVersion, LicenseClaim

SHARDS_SHOWN = 20


@click.group()
def datasets() -> None:
    """Look at registered datasets."""


@datasets.command("list")
@text_or_json
@pass_context
def list_datasets(ctx: CommandContext, /, output: str) -> int:
    """List the newest version of every dataset."""
    with ctx.workspace().units.read() as registry:
        versions = registry.datasets()
    if output == "json":
        say_json(versions)
        return 0
    if not versions:
        say("no datasets registered")
        next_step("provenance register --manifest datasets.yaml", quiet=ctx.quiet)
        return 0
    rows = [
        (v.dataset.name, v.dataset.license.effective, v.dataset.source.kind, v.dataset.synthetic, short(v.root_digest), v.created[:10])
        for v in versions
    ]
    say_table(("dataset", "licence", "source", "synthetic", "version", "registered"), rows)
    return 0


@datasets.command("show")
@click.argument("name")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, name: str, output: str) -> int:
    """Show one dataset: NAME, or NAME@sha256:… for a version."""
    base, _, pinned = name.partition("@")
    with ctx.workspace().units.read() as registry:
        version = registry.dataset_version(base, pinned or None)
    if output == "json":
        say_json(version)
        return 0
    _print(version)
    return 0


@datasets.command("versions")
@click.argument("name")
@text_or_json
@pass_context
def versions(ctx: CommandContext, /, name: str, output: str) -> int:
    """List all versions of a dataset, oldest first."""
    with ctx.workspace().units.read() as registry:
        found = registry.versions(name)
    if output == "json":
        say_json(found)
    else:
        say_table(("version", "registered", "licence"), [(v.root_digest, v.created, v.dataset.license.effective) for v in found])
    return 0


datasets.add_command(derive)
datasets.add_command(lineage)


def _print(version: DatasetVersion) -> None:
    d, shards = version.dataset, version.shards
    say(f"{d.name}@{version.root_digest}", bold=True)
    facts = [
        ("title", d.title or "not stated"),
        ("source", f"{d.source.kind} {d.source.url}"),
        ("collected", f"{d.source.collected.start} to {d.source.collected.end}"),
        ("licence declared", _claim(d.license.declared)),
        ("licence detected", _claim(d.license.detected)),
        ("licence concluded", _claim(d.license.concluded)),
        ("synthetic", d.synthetic),
        *(("generator", f"{g.provider} {g.model}, {g.channel}, {g.region}, {g.generated.start} to {g.generated.end}") for g in d.generators),
        ("terms named", ", ".join(d.terms) or "none"),
        ("domain", d.domain),
        ("languages", ", ".join(d.languages) or "not stated"),
        ("derived from", ", ".join(d.derived_from) or "not stated"),
        ("owner", d.owner),
    ]
    for label, value in facts:
        say(f"  {label:<18} {visible(str(value))}")
    rows = [(s.path, size_text(s.size_bytes), _count(s.records), _count(s.words), s.unread_records, short(s.sha256)) for s in shards[:SHARDS_SHOWN]]
    say_table(("shard", "size", "records", "words", "unread", "sha256"), rows, right=frozenset({"size", "records", "words", "unread"}))
    if len(shards) > SHARDS_SHOWN:
        say(f"… and {len(shards) - SHARDS_SHOWN} more shards: use -f json for all")


def _claim(claim: LicenseClaim) -> str:
    said = f' (as "{claim.original}")' if claim.original and claim.original != claim.value else ""
    return f"{claim.value}{said}"


def _count(number: int | None) -> str:
    return "not counted" if number is None else thousands(number)
