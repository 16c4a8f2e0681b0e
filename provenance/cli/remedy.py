"""``provenance remedy``: mend what an audit found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.ancestry import known_ancestors
from provenance.cli.audits import LATEST, load_audit
from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_audit, next_step, say, say_fitting, say_json, say_problems, visible, write_whole
from provenance.errors import IngestError, InputError, RegistryError
from provenance.model.match import ReadProblem
from provenance.storage.urls import is_url

if TYPE_CHECKING:
    from provenance.audit.remedy import ShardDrop
    from provenance.audit.tools import Tools
    from provenance.bootstrap import Workspace
    from provenance.model.audit import AuditRecord
    from provenance.model.dataset import Dataset, Shard


@click.group()
def remedy() -> None:
    """Mend what an audit found."""


@remedy.command("drop")
@click.argument("audit", default=LATEST)
@click.option("--rule", "rules", multiple=True, help="Only records behind open findings of this rule; may be given again.")
@click.option("--apply", "apply_it", is_flag=True, help="Write the mended shards; without it the plan is only printed.")
@pass_context
def drop(ctx: CommandContext, /, audit: str, rules: tuple[str, ...], apply_it: bool) -> int:
    """Leave out the records whose shared text rules do not allow, and what somebody has demanded to be kept out.

    Originals are kept under .provenance/originals: where the law asks for
    erasure, delete them there yourself once nothing else needs them.
    """
    drops, unmet = _plan(ctx, load_audit(ctx, audit), rules)
    for item in drops:
        what = "the whole" if item.whole else counted(len(item.records), "record")
        say(f"{'dropping' if apply_it else 'would drop'} {what} of {visible(item.path)} ({item.dataset}) for {', '.join(item.rules)}")
    if not apply_it:
        refused = [*_refused(ctx.workspace(), drops), *unmet]
        say_problems(refused, "cannot be mended here")
        chosen = "".join(f" --rule {r}" for r in rules)
        next_step(f"provenance remedy drop{chosen} --apply", quiet=ctx.quiet)
        return 4 if refused else 0
    workspace = ctx.workspace()
    problems = [*_apply(ctx, workspace, drops), *unmet]
    say_problems(problems, "could not be mended")
    next_audit(workspace.run_file, quiet=ctx.quiet)
    return 4 if problems else 0


@remedy.command("plan")
@click.argument("audit", default=LATEST)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File to write; it is printed otherwise.")
@text_or_json
@pass_context
def plan(ctx: CommandContext, /, audit: str, out: Path | None, output: str) -> int:
    """Compute what would clear the run of AUDIT: records to drop, weights to give, datasets to leave out.

    The file is made to be edited and tried: provenance audit --what-if FILE says what the verdict would be.
    """
    from provenance.audit.remedy_plan import propose_plan, write_plan

    record = load_audit(ctx, audit)
    proposed = propose_plan(record)
    if output == "json":
        say_json(proposed)
        return 0
    text = write_plan(proposed, run_file=record.run_file or "run.yaml")
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(ctx.path(out), [text.encode()])
        say(f"wrote {out}")
    next_step(f"provenance audit --what-if {out or 'FILE'}", quiet=ctx.quiet)
    return 0


@remedy.command("notices")
@click.argument("audit", default=LATEST)
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="File to write, such as NOTICES.md; it is printed otherwise."
)
@text_or_json
@pass_context
def notices(ctx: CommandContext, /, audit: str, out: Path | None, output: str) -> int:
    """Write what licences and terms of AUDIT's data ask in return: names, badges, notices, restrictions to pass on, credit."""
    from provenance.report.notices import NoticesReport, count_of

    record = load_audit(ctx, audit)
    if output == "json":
        say_json(record.duties)
        return 0
    raw = NoticesReport(ancestors=known_ancestors(ctx, record)).render(record)
    if out is None:
        click.echo(raw, nl=False)
    else:
        write_whole(ctx.path(out), [raw])
        say(f"wrote {out}: {counted(count_of(record.duties), 'thing')} asked for")
    next_step("have somebody who knows the licences read it; it goes with the model", quiet=ctx.quiet)
    return 0


def _plan(ctx: CommandContext, record: AuditRecord, rules: tuple[str, ...]) -> tuple[tuple[ShardDrop, ...], tuple[ReadProblem, ...]]:
    """Return what is to be left out, for shared text and for demands together, and what cannot be met so."""
    from provenance.audit.browse import iter_findings
    from provenance.audit.remedy import merge_drops, plan_drop, plan_exclusions

    workspace = ctx.workspace()
    matched = plan_drop(record, rules, iter_findings(record, workspace.evidence) if record.match_findings else None)
    demanded, unmet = plan_exclusions(record, rules, workspace.tools(ctx.progress(), ctx.actor, jobs=1))
    return merge_drops((*matched, *demanded)), unmet


def in_store(location: str) -> InputError:
    """Return the error of a shard that lies in a store: nothing is ever written there."""
    return InputError(
        f"{location}: lies in a store, where this command writes nothing",
        hint="copy it below a data root on this machine, register it there, audit again and mend that copy",
    )


def _refused(workspace: Workspace, drops: tuple[ShardDrop, ...]) -> list[ReadProblem]:
    """Return the shards that their format or their store keeps from losing a record."""
    from provenance.ingest.rewrite import check_format

    refused = []
    for item in drops:
        try:
            if not item.whole:
                check_format(item.path)
            _check_local(workspace, item)
        except (InputError, IngestError) as err:
            refused.append(ReadProblem(path=item.path, line=None, record=None, message=f"{err}; {err.hint}"))
    return refused


def _check_local(workspace: Workspace, item: ShardDrop) -> None:
    with workspace.units.read() as registry:
        shards = registry.dataset_version(item.dataset).shards
    for shard in shards:
        location = workspace.listing.locate(shard.path, root=shard.root)
        if shard.path == item.path and is_url(location):
            raise in_store(location)


@dataclass(frozen=True, slots=True)
class _Mended:
    """A shard that was written again."""

    dataset: Dataset
    is_empty: bool


def _apply(ctx: CommandContext, workspace: Workspace, drops: tuple[ShardDrop, ...]) -> list[ReadProblem]:
    """Mend what can be mended and register it. Returns what could not be: one shard that refuses must not leave the others half done."""
    problems: list[ReadProblem] = []
    mended: dict[tuple[str, str], _Mended] = {}
    written: dict[tuple[str, str], _Mended] = {}
    for item in drops:
        try:
            if (item.path, item.sha256) not in written:
                written[item.path, item.sha256] = _mend(workspace, item)
            mended[item.dataset, item.path] = written[item.path, item.sha256]
        except (InputError, RegistryError, IngestError) as err:
            problems.append(ReadProblem(path=item.path, line=None, record=None, message=f"{err}; {err.hint}" if err.hint else str(err)))
    _register_again(workspace.tools(ctx.progress(), ctx.actor), mended, {rule for item in drops for rule in item.rules})
    return problems


def _mend(workspace: Workspace, item: ShardDrop) -> _Mended:
    with workspace.units.read() as registry:
        version = registry.dataset_version(item.dataset)
    shard = next((s for s in version.shards if s.path == item.path and s.sha256 == item.sha256), None)
    if shard is None:
        raise InputError(f"is not a shard of the newest version of {item.dataset}", hint="run the audit again")
    location = workspace.listing.locate(shard.path, root=shard.root)
    if is_url(location):
        raise in_store(location)
    return _mend_file(workspace, item, shard, Path(location), dataset=version.dataset)


def _mend_file(workspace: Workspace, item: ShardDrop, shard: Shard, location: Path, *, dataset: Dataset) -> _Mended:
    from provenance.audit.remedy import apply_drop
    from provenance.ingest.rewrite import Rewriter

    originals = workspace.settings.workspace / ".provenance" / "originals"
    left_out, kept = apply_drop(item, shard, location, originals=originals, rewriter=Rewriter())
    say_fitting(f"  {visible(item.path)}: {counted(left_out, 'record')} left out, original kept in {kept}")
    if item.whole or left_out == shard.records:
        location.unlink(missing_ok=True)
        say(f"  {visible(item.path)}: nothing is left of it, the file is taken out")
    return _Mended(dataset=dataset, is_empty=item.whole or left_out == shard.records)


def _register_again(tools: Tools, mended: Mapping[tuple[str, str], _Mended], rules: Collection[str]) -> None:
    from provenance.audit.remedy import register_again

    def describe(name: str, shard: Shard) -> Shard | None:
        found = mended.get((name, shard.path))
        if found is None:
            return shard
        if found.is_empty:
            return None
        dataset = found.dataset
        return tools.listing.describe(
            shard.path, root=shard.root, text_field=dataset.text_field, tokenizer=dataset.tokenizer, license_field=dataset.details.license_field
        )

    names = {name for name, _ in mended}
    done = register_again(names, tools, describe=describe, rules=rules)
    for version_name in done:
        say(f"registered {version_name}")
    for name in sorted(names - {d.partition("@")[0] for d in done}):
        say(f"nothing is left of {visible(name)}: take it out of the run file")
