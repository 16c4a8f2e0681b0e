"""Works and authors: which references a demand names, and whether current scans found their text in a dataset version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from provenance.audit.findings import KeptMatches
from provenance.audit.presence import Inspected, PlaceTakers, name_shards
from provenance.audit.scan import Finders, ShardToScan, frame_of
from provenance.audit.tools import Tools
from provenance.errors import FingerprintError, RegistryError
from provenance.fingerprint.names import person_key, person_keys, title_key
from provenance.model.absence import is_absent
from provenance.model.exclusion import Demand, DemandKind, Looked, Place
from provenance.model.match import ALSO_LISTED, Explanation, Match, ScanResult

MANY_WORDS = 250
"""So many words of one work in explained passages of a version are no mere quotation any more: somebody must look."""
_SCANS_LOOKED_AT = 64
"""Scans of a shard, the last ones, among which one of each reference set is looked for."""
_PIECES = frozenset({Explanation.SHORT_PASSAGE, Explanation.QUOTATION})
Reference = tuple[str, str]
"""(reference set, reference id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDemands:
    """Which references demands name."""

    wanters: Mapping[Reference, tuple[str, ...]] = field(default_factory=dict)
    """Demands, by reference."""
    references: Mapping[str, int] = field(default_factory=dict)
    """How many references each demand names."""
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sets that hold them, by demand."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Of the sets."""
    unread: tuple[str, ...] = ()
    """Sets that could not be read, and why."""


def find_references(demands: Iterable[Demand], tools: Tools) -> WorkDemands:
    """Return which references of all sets at hand the demands on works and authors name. Every reference is looked at once."""
    titles, people = _names(demands)
    if not titles and not people:
        return WorkDemands()
    wanters: dict[Reference, tuple[str, ...]] = {}
    sets: dict[str, dict[str, int]] = {}
    unread: list[str] = []
    digests = tools.references.set_digests()
    for name in digests:
        try:
            for record in tools.references.iter_references(name):
                found = dict.fromkeys(titles.get(f"={record.id}", ()))
                if titles and not is_absent(record.title):
                    found.update(dict.fromkeys(titles.get(title_key(record.title), ())))
                for said in (record.author, record.holder) if people else ():
                    found.update(dict.fromkeys(d for key in person_keys(said) for d in people.get(key, ()) if not is_absent(said)))
                if found:
                    wanters[name, record.id] = tuple(found)
                for demand in found:
                    counts = sets.setdefault(demand, {})
                    counts[name] = counts.get(name, 0) + 1
        except FingerprintError as err:
            unread.append(f"reference set {name} cannot be read: {err}")
    return WorkDemands(
        wanters=wanters,
        references={demand: sum(counts.values()) for demand, counts in sets.items()},
        sets={demand: tuple(sorted(counts)) for demand, counts in sets.items()},
        digests=digests,
        unread=tuple(unread),
    )


def _names(demands: Iterable[Demand]) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return demands by title (an id after ``=``), and by person."""
    titles: dict[str, tuple[str, ...]] = {}
    people: dict[str, tuple[str, ...]] = {}
    for d in demands:
        if d.kind is DemandKind.WORK:
            for key in (f"={d.value}", title_key(d.value)):
                titles[key] = (*titles.get(key, ()), d.id)
        elif d.kind is DemandKind.AUTHOR:
            key = person_key(d.value)
            people[key] = (*people.get(key, ()), d.id)
    return titles, people


@dataclass(slots=True)
class Shared:
    """What current scans say of a version."""

    explained: dict[str, int] = field(default_factory=dict)
    """Passages that are no alarms, by demand."""
    pieces: dict[str, int] = field(default_factory=dict)
    """Their words, of quotations and short passages."""
    stale: dict[str, list[str]] = field(default_factory=dict)
    """Paths of shards without a current scan, by set."""
    crowded: int = 0
    """Passages that more references hold than are listed with them."""
    unread: int = 0
    left_out: set[str] = field(default_factory=set)
    lost: dict[str, str] = field(default_factory=dict)


def find_in_scans(inspected: Inspected, works: WorkDemands, tools: Tools, held: PlaceTakers) -> Shared:
    """Add where text of works stands, by the current scans of a version's shards.

    Args:
        inspected: The version.
        works: Which references are looked for.
        tools: Opens the registry, keeps the matches.
        held: Takes the places, by demand.
    """
    shared = Shared()
    names = sorted({name for sets in works.sets.values() for name in sets})
    if not names:
        return shared
    finders = Finders(tools.references.open_matcher(names[:1]), tools.suspects)
    frames = {t.shard.path: frame_of(t, finders, tools.reader) for t in inspected.targets}
    with tools.units.read() as registry:
        scans = registry.scans_in(set(frames.values()), newest=_SCANS_LOOKED_AT)
    for target in inspected.targets:
        chosen: dict[str, tuple[ScanResult, str, set[str]]] = {}
        for name in names:
            kept = next((s for s in scans.get(frames[target.shard.path], ()) if works.digests[name] in s[0].index_digests), None)
            if kept is None:
                shared.stale.setdefault(name, []).append(target.shard.path)
            else:
                chosen.setdefault(kept[0].id, (*kept, set()))[2].add(name)
        for result, evidence, sets in chosen.values():
            _take_scan(target, result, KeptMatches(tools.evidence, evidence, target.shard.path), sets, works, shared, held)
    return shared


def _take_scan(
    target: ShardToScan,
    result: ScanResult,
    matches: Iterable[Match],
    sets: set[str],
    works: WorkDemands,
    shared: Shared,
    held: PlaceTakers,
) -> None:
    shared.unread += len(result.problems)
    shared.left_out.update(f.field for f in result.left_out)
    try:
        for match in matches if result.matches else ():
            for demand, reference in _named(match, sets, works):
                _take_match(target, match, demand, reference, shared, held)
            shared.crowded += len(match.also) >= ALSO_LISTED
    except RegistryError as err:
        shared.lost[target.shard.path] = f"its matches cannot be read: {err}"


def _named(match: Match, sets: set[str], works: WorkDemands) -> Iterator[tuple[str, str]]:
    """Yield (demand, reference) of a passage, each demand once, by all references that hold it."""
    found: dict[str, str] = {}
    for name, reference in ((match.reference_set, match.reference), *((a.reference_set or match.reference_set, a.reference) for a in match.also)):
        for demand in works.wanters.get((name, reference), ()) if name in sets else ():
            found.setdefault(demand, f"{name}/{reference}")
    yield from found.items()


def _take_match(target: ShardToScan, match: Match, demand: str, reference: str, shared: Shared, held: PlaceTakers) -> None:
    if match.explained:
        shared.explained[demand] = shared.explained.get(demand, 0) + 1
        if match.because in _PIECES:
            shared.pieces[demand] = shared.pieces.get(demand, 0) + match.aligned_words
        return
    place = Place(
        how="match", path=target.shard.path, shard=target.shard.sha256, record=match.record, line=match.line, field=match.field, found=reference
    )
    held[demand].add(place)


def judge_work(demand: Demand, inspected: Inspected, works: WorkDemands, shared: Shared) -> tuple[Looked, tuple[str, ...]]:
    """Return how hard was looked for a work or an author in scans, and why that does not suffice for an answer."""
    sets = works.sets.get(demand.id, ())
    stale = {path for name in sets for path in shared.stale.get(name, ())}
    shards = len(inspected.targets)
    looked = Looked(
        shards=shards,
        shards_read=shards - len(stale) if sets else 0,
        unread=shared.unread,
        references=works.references.get(demand.id, 0),
        sets=sets,
    )
    reasons = [*works.unread, *name_shards(inspected.gone)]
    if not shards:
        reasons.append("the version has no shards with records")
    if not sets:
        reasons.append(f"no reference set holds {'this work' if demand.kind is DemandKind.WORK else 'a work of this name'}")
        return looked, tuple(reasons)
    for name in sets:
        if missing := shared.stale.get(name):
            reasons.append(f"{len(missing)} of {looked.shards} shards have no current scan against {name}")
    return looked, (*reasons, *_doubts(demand, shared))


def _doubts(demand: Demand, shared: Shared) -> Iterator[str]:
    yield from name_shards(shared.lost)
    if shared.unread:
        yield f"{shared.unread:,} parts could not be read"
    if shared.left_out:
        yield f"text of these fields was compared with nothing: {', '.join(sorted(shared.left_out)[:3])}"
    if shared.crowded:
        yield f"{shared.crowded:,} passages are in more references than are listed with them"
    if shared.pieces.get(demand.id, 0) >= MANY_WORDS:
        yield f"quoted and short passages together give away {shared.pieces[demand.id]:,} words of it"
