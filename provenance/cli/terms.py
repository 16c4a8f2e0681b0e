"""``provenance terms``: look up providers' terms, keep entries of one's own, and ask what they say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from provenance.cli.context import CommandContext
from provenance.cli.options import pass_context, text_or_json
from provenance.cli.output import counted, next_step, say, say_fitting, say_json, say_table, visible
from provenance.cli.terms_compare import check_command, diff_command
from provenance.cli.terms_explain import explain
from provenance.cli.terms_impact import impact_command
from provenance.cli.terms_page import show
from provenance.errors import InputError
from provenance.model.absence import Absence

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.licensing.terms import TermsVersion

_MARKS = {"in force": "●", "perhaps": "?", "not in force": ""}
_FAR = dt.date.max


@click.group()
def terms() -> None:
    """Look up providers' terms."""


for _command in (show, diff_command, check_command, impact_command, explain):
    terms.add_command(_command)


def _scope_options(function: click.decorators.FC) -> click.decorators.FC:
    for option in (
        click.option("--region", default=None, help="Only what may bind an account of this region, such as DE."),
        click.option("--channel", default=None, help="Only this channel: api, consumer, weights, cloud, host, aggregator, site, code-assistant."),
        click.option("--provider", default=None, help="Only this provider."),
    ):
        function = option(function)
    return function


@terms.command("list")
@_scope_options
@click.option("--kind", default=None, help="Only this kind, such as model-licence.")
@click.option("--confidence", type=click.Choice(["seen", "secondary", "unverified"]), default=None, help="Only what was read so well.")
@text_or_json
@pass_context
def list_terms(ctx: CommandContext, /, output: str, kind: str | None, confidence: str | None, **scope: str | None) -> int:
    """List the dated versions in the catalogue; what is in force today is marked.

    A ? marks what may be in force: its dates are not known to the day.
    """
    from provenance.bootstrap import any_workspace
    from provenance.licensing.terms_chains import state_on

    workspace = any_workspace(ctx.start)
    today = dt.date.fromisoformat(workspace.clock.now()[:10])
    found = [e for e in _scoped(workspace, **scope) if kind in {None, e.kind} and confidence in {None, e.confidence}]
    own = _own_ids(workspace)
    if output == "json":
        say_json([{**_fields(e), "today": state_on(e, today), "own": own.get(e.id, "")} for e in found])
        return 0
    rows = [(f"{_MARKS[state_on(e, today)]:1} {e.id}{own.get(e.id, '') and ' *'}", *_row(e)) for e in found]
    say_table(("  id", "from", "to", "channel", "region", "training"), rows, spare=("region", "channel"))
    said = [f"{counted(len(found), 'version')}, ● in force on {today}, ? perhaps"]
    if own:
        said.append(f"* {counted(len(own), 'text')} of your own, {sum(v == 'override' for v in own.values())} in the place of shipped ones")
    say_fitting("; ".join(said), err=True)
    say_fitting(f"catalogue {workspace.terms.version} {workspace.terms.digest}", err=True)
    next_step("provenance terms show ID", quiet=ctx.quiet)
    return 0


@terms.command("on")
@click.argument("date")
@_scope_options
@click.option("--model", default=None, help="Only what may govern this model.")
@text_or_json
@pass_context
def on(ctx: CommandContext, /, date: str, output: str, model: str | None, **scope: str | None) -> int:
    """Say which texts were in force on DATE (YYYY-MM-DD), and of which that is not known."""
    from provenance.bootstrap import any_workspace
    from provenance.licensing.terms_chains import InForce, governs_model, state_on

    day = _day(date)
    workspace = any_workspace(ctx.start)
    found = [e for e in _scoped(workspace, **scope) if model is None or governs_model(e, model)]
    rows = [(e, state) for e in found if (state := state_on(e, day)) is not InForce.NO]
    if output == "json":
        say_json([{**_fields(e), "state": state, "edge": _edge(e, day)} for e, state in rows])
        return 0
    if rows:
        say_table(
            ("  id", "from", "to", "channel", "region", "training"),
            [(f"{_MARKS[s]:1} {e.id}", *_row(e)) for e, s in rows],
            spare=("region", "channel"),
        )
    else:
        say(f"no catalogued text is known to have been in force on {day}: what was made that day is UNKNOWN")
    for e, state in rows:
        if state is InForce.PERHAPS:
            say_fitting(f"  ? {e.id}: {_edge(e, day)}")
    sure = sum(s is InForce.YES for _, s in rows)
    say_fitting(f"{counted(sure, 'text')} in force on {day}, {len(rows) - sure} perhaps", err=True)
    next_step(f"provenance terms explain --provider {visible(scope['provider'] or 'PROVIDER')} --generated {day}", quiet=ctx.quiet)
    return 0


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as err:
        raise InputError(f"{text[:40]!r} is no day", hint="write YYYY-MM-DD, such as 2024-02-27") from err


def _scoped(workspace: Workspace, *, provider: str | None = None, channel: str | None = None, region: str | None = None) -> Sequence[TermsVersion]:
    from provenance.documents import nearest
    from provenance.licensing.questions import known_channel, known_region
    from provenance.licensing.terms import channel_matches, normalize_provider, region_matches

    catalog = workspace.terms
    name = None if provider is None else normalize_provider(provider)
    if name is not None and name not in catalog.providers():
        raise InputError(f"no terms of {name!r} are catalogued", hint=nearest(name, catalog.providers()))
    if channel is not None:
        channel = known_channel(channel)
    if region is not None:
        region = known_region(region)
    return [
        e
        for e in catalog.entries
        if name in {None, e.provider}
        and (channel is None or channel_matches(e.channels, channel))
        and (region is None or region_matches(e.regions, region))
    ]


def _own_ids(workspace: Workspace) -> dict[str, str]:
    """Return the ids of entries that the workspace brings along: ``own``, or ``override`` of a shipped one."""
    from provenance.licensing.catalog_entries import read_entries

    if not workspace.settings.terms:
        return {}
    entries = read_entries((workspace.shipped_terms, *workspace.settings.terms), shipped=workspace.shipped_terms)
    shipped = {e.id for e in entries if e.is_shipped}
    return {e.id: "override" if e.id in shipped else "own" for e in entries if not e.is_shipped}


def _edge(entry: TermsVersion, day: dt.date) -> str:
    """Return what is not known of a text's start or end around a day."""
    reasons = []
    if not entry.starts_possibly <= day or day < entry.starts_surely:
        reasons.append(
            f"began {'on a day that is not known' if entry.starts_surely == _FAR else f'by {entry.starts_surely}'} (from {entry.effective_from})"
        )
    if day >= entry.ends_surely:
        reasons.append(f"ended by {entry.ends_possibly} (to {entry.effective_to})")
    return "; ".join(reasons)


def _row(entry: TermsVersion) -> tuple[str, ...]:
    clause = entry.clause("train_any_model")
    return (entry.effective_from, _open(entry.effective_to), "+".join(entry.channels), "+".join(entry.regions), clause.value if clause else "silent")


def _open(end: str) -> str:
    return "open" if end == Absence.UNKNOWN.value else end


def _fields(entry: TermsVersion) -> dict[str, object]:
    names: Iterable[str] = ("id", "provider", "kind", "title", "confidence", "effective_from", "effective_to", "channels", "regions", "models")
    clause = entry.clause("train_any_model")
    return {**{name: getattr(entry, name) for name in names}, "train_any_model": clause.value if clause else "silent"}
