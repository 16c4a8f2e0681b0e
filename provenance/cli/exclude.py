"""``provenance exclude``: record what must not be trained on, and prove where it still is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.exclude_print import runs_with, say_demand, say_report, say_runs_with, say_touched, touched_by, value_of
from provenance.cli.options import jobs_option, pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_json, say_problems, say_table, short, visible, write_whole
from provenance.errors import InputError
from provenance.model.exclusion import DemandBasis, DemandKind, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from provenance.audit.exclude import DemandFields, Recorded
    from provenance.audit.exclusion_check import VersionToCheck
    from provenance.audit.tools import Tools
    from provenance.bootstrap import Workspace
    from provenance.model.exclusion import Demand, ExclusionReport, Place

LISTED = 200
CHECK_SUFFIX = ".exclusions.json"
_KINDS = tuple(k.value for k in DemandKind)


@click.group()
def exclude() -> None:
    """Record what must go, and prove where it still is."""


@exclude.command("add")
@click.option("--domain", default=None, help="Domain, with all names below it: example.com.")
@click.option("--url", default=None, help="Page, or with /* at its end all pages below it.")
@click.option("--work", default=None, help="Work, by title or by the id of a reference.")
@click.option("--author", default=None, help="Author or holder of rights.")
@click.option("--record-id", default=None, help="Record, by the id that it carries.")
@click.option("--digest", default=None, help="SHA-256 of a text, a shard or a dataset version.")
@click.option("--dataset", default="", help="Of a record id: only this dataset.")
@click.option("--by", "demanded_by", default="", help="Who demands it.")
@click.option("--basis", default="", metavar="WORD", help=f"Why: {', '.join(DemandBasis)}.")
@click.option("--received", default="", metavar="DAY", help="When it was received, such as 2026-11-30; by default today.")
@click.option("--ticket", default="", help="Where it is handled.")
@click.option("--evidence", default=None, type=click.Path(path_type=Path, dir_okay=False), help="File of what was received; its digest is recorded.")
@click.option("--evidence-url", default="", help="Where that can be read.")
@click.option("--evidence-sha256", default="", help="Its digest, where the file is not at hand.")
@click.option("--comment", default="", help="Anything else.")
@click.option("--from", "source", default=None, type=click.Path(path_type=Path, dir_okay=False), help="Many demands: a CSV or JSON Lines file.")
@text_or_json
@pass_context
def add(ctx: CommandContext, /, source: Path | None, output: str, **given: object) -> int:
    """Record a demand that something be kept out.

    The same demand again changes nothing. Rows of a file may leave out what the
    options say.
    """
    from provenance.audit.exclude import record_demand, record_demands
    from provenance.audit.exclude_files import iter_demands

    workspace = ctx.workspace()
    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=1)
    fields = _fields(ctx, given, needs_value=source is None)
    rows = None if source is None else iter_demands(ctx.path(source), fields)
    done = record_demand(fields, tools) if rows is None else record_demands(rows, tools, where=str(source))
    if output == "json":
        say_json(done)
    else:
        _say_recorded(done)
    say_problems(done.problems, "demands were not recorded")
    _say_unregistered(workspace, {d.dataset for d in (*done.new, *done.known) if d.dataset})
    if done.new:
        say_touched(touched_by(workspace, {d.id for d in done.new}))
    next_step("provenance exclude check", quiet=ctx.quiet)
    return 4 if done.problems else 0


def _fields(ctx: CommandContext, given: dict[str, object], *, needs_value: bool) -> DemandFields:
    from provenance.audit.exclude import DemandFields
    from provenance.fingerprint.digest import hash_file

    named = {kind: str(value) for kind in _KINDS if (value := given[kind.replace("-", "_")]) is not None}
    if len(named) != needs_value:
        wanted = "name one of" if needs_value else "a file names what must go itself: leave out"
        raise click.UsageError(f"{wanted} {', '.join(f'--{kind}' for kind in _KINDS)}")
    kind, value = next(iter(named.items()), ("", ""))
    evidence, digest = given["evidence"], str(given["evidence_sha256"])
    if isinstance(evidence, Path):
        try:
            found = hash_file(ctx.path(evidence))[0]
        except OSError as err:
            raise InputError(f"{evidence}: cannot be read: {err.strerror or err}") from err
        if digest and digest.lower().removeprefix("sha256:") != found.removeprefix("sha256:"):
            raise InputError(f"{evidence} is not the file that --evidence-sha256 states: {found}", hint="leave one of the two out")
        digest = found
    names = ("demanded_by", "basis", "received", "dataset", "ticket", "evidence_url", "comment")
    return DemandFields(kind=kind, value=value, evidence_sha256=digest, **{name: str(given[name]) for name in names})


def _say_unregistered(workspace: Workspace, names: set[str]) -> None:
    """Say which datasets that demands are limited to are not registered: a slip of the pen would concern nothing."""
    from provenance.documents import nearest

    if not names:
        return
    with workspace.units.read() as registry:
        known = [v.dataset.name for v in registry.datasets()]
    for name in sorted(names - set(known)):
        hint = nearest(name, known)
        near = f"; {hint}" if hint.startswith("did you mean") else ""
        say(f"! dataset {visible(name)!r} is not registered, so a demand on it alone concerns nothing yet{near}", err=True)


def _say_recorded(done: Recorded) -> None:
    for demand in done.new[:LISTED]:
        say(f"✓ {short(demand.id)}  {demand.kind} {visible(value_of(demand))} · {demand.basis}, {visible(demand.demanded_by)}, {demand.received}")
    for demand in done.known[:LISTED]:
        say(f"  {short(demand.id)}  {demand.kind} {visible(demand.value)}: holds already, nothing changed")
    if len(done.new) + len(done.known) != 1:
        say(f"{counted(len(done.new), 'demand')} recorded, {len(done.known)} held already")


@exclude.command("list")
@click.option("--all", "every", is_flag=True, help="Withdrawn ones too.")
@click.option("--kind", type=click.Choice(_KINDS), default=None, help="Only of one kind.")
@click.option("--limit", type=click.IntRange(min=1), default=LISTED, show_default=True, help="Demands printed; JSON holds all.")
@text_or_json
@pass_context
def list_demands(ctx: CommandContext, /, every: bool, kind: str | None, limit: int, output: str) -> int:
    """List the demands that hold, in the order they were recorded."""
    with ctx.workspace().units.read() as registry:
        found = [d for d in registry.demands(open_only=not every) if kind in (None, d.demand.kind.value)]
    if output == "json":
        say_json(found)
        return 0
    if not found:
        say("no demand holds" if not every else "no demand is recorded")
        next_step("provenance exclude add --domain example.com --by NAME --basis opt-out", quiet=ctx.quiet)
        return 0
    rows = [
        (short(d.demand.id), d.demand.kind, value_of(d.demand), d.demand.basis, d.demand.received, d.demand.demanded_by)
        + (("holds" if d.is_open else "withdrawn",) if every else ())
        for d in found[:limit]
    ]
    say_table(("demand", "kind", "value", "basis", "received", "by", *(("state",) if every else ())), rows)
    if len(found) > limit:
        say(f"… and {len(found) - limit} more: --limit, or -f json for all")
    return 0


@exclude.command("show")
@click.argument("demand")
@text_or_json
@pass_context
def show(ctx: CommandContext, /, demand: str, output: str) -> int:
    """Show one demand: the first digits of its id."""
    from provenance.audit.exclude import find_demand

    with ctx.workspace().units.read() as registry:
        found = find_demand(registry.demands(), demand)
    if output == "json":
        say_json(found)
    else:
        say_demand(found)
    return 0


@exclude.command("withdraw")
@click.argument("demand")
@click.option("--reason", required=True, help="Why it no longer holds.")
@pass_context
def withdraw(ctx: CommandContext, /, demand: str, reason: str) -> int:
    """Record that a demand no longer holds. Nothing is deleted: both stay in the log."""
    from provenance.audit.exclude import withdraw as record_withdrawal

    found = record_withdrawal(demand, reason, ctx.workspace().tools(ctx.progress(), ctx.actor, jobs=1)).demand
    say(f"✓ {short(found.id)}  {found.kind} {visible(found.value)} no longer holds")
    next_step("provenance audit", quiet=ctx.quiet)
    return 0


@exclude.command("check")
@click.argument("datasets", nargs=-1)
@click.option("--all-versions", is_flag=True, help="Older versions too, by what was read of them.")
@click.option("--demand", "demands", multiple=True, help="Only this demand; may be given again.")
@click.option("--no-read", is_flag=True, help="Read no shards: what was not read before is not known.")
@click.option(
    "-o", "--output", "target", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write every place to a file, as JSON Lines."
)
@jobs_option
@text_or_json
@pass_context
def check(
    ctx: CommandContext,
    /,
    datasets: tuple[str, ...],
    demands: tuple[str, ...],
    all_versions: bool,
    no_read: bool,
    target: Path | None,
    jobs: int | None,
    output: str,
) -> int:
    """Prove for each dataset version whether demands are still inside.

    DATASETS are all registered ones where none is named: NAME, NAME@DIGITS for
    a version. Exit 11: still inside; 10: not known; 0: found nowhere.
    """
    from provenance.audit.exclusion_check import check_demands

    workspace = ctx.workspace()
    tools = workspace.tools(ctx.progress(), ctx.actor, jobs=jobs)
    wanted = _open_demands(workspace, demands)
    if not wanted and output == "text":
        say("no demand holds: there is nothing to look for")
        return 0
    versions = _versions(workspace, datasets, all_versions=all_versions)
    report = check_demands(wanted, versions, tools, read=not no_read)
    _keep(workspace, tools, report)
    if target is not None:
        write_whole(ctx.path(target), _places(wanted, versions, tools))
        say(f"wrote {visible(str(target))}", err=True)
    if output == "json":
        say_json(report)
    else:
        say_report(report)
    states = {s.state for s in report.states}
    if Presence.STILL_INSIDE in states:
        say_touched(touched_by(workspace, {s.demand for s in report.states if s.state is Presence.STILL_INSIDE}))
        say_runs_with(runs_with(workspace, report))
        next_step("provenance audit, then provenance remedy drop --rule X001 --apply", quiet=ctx.quiet)
        return 11
    return 10 if Presence.UNKNOWN in states else 0


def _open_demands(workspace: Workspace, names: tuple[str, ...]) -> tuple[Demand, ...]:
    from provenance.audit.exclude import find_demand

    with workspace.units.read() as registry:
        held = registry.demands(open_only=True)
    return tuple(d.demand for d in held) if not names else tuple(dict.fromkeys(find_demand(held, name).demand for name in names))


def _versions(workspace: Workspace, names: Sequence[str], *, all_versions: bool) -> list[VersionToCheck]:
    """Return what is to be looked at: each dataset's newest version, then older ones from the newest on."""
    from provenance.audit.exclusion_check import VersionToCheck

    with workspace.units.read() as registry:
        chosen = [registry.recording(registry.find_recording(n)) for n in names] or registry.datasets()
        if not chosen:
            raise InputError("no datasets are registered", hint="run: provenance register --manifest datasets.yaml")
        wanted: dict[tuple[str, str], bool] = {}
        for version in chosen:
            recorded = [v.root_digest for v in registry.versions(version.dataset.name)]
            for root in dict.fromkeys((version.root_digest, *reversed(recorded if all_versions else ()))):
                wanted[version.dataset.name, root] = root == recorded[-1]
        return [VersionToCheck(version=registry.dataset_version(name, root), on_disk=newest) for (name, root), newest in wanted.items()]


def _keep(workspace: Workspace, tools: Tools, report: ExclusionReport) -> None:
    """Keep what a check found, named by digest in the log."""
    from collections import Counter

    from provenance.canonical import canonical_bytes
    from provenance.model.wire import to_wire

    digest = workspace.evidence.put_bytes(canonical_bytes(to_wire(report)), suffix=CHECK_SUFFIX)
    counts = Counter(s.state.value for s in report.states)
    with tools.units.begin(actor=tools.actor, action="exclude check", reason=f"{len(report.demands)} demands") as registry:
        registry.note("checks", digest=digest, **{state.value.lower(): str(counts[state.value]) for state in Presence})


def _places(demands: Sequence[Demand], versions: Sequence[VersionToCheck], tools: Tools) -> Iterator[bytes]:
    """Yield a line of JSON for every place, version by version."""
    from provenance.audit.exclusion_check import Checker
    from provenance.canonical import canonical_bytes
    from provenance.model.wire import to_wire

    checker = Checker(demands, tools, read=False)
    for item in versions:
        lines: list[bytes] = []
        name, root = item.key

        def take(demand: str, place: Place, lines: list[bytes] = lines, name: str = name, root: str = root) -> None:
            lines.append(canonical_bytes({"demand": demand, "dataset": name, "root_digest": root, **to_wire(place)}) + b"\n")

        checker.each_place(item, take)
        yield from lines
