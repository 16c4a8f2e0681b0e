"""``provenance scan``: compare registered shards with reference sets."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import jobs_option, pass_context, text_or_json
from provenance.cli.output import counted, next_audit, next_step, say, say_json, say_left_out, say_problems, say_suspects, say_table, thousands
from provenance.errors import InputError
from provenance.model.match import ReadProblem
from provenance.model.wire import to_wire

if TYPE_CHECKING:
    from provenance.audit.scan import ScanOutcome, ShardToScan
    from provenance.audit.tools import Tools
    from provenance.bootstrap import Workspace


@click.command()
@click.argument("datasets", nargs=-1)
@click.option("-r", "--reference", "references", multiple=True, help="Reference set; all of them where none is named.")
@click.option("--sample", metavar="SHARE", default=None, help="Look at a random part of the records, such as 1%, and bound how many share text.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws other records with --sample.")
@jobs_option
@text_or_json
@pass_context
def scan(ctx: CommandContext, /, datasets: tuple[str, ...], references: tuple[str, ...], jobs: int | None, output: str, **options: object) -> int:
    """Compare registered shards with reference sets.

    DATASETS are all registered ones where none is named. Shards that were scanned against the same references before cost nothing; where references came or went, only what these touch is compared again. A kill loses at most the shards in hand. A sample (--sample) clears nothing and is not kept.
    """
    workspace = ctx.workspace()
    names = tuple(name for given in references for name in given.split(",")) or tuple(s.name for s in workspace.references.sets())
    if not names:
        raise InputError("there is no reference set to compare with", hint="make one: provenance reference add NAME FILES… --kind work")
    if options["sample"] is not None:
        share = read_share(str(options["sample"]))
        return _sample(ctx, workspace, datasets, names, jobs, share=share, seed=int(str(options["seed"])), output=output)
    outcomes, stale = _scan(ctx, workspace, datasets, names, jobs)
    if output == "json":
        say_json([None if o.result is None else {**to_wire(o.result), "scanned": _when(o)} for o in outcomes])
    else:
        _print(outcomes)
    from provenance.audit.scan import problems_of

    say_problems([*problems_of(outcomes), *stale])
    if any(o.result is not None and o.result.matches for o in outcomes):
        next_step("provenance matches list --scans" + (f" --against {','.join(references)}" if references else ""), quiet=ctx.quiet)
    next_audit(workspace.run_file, quiet=ctx.quiet)
    return 4 if stale or problems_of(outcomes) else 0


def read_share(text: str) -> float:
    """Return the share that a text such as ``1%`` or ``0.01`` states.

    Raises:
        InputError: If it is none, or not above 0 and up to 1.
    """
    number, percent = (text[:-1], 100) if text.endswith("%") else (text, 1)
    try:
        share = float(number) / percent
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise InputError(f"a sample of {text!r} is no share of the records", hint="write it as 1% or 0.01")
    return share


def _sample(
    ctx: CommandContext,
    workspace: Workspace,
    datasets: tuple[str, ...],
    names: tuple[str, ...],
    jobs: int | None,
    *,
    share: float,
    seed: int,
    output: str,
) -> int:
    from provenance.audit.sample import sample_registered
    from provenance.audit.scan import Finders

    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=jobs)
    targets, stale = _targets(tools, datasets)
    tools.progress.start("sampling", sum(t.shard.size_bytes for t in targets))
    samples, problems = sample_registered(targets, Finders(workspace.matcher(names), tools.suspects), tools, share=share, seed=seed)
    tools.progress.finish()
    if output == "json":
        say_json(samples)
    else:
        rows = [(s.dataset, s.records, s.sampled, s.sharing, f"{s.upper_records} ({s.upper_share:.2%})", s.unread) for s in samples]
        right = frozenset({"records", "sampled", "sharing", "unread"})
        say_table(("dataset", "records", "sampled", "sharing", "at most, of all", "unread"), rows, right=right)
        say(
            "Sharing: records with shared text that nothing explains. At most: with 95 % confidence. What could not be read counts as sharing. A sample clears nothing.",
            err=True,
        )
    say_problems([*problems, *stale])
    partial = say_left_out((s.dataset, field) for s in samples for field in s.left_out)
    dropped = sum(s.dropped_seeds for s in samples)
    if dropped:
        say(f"{thousands(dropped)} seed hits were left out by caps on very common text", err=True)
    next_step("provenance scan, which looks at every record", quiet=ctx.quiet)
    return 4 if problems or stale or partial or any(s.unread for s in samples) else 0


def _scan(
    ctx: CommandContext, workspace: Workspace, datasets: tuple[str, ...], names: tuple[str, ...], jobs: int | None
) -> tuple[list[ScanOutcome], list[ReadProblem]]:
    from provenance.audit.scan import Finders, scan_registered

    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=jobs)
    targets, stale = _targets(tools, datasets)
    tools.progress.start("scanning", sum(t.shard.size_bytes for t in targets))
    outcomes = scan_registered(targets, Finders(workspace.matcher(names), tools.suspects), tools)
    tools.progress.finish()
    return outcomes, stale


def _targets(tools: Tools, datasets: tuple[str, ...]) -> tuple[list[ShardToScan], list[ReadProblem]]:
    """Return the shards of some datasets (of all, where none is named), and those that are not what was registered."""
    from provenance.audit.scan import target_of
    from provenance.audit.states import ShardState, check_shards

    with tools.units.read() as registry:
        wanted = datasets or tuple(v.dataset.name for v in registry.datasets())
        versions = [registry.dataset_version(name) for name in wanted]
    targets, stale = [], []
    tools.progress.start("checking", sum(s.size_bytes for v in versions for s in v.shards))
    for version in versions:
        for checked in check_shards(version, tools):
            shard = checked.shard
            if checked.state is ShardState.UNCHANGED:
                targets.append(target_of(version, shard, tools.listing))
            else:
                stale.append(
                    ReadProblem(
                        path=shard.path,
                        line=None,
                        record=None,
                        message=checked.reason or f"{checked.state} since it was registered; register it again",
                    )
                )
    return targets, stale


def _when(outcome: ScanOutcome) -> str:
    """Return whether a shard was scanned now, an earlier scan was brought up to date, or one was current."""
    return "before" if outcome.reused else "updated" if outcome.updated else "now"


def _print(outcomes: list[ScanOutcome]) -> None:
    rows = [
        (
            o.target.shard.path,
            o.result.records,
            thousands(o.result.words),
            o.result.alarms,
            o.result.matches - o.result.alarms,
            _when(o),
        )
        for o in outcomes
        if o.result is not None
    ]
    say_table(("shard", "records", "words", "passages", "explained", "scanned"), rows, right=frozenset({"records", "words", "passages", "explained"}))
    results = [o.result for o in outcomes if o.result is not None]
    from provenance.audit.findings import add_counts

    dropped = sum(r.dropped_seeds for r in results)
    say(f"{counted(sum(r.alarms for r in results), 'passage')} shared in {counted(len(results), 'shard')}")
    how = Counter(_when(o) for o in outcomes if o.result is not None)
    say(f"{how['now']} scanned, {how['updated']} updated for references that came or went, {how['before']} scanned before", err=True)
    say_left_out((r.path, f) for r in results for f in r.left_out)
    say_suspects(sum(r.suspected_records for r in results), add_counts(c for r in results for c in r.suspects))
    if dropped:
        say(f"{thousands(dropped)} seed hits were left out by caps on very common text")
