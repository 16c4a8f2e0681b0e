"""``provenance datasets evidence``: what backs the claims about a dataset, and the bytes they go back to."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, short, visible, write_whole
from provenance.model.absence import is_absent

if TYPE_CHECKING:
    from provenance.audit.backing import Backing
    from provenance.audit.tools import Tools
    from provenance.model.dataset import DatasetVersion

_SAID = {"kept": "kept, digest checked", "not kept": "not kept here", "damaged": "DAMAGED: restore it from a backup", "no digest": "no digest stated"}


@click.command("evidence")
@click.argument("name")
@click.argument("digest", required=False)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write what DIGEST names; standard output otherwise.")
@text_or_json
@pass_context
def evidence(ctx: CommandContext, /, name: str, digest: str | None, out: Path | None, output: str) -> int:
    """Show who claims what of a dataset, since when, and what backs it.

    NAME is a dataset, NAME@sha256:… a version. With DIGEST, or how it
    begins, the stored bytes that a claim goes back to are written: the card,
    the licence text, the robots.txt; on a terminal with what would steer it
    escaped. Exit code 4: some are damaged.
    """
    from provenance.audit.backing import list_backing

    workspace = ctx.workspace()
    tools = workspace.tools(ctx.progress(), ctx.actor)
    with workspace.units.read() as registry:
        version = registry.recording(registry.find_recording(name))
    if digest is not None:
        return _write(ctx, version, digest, tools, out)
    if out is not None:
        raise click.UsageError("-o needs a DIGEST: it takes the bytes that one claim goes back to")
    found = list_backing(version, tools)
    if output == "json":
        say_json(found)
    else:
        _print(ctx, version, found)
    return 4 if any(b.kept == "damaged" for b in found) else 0


def _write(ctx: CommandContext, version: DatasetVersion, digest: str, tools: Tools, out: Path | None) -> int:
    from provenance.audit.backing import read_snapshot

    claim, raw = read_snapshot(version, digest, tools)
    if out is None and sys.stdout.isatty():  # a document is hostile: its bytes would steer the terminal
        say(visible(raw.decode("utf-8", "backslashreplace"), keep_newlines=True))
        return 0
    if out is None:
        click.echo(raw, nl=False)
        return 0
    write_whole(ctx.path(out), [raw])
    if not ctx.quiet:
        say_fitting(f"{len(raw)} bytes of {visible(claim.evidence.snapshot)} written to {visible(str(out))}", err=True)
    return 0


def _print(ctx: CommandContext, version: DatasetVersion, found: tuple[Backing, ...]) -> None:
    name = version.dataset.name
    say(f"{visible(name)}@{version.root_digest}", bold=True)
    for backing in found:
        for line in _lines(backing):
            say_fitting(visible(line))
    counts = Counter(b.kept for b in found)
    say_fitting(f"{counted(len(found), 'claim')}: {', '.join(f'{n} {word}' for word, n in sorted(counts.items())) or 'nobody claims anything'}")
    kept = next((b.claim.evidence.sha256 for b in found if b.kept == "kept"), None)
    if kept is not None:
        next_step(f"provenance datasets evidence {visible(name)} {short(kept)} shows the bytes", quiet=ctx.quiet)


def _lines(backing: Backing) -> Iterator[str]:
    claim, source = backing.claim, backing.claim.evidence
    said = f' (as "{claim.original}")' if claim.original and claim.original != claim.value else ""
    yield f"{claim.fact}: {claim.value}{said}"
    yield f"    by        {_known(claim.by)}"
    row = "" if backing.log_seq is None else f", log row {backing.log_seq}"
    yield f"    recorded  {backing.recorded_at} by {_known(backing.recorded_by)}{row}"
    if not is_absent(source.url):
        yield f"    at        {source.url}"
    if not is_absent(source.fetched_at):
        yield f"    dated     {source.fetched_at}"
    file = "" if is_absent(source.snapshot) else f"{source.snapshot} "
    digest = "" if is_absent(source.sha256) else f"{short(source.sha256)} "
    yield f"    document  {file}{digest}{_SAID[backing.kept]}"


def _known(text: str) -> str:
    return "nobody is named" if is_absent(text) else text
