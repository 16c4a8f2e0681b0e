"""``provenance clearance``: verify and read clearances."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.clearance_export import export
from provenance.cli.context import CommandContext
from provenance.cli.cosigning import sign
from provenance.cli.files import PLACE
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import say, say_json
from provenance.cli.revoking import revoke_clearance
from provenance.cli.signing import given_path
from provenance.model.wire import to_wire
from provenance.storage.urls import Place

if TYPE_CHECKING:
    from provenance.clearance.check import GatePass


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
@click.option("--run", "run_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Run file that must be the one cleared.")
@click.option("--policy", "policies", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help="Bundle that must have judged the run.")
@click.option("--shard-folders-only", is_flag=True, help="Look for files that were not cleared only in folders that hold cleared shards.")
@text_or_json
@pass_context
def verify(ctx: CommandContext, /, file: Path, roots: tuple[Place, ...], policies: tuple[Path, ...], output: str, **options: Any) -> int:
    """Check a clearance against the data on disk, as the gate does. Exit 77 if it does not hold."""
    from provenance.cli.exec_ import data_roots
    from provenance.hooks.gate import TrainingBlocked, announce, examine

    try:
        passed = examine(
            ctx.path(file),
            roots=data_roots(ctx, roots),
            trust=given_path(ctx, options["trust_path"]),
            manifest=given_path(ctx, options["manifest"]),
            run_file=given_path(ctx, options["run_file"]),
            policy_files=[ctx.path(bundle) for bundle in policies],
            shard_folders_only=bool(options["shard_folders_only"]),
        )
    except TrainingBlocked as denial:
        if output == "json":
            say_json({"holds": False, "reasons": denial.reasons, "hint": denial.hint, "kind": denial.kind})
        else:
            announce(denial)
        return 77
    _say_holds(passed, output)
    return 0


def _say_holds(passed: GatePass, output: str) -> None:
    from provenance.hooks.break_glass import warn
    from provenance.hooks.launcher import success_lines

    if output == "json":
        say_json({"holds": True, "clearance": passed.clearance, "shards": passed.shards.shards, "size_bytes": passed.shards.size_bytes})
    else:
        for line in success_lines(passed):
            say(line)
    warn(passed.clearance)


@clearance.command("inspect")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@text_or_json
@pass_context
def inspect(ctx: CommandContext, /, file: Path, output: str) -> int:
    """Print what a clearance says. Nothing is verified."""
    from provenance.clearance.check import read_clearance_file
    from provenance.clearance.envelope import parse_envelope
    from provenance.clearance.statement import parse_statement, statement_digest
    from provenance.cli.clearance_page import say_clearance

    envelope = parse_envelope(read_clearance_file(ctx.path(file)))
    statement = parse_statement(envelope.payload)
    if output == "json":
        signed_by = [s.key_id for s in envelope.signatures]
        say_json({"version": statement.version, "id": statement_digest(envelope.payload), "signed_by": signed_by, **to_wire(statement)})
    else:
        say_clearance(statement, envelope)
    say("not verified: provenance clearance verify does that", err=True)
    return 0
