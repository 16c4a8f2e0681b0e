"""What an audit says of demands that something be kept out: counts that rules read, and which demands they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from provenance.audit.exclusion_check import VersionToCheck, check_demands
from provenance.audit.judged import JudgedDataset
from provenance.audit.states import ShardState
from provenance.audit.tools import Tools
from provenance.model.exclusion import Demand, DemandState, Presence
from provenance.model.finding import FindingEvidence
from provenance.policy.facts import FactValue

_NAMED = 8
"""Demands of each state that a finding's evidence names."""
_STATES = {
    ShardState.CHANGED: "is not the file that was registered any more",
    ShardState.MISSING: "is not there any more, or cannot be read",
}


@dataclass(frozen=True, slots=True)
class DemandedDatasets:
    """The datasets of a run with what is known of demands, and these."""

    datasets: tuple[JudgedDataset, ...]
    demands: tuple[Demand, ...]


def look_for_demands(datasets: tuple[JudgedDataset, ...], tools: Tools, *, read: bool) -> DemandedDatasets:
    """Look for every demand that holds in the datasets of a run; where none holds, nothing is looked at.

    Args:
        datasets: The datasets, their shards hashed.
        tools: Opens shards and the registry.
        read: Read the records of shards that have no index yet.
    """
    with tools.units.read() as registry:
        demands = tuple(d.demand for d in registry.demands(open_only=True))
    versions = [
        VersionToCheck(
            version=d.version,
            gone={
                s.checked.shard.path: _STATES.get(s.checked.state, s.checked.state.value)
                for s in d.shards
                if s.checked.state is not ShardState.UNCHANGED
            },
            hashed=True,
        )
        for d in datasets
        if d.version is not None
    ]
    if not demands:
        return DemandedDatasets(datasets, ())
    found: dict[tuple[str, str], list[DemandState]] = {}
    for state in check_demands(demands, list({v.key: v for v in versions}.values()), tools, read=read).states:
        found.setdefault((state.dataset, state.root_digest), []).append(state)
    judged = tuple(d if d.version is None else replace(d, exclusions=tuple(found.get((d.name, d.version.root_digest), ()))) for d in datasets)
    return DemandedDatasets(judged, demands)


def exclusion_values(judged: JudgedDataset) -> dict[str, FactValue]:
    """Return the facts of a dataset: how many demands concern it, are still inside, or are not known."""
    states = [s.state for s in judged.exclusions]
    return {
        "exclusions.open": len(states),
        "exclusions.inside": states.count(Presence.STILL_INSIDE),
        "exclusions.unknown": states.count(Presence.UNKNOWN),
    }


def exclusion_evidence(judged: JudgedDataset, demands: Sequence[Demand]) -> Iterator[FindingEvidence]:
    """Yield which demands are still inside and which are not known, the first of each."""
    by_id = {d.id: d for d in demands}
    for state in (Presence.STILL_INSIDE, Presence.UNKNOWN):
        found = [s for s in judged.exclusions if s.state is state]
        for item in found[:_NAMED]:
            yield FindingEvidence(kind="exclusions", digest=item.demand, summary=_summary(item, by_id[item.demand]))
        if len(found) > _NAMED:
            more = f"and {len(found) - _NAMED} more demands {state.value}: provenance exclude check {judged.name}"
            yield FindingEvidence(kind="exclusions", digest=found[-1].demand, summary=more)


def _summary(state: DemandState, demand: Demand) -> str:
    what = f"{demand.kind} {demand.value} ({demand.basis}, {demand.demanded_by}, received {demand.received})"
    if state.state is Presence.UNKNOWN:
        return f"{what}: not known, {'; '.join(state.reasons[:2])}"
    first = state.places[0]
    where = f"{first.path}{'' if first.record is None else f' record {first.record}'} {first.field}".strip() or first.field
    return f"{what}: still inside, {state.count} places, the first {where}: {first.found}"
