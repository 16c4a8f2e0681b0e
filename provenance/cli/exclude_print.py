"""How demands and what is known of them are printed, in 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.cli.output import counted, say, short, thousands, visible
from provenance.model.absence import TriState
from provenance.model.exclusion import Demand, DemandKind, DemandState, ExclusionReport, Looked, Place, Presence, RecordedDemand

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.model.training import RecordedRun

_WIDTH = 80
_STATES_SHOWN = 100
_PLACES_SHOWN = 3
_REASONS_SHOWN = 3
_TOUCHED_SHOWN = 5
_ORDER = (Presence.STILL_INSIDE, Presence.UNKNOWN, Presence.NOT_FOUND)
_TELL = {
    DemandKind.DOMAIN: "name where they came from",
    DemandKind.URL: "name where they came from",
    DemandKind.RECORD_ID: "carry an id",
    DemandKind.AUTHOR: "name an author",
    DemandKind.DIGEST: "were digested",
}
_SYMBOLS = {Presence.STILL_INSIDE: ("✗", "red"), Presence.UNKNOWN: ("?", "yellow"), Presence.NOT_FOUND: ("✓", "green")}


def say_demand(found: RecordedDemand) -> None:
    """Print one demand with all that is known of it."""
    d = found.demand
    say(f"{d.kind} {visible(d.value)}", bold=True)
    facts = [
        ("demand", d.id),
        ("written as", d.given),
        ("dataset", d.dataset or "every one"),
        ("demanded by", d.demanded_by),
        ("received", d.received),
    ]
    facts += [("basis", d.basis.value), ("ticket", d.ticket or "none"), ("evidence", d.evidence_url), ("its digest", d.evidence_sha256)]
    facts += [("comment", d.comment or "none"), ("recorded", f"{d.at} by {d.actor}")]
    gone = found.withdrawal
    facts.append(("state", "holds" if gone is None else f"withdrawn {gone.at} by {gone.actor}: {gone.reason}"))
    for label, value in facts:
        _wrap(f"  {label:<13}", value, " " * 15)


def say_report(report: ExclusionReport) -> None:
    """Print what a check found: what is inside first, then what is not known, then how hard was looked for the rest."""
    demands = {d.id: d for d in report.demands}
    states = sorted(report.states, key=lambda s: _ORDER.index(s.state))
    for state in states[:_STATES_SHOWN]:
        _say_state(state, demands[state.demand])
    if len(states) > _STATES_SHOWN:
        say(f"… and {len(states) - _STATES_SHOWN} more: -f json has all")
    counts = {kind: sum(s.state is kind for s in states) for kind in _ORDER}
    say(
        f"{counted(len(report.demands), 'demand')}: still inside {counts[Presence.STILL_INSIDE]}, not known {counts[Presence.UNKNOWN]}, "
        f"not found {counts[Presence.NOT_FOUND]}, counted by dataset version",
        bold=True,
    )


def _say_state(state: DemandState, demand: Demand) -> None:
    symbol, color = _SYMBOLS[state.state]
    head = f"{state.state.value}  {short(demand.id)} {demand.kind} {value_of(demand)} in {state.dataset}@{short(state.root_digest)}"
    _wrap(f" {symbol} ", head, "   ", color=color)
    if state.state is Presence.STILL_INSIDE:
        _wrap("     ", f"{demand.basis}, {demand.demanded_by}, received {demand.received}: {thousands(state.count)} {_counted(state)}", "     ")
        for place in state.places[:_PLACES_SHOWN]:
            _wrap("     ", _place(place), "       ")
        if state.count > len(state.places[:_PLACES_SHOWN]):
            say(f"     … {thousands(state.count - len(state.places[:_PLACES_SHOWN]))} more: -o FILE writes all")
    for reason in state.reasons[:_REASONS_SHOWN]:
        _wrap("     ", reason, "       ")
    if len(state.reasons) > _REASONS_SHOWN:
        say(f"     … and {len(state.reasons) - _REASONS_SHOWN} more reasons")
    if state.state is Presence.NOT_FOUND:
        _wrap("     ", _looked(state.looked, demand), "       ")
    if state.explained:
        _wrap(
            "     ",
            f"{counted(state.explained, 'passage')} shared with it that {'is' if state.explained == 1 else 'are'} explained, no alarm",
            "       ",
        )
    for note in state.notes:
        _wrap("     ", note, "       ")


def value_of(demand: Demand) -> str:
    """Return what a demand names as it is printed: of a digest, its first digits."""
    return f"sha256:{short(demand.value)}…" if demand.kind is DemandKind.DIGEST else demand.value


def _counted(state: DemandState) -> str:
    how = {p.how for p in state.places}
    word = "record" if how == {"record"} else "passage" if how == {"match"} else "shard" if how == {"shard"} else "place"
    return word if state.count == 1 else f"{word}s"


def _place(place: Place) -> str:
    if place.how in {"metadata", "version"}:
        return f"the dataset itself: {place.field or 'its digest'} {place.found}"
    where = place.path if place.record is None else f"{place.path} record {place.record}"
    line = f", line {place.line}" if place.line else ""
    field = f", {place.field}" if place.field else ""
    found = f"sha256:{short(place.found)}…" if place.found.startswith("sha256:") else place.found
    return f"{where}{line}{field}: {'shares text with ' if place.how == 'match' else ''}{found}"


def _looked(looked: Looked, demand: Demand) -> str:
    read = f"{looked.shards_read} of {counted(looked.shards, 'shard')} looked at"
    scans = f"{read} by scans against {', '.join(looked.sets)}, {counted(looked.references, 'reference')} of it"
    if demand.kind is DemandKind.WORK:
        return scans
    told = f"{thousands(looked.records_told)} of {counted(looked.records, 'record')} {_TELL[demand.kind]}"
    return f"{scans if looked.sets else read}, {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """An audit or a clearance that did not know a demand."""

    what: str
    model: str
    when: str
    state: str


def touched_by(workspace: Workspace, demands: set[str]) -> list[Touched]:
    """Return the last audit of each model, and the clearances still running, that were made before one of some demands was recorded."""
    from provenance.audit.break_glass import ACTION

    now = workspace.clock.now()
    with workspace.units.read() as registry:
        since = max((d.demand.at for d in registry.demands() if d.demand.id in demands), default="")
        audits = registry.audits()
        cleared = [entry for action in ("clear", ACTION) for entry in registry.last_log_entries(1_000, action=action)]
    newest = {row[2]: row for row in reversed(audits)}
    models = {row[0]: row[2] for row in audits}
    found = [Touched(what="audit", model=model, when=row[1], state=row[3]) for model, row in sorted(newest.items()) if row[1] <= since]
    for entry in cleared:
        for item in entry.details.get("clearances", ()):
            if entry.at <= since and str(item.get("expires", "")) > now:
                model = models.get(str(item.get("audit", "")), "UNKNOWN")
                found.append(Touched(what="clearance", model=model, when=entry.at, state=f"holds until {item.get('expires')}"))
    return found


def say_touched(found: Iterable[Touched]) -> None:
    """Print which audits and clearances did not know a demand, on stderr."""
    items = list(found)
    for line in _touched_lines(items[:_TOUCHED_SHOWN]):
        say(line, err=True)
    if len(items) > _TOUCHED_SHOWN:
        say(f"  … and {len(items) - _TOUCHED_SHOWN} more", err=True)
    if items:
        say("run provenance audit again; a clearance that holds is replaced or revoked by hand", err=True)


def runs_with(workspace: Workspace, report: ExclusionReport) -> tuple[RecordedRun, ...]:
    """Return the runs that read, or may have read, a dataset version in which a demand is still inside."""
    held = {(s.dataset, s.root_digest) for s in report.states if s.state is Presence.STILL_INSIDE}
    with workspace.units.read() as registry:
        runs = registry.training_runs()
    return tuple(
        run for run in runs if any((r.dataset, r.root_digest) in held and (r.first_read or run.unseen is not TriState.NO) for r in run.reads)
    )


def say_runs_with(found: tuple[RecordedRun, ...]) -> None:
    """Print which runs read what must go, on stderr."""
    if not found:
        say("runs that read it: none known by the run records at hand", err=True)
    for run in found[:_TOUCHED_SHOWN]:
        signed = f"signed by {visible(run.signed_by)}" if run.is_signed else "UNSIGNED"
        say(f"  ! run {run.id[:12]} of {visible(run.model)}, {run.began[:10]}, had it to read: {signed}", err=True)
    if len(found) > _TOUCHED_SHOWN:
        say(f"  … and {len(found) - _TOUCHED_SHOWN} more: provenance runs list", err=True)


def _touched_lines(items: Iterable[Touched]) -> Iterator[str]:
    for item in items:
        yield f"  ! {item.what} of {visible(item.model)}, {item.when}, {item.state}: made before the demand was known"


def _wrap(lead: str, text: str, indent: str, *, color: str | None = None) -> None:
    for line in textwrap.wrap(visible(text), _WIDTH, initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False)[:6]:
        say(line, color=color)
        color = None
