"""``provenance clearance``: verify and read clearances."""

from __future__ import annotations

from pathlib import Path

import click

from provenance.cli.clearance_export import export
from provenance.cli.context import CommandContext
from provenance.cli.cosigning import sign
from provenance.cli.files import PLACE
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json, visible
from provenance.cli.revoking import revoke_clearance
from provenance.model.wire import to_wire
from provenance.storage.urls import Place


@click.group()
def clearance() -> None:
    """Verify, read, sign and revoke clearances."""


clearance.add_command(sign)
clearance.add_command(revoke_clearance)
clearance.add_command(export)


@clearance.command("verify")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--root", "roots", multiple=True, type=PLACE, help="Data root, a folder or URL; the workspace's otherwise.")
@click.option("--trust", "trust_path", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Trust file.")
@click.option("--manifest", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Shard manifest; beside FILE otherwise.")
@click.option("--shard-folders-only", is_flag=True, help="Look for files that were not cleared only in folders that hold cleared shards.")
@text_or_json
@pass_context
def verify(
    ctx: CommandContext,
    /,
    file: Path,
    roots: tuple[Place, ...],
    trust_path: Path | None,
    manifest: Path | None,
    shard_folders_only: bool,
    output: str,
) -> int:
    """Check a clearance against the data on disk, as the gate does. Exit 77 if it does not hold."""
    from provenance.cli.exec_ import data_roots
    from provenance.hooks.gate import TrainingBlocked, announce, examine
    from provenance.hooks.launcher import success_lines

    try:
        passed = examine(
            ctx.path(file),
            roots=data_roots(ctx, roots),
            trust=ctx.path(trust_path) if trust_path else None,
            manifest=ctx.path(manifest) if manifest else None,
            shard_folders_only=shard_folders_only,
        )
    except TrainingBlocked as denial:
        if output == "json":
            say_json({"holds": False, "reasons": denial.reasons, "hint": denial.hint, "kind": denial.kind})
        else:
            announce(denial)
        return 77
    if output == "json":
        say_json({"holds": True, "clearance": passed.clearance, "shards": passed.shards.shards, "size_bytes": passed.shards.size_bytes})
        return 0
    for line in success_lines(passed):
        say(line)
    return 0


@clearance.command("inspect")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@text_or_json
@pass_context
def inspect(ctx: CommandContext, /, file: Path, output: str) -> int:
    """Print what a clearance says. Nothing is verified."""
    from provenance.clearance.envelope import parse_envelope
    from provenance.clearance.statement import parse_statement, statement_digest

    envelope = parse_envelope(ctx.path(file).read_bytes())
    statement = parse_statement(envelope.payload)
    if output == "json":
        say_json({**to_wire(statement), "id": statement_digest(envelope.payload)})
        return 0
    for name, value in to_wire(statement).items():
        say(f"{name:<22} {visible(str(value))}")
    say(f"{'id':<22} {statement_digest(envelope.payload)}")
    say(f"{'signed by':<22} {', '.join(s.key_id[:16] for s in envelope.signatures)}")
    say("not verified: provenance clearance verify does that", err=True)
    return 0
