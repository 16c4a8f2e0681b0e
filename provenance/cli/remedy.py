"""``provenance remedy``: mend what an audit found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context
from provenance.cli.output import next_step, say, visible
from provenance.errors import InputError

if TYPE_CHECKING:
    from provenance.audit.remedy import ShardDrop
    from provenance.bootstrap import Workspace
    from provenance.model.dataset import Shard


@click.group()
def remedy() -> None:
    """Mend what an audit found."""


@remedy.command("drop")
@click.argument("audit", default=LATEST)
@click.option("--rule", "rules", multiple=True, help="Only records behind open findings of this rule; may be given again.")
@click.option("--apply", "apply_it", is_flag=True, help="Write the mended shards; without it the plan is only printed.")
@pass_context
def drop(ctx: CommandContext, /, audit: str, rules: tuple[str, ...], apply_it: bool) -> int:
    """Leave out the records whose shared text rules do not allow. Originals are kept under .provenance/originals."""
    from provenance.audit.remedy import plan_drop

    record = load_audit(ctx, audit)
    drops = plan_drop(record, rules)
    for item in drops:
        say(
            f"{'dropping' if apply_it else 'would drop'} {len(item.records)} records of {visible(item.path)} ({item.dataset}) for {', '.join(item.rules)}"
        )
    if not apply_it:
        chosen = "".join(f" --rule {r}" for r in rules)
        next_step(f"provenance remedy drop{chosen} --apply", quiet=ctx.quiet)
        return 0
    _apply(ctx, ctx.workspace(), drops)
    next_step("provenance audit run.yaml", quiet=ctx.quiet)
    return 0


def _apply(ctx: CommandContext, workspace: Workspace, drops: tuple[ShardDrop, ...]) -> None:
    from provenance.audit.remedy import apply_drop, register_again
    from provenance.ingest.rewrite import Rewriter

    originals = workspace.settings.workspace / ".provenance" / "originals"
    mended: dict[tuple[str, str], str] = {}
    text_fields: dict[str, str | None] = {}
    for item in drops:
        with workspace.units.read() as registry:
            version = registry.dataset_version(item.dataset)
        shard = next((s for s in version.shards if s.path == item.path and s.sha256 == item.sha256), None)
        if shard is None or "://" in shard.path:
            raise InputError(f"{item.path} is not a local shard of the newest version of {item.dataset}", hint="run the audit again")
        location = Path(workspace.listing.locate(shard.path, root=shard.root))
        left_out, kept = apply_drop(item, shard, location, originals=originals, rewriter=Rewriter())
        say(f"  {visible(item.path)}: {left_out} records left out, original kept in {kept}")
        mended[item.dataset, item.path] = shard.root
        text_fields[item.dataset] = version.dataset.text_field

    def describe(name: str, shard: Shard) -> Shard:
        if (name, shard.path) not in mended:
            return shard
        return workspace.listing.describe(shard.path, root=shard.root, text_field=text_fields[name])

    tools = workspace.tools(ctx.progress(), ctx.actor)
    for done in register_again({d.dataset for d in drops}, tools, describe=describe):
        say(f"registered {done}")
