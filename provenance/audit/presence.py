"""What is known of demands in one dataset version: what was found, how hard was looked, and why it is not known.

The one rule of this module: NOT_FOUND is said only where everything that could hold what a demand names was looked at. All else that was not found is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provenance.audit.exclude import ALL_BELOW
from provenance.audit.record_index import Indexed, index_key
from provenance.audit.scan import ShardToScan
from provenance.audit.tools import Tools
from provenance.errors import RegistryError
from provenance.fingerprint.addresses import iter_addresses, parents_of
from provenance.fingerprint.names import id_key, person_key, person_keys, title_key
from provenance.fingerprint.wanted import KeyRole, Wanted
from provenance.model.dataset import DatasetVersion, ShardDigests, ShardFormat
from provenance.model.exclusion import Demand, DemandKind, Looked, Place, RecordIndexFacts

PLACES_LISTED = 10
"""Places of a demand in a dataset version that are listed; all are counted."""
_SHARDS_NAMED = 3
"""Shards of which one sentence says why they could not be looked at."""
_TELLS = {
    DemandKind.DOMAIN: ("with_host", "tell by no address where they came from"),
    DemandKind.URL: ("with_page", "tell by no address where they came from"),
    DemandKind.RECORD_ID: ("with_id", "carry no id"),
    DemandKind.AUTHOR: ("with_author", "name no author"),
    DemandKind.DIGEST: ("with_text", "hold token ids in the place of text"),
}
"""What records must tell for an answer, and what is said of those that do not."""


class PlaceTaker(Protocol):
    """Takes where one demand is inside."""

    def add(self, place: Place) -> None:
        """Take a place."""


class PlaceTakers(Protocol):
    """Takers by demand."""

    def __getitem__(self, demand: str, /) -> PlaceTaker:
        """Return the taker of a demand."""


@dataclass(slots=True)
class Held:
    """Where one demand is inside."""

    count: int = 0
    places: list[Place] = field(default_factory=list)
    shards: set[str] = field(default_factory=set)
    """Digests of the shards that hold it; empty where it is the version itself."""
    whole: bool = False
    """What is said of the whole version names it."""
    _last: tuple[str, int | None] | None = None

    def add(self, place: Place) -> None:
        """Take a place; a record counts once, however many of its fields fit."""
        here = (place.shard, place.record)
        if place.record is not None and here == self._last:
            return
        self._last = here
        self.count += 1
        self.whole |= not place.shard
        if place.shard:
            self.shards.add(place.shard)
        if len(self.places) < PLACES_LISTED:
            self.places.append(place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A dataset version and what is at hand of its shards."""

    version: DatasetVersion
    targets: tuple[ShardToScan, ...]
    """Its shards with records of their own."""
    indexed: Mapping[str, Indexed]
    """Index of each shard, by key."""
    scheme: str
    gone: Mapping[str, str]
    """Why the file of a shard is not the registered one any more, by path; not looked at in older versions."""

    def facts(self) -> Iterator[tuple[ShardToScan, RecordIndexFacts]]:
        """Yield the shards that have an index."""
        for target in self.targets:
            found = self.indexed[index_key(target, self.scheme)]
            if found.facts is not None:
                yield target, found.facts

    def trouble(self) -> dict[str, str]:
        """Return why shards could not be looked at, by path."""
        missing = {
            t.shard.path: found.error for t in self.targets if (found := self.indexed.get(index_key(t, self.scheme), Indexed(None))).facts is None
        }
        return {**missing, **self.gone}


def targets_with_records(targets: Iterable[ShardToScan]) -> tuple[ShardToScan, ...]:
    """Return the shards that have records of their own."""
    return tuple(t for t in targets if t.shard.format is not ShardFormat.MEGATRON_INDEX)


def look_for(demands: Iterable[Demand]) -> Wanted:
    """Return what the indexes are asked for some demands."""
    domains, pages, below = _Lists(), _Lists(), _Lists()
    keys: dict[KeyRole, _Lists] = {role: _Lists() for role in KeyRole}
    for d in demands:
        if d.kind is DemandKind.DOMAIN:
            domains.add(d.value, d.id)
        elif d.kind is DemandKind.URL:
            (below if d.value.endswith(ALL_BELOW) else pages).add(d.value.removesuffix(ALL_BELOW), d.id)
        elif d.kind is DemandKind.WORK:
            keys[KeyRole.TITLE].add(title_key(d.value), d.id)
        elif d.kind is DemandKind.AUTHOR:
            keys[KeyRole.AUTHOR].add(person_key(d.value), d.id)
        elif d.kind is DemandKind.RECORD_ID:
            keys[KeyRole.ID].add(id_key(d.value), d.id)
        else:
            keys[KeyRole.DIGEST].add(d.value.removeprefix("sha256:"), d.id)
    exact = {role: lists.tuples() for role, lists in keys.items()}
    return Wanted(domains=domains.tuples(), pages=pages.tuples(), below=below.tuples(), keys=exact)


class _Lists:
    """Names under keys."""

    def __init__(self) -> None:
        self._lists: dict[str, list[str]] = {}

    def add(self, key: str, name: str) -> None:
        self._lists.setdefault(key, []).append(name)

    def tuples(self) -> dict[str, tuple[str, ...]]:
        return {key: tuple(names) for key, names in self._lists.items()}


def find_in_records(inspected: Inspected, wanted: Wanted, tools: Tools, held: PlaceTakers) -> dict[str, str]:
    """Add where records hold what is looked for; return why indexes could not be read, by path.

    Args:
        inspected: The version.
        wanted: What is looked for.
        tools: Keeps the indexes.
        held: Takes the places, by demand.
    """
    lost: dict[str, str] = {}
    for target, facts in inspected.facts() if wanted else ():
        shard = target.shard
        try:
            for hit in tools.evidence.find_records(facts.evidence, wanted):
                place = Place(
                    how="record",
                    path=shard.path,
                    shard=shard.sha256,
                    record=hit.record,
                    line=hit.line,
                    field=hit.field,
                    found=_shown(hit.role, hit.key),
                )
                held[hit.wanter].add(place)
        except RegistryError as err:
            lost[shard.path] = f"its index cannot be read: {err}"
    return lost


def _shown(role: KeyRole, key: str) -> str:
    return f"sha256:{key}" if role is KeyRole.DIGEST else key


def find_in_facts(version: DatasetVersion, demands: Iterable[Demand], held: PlaceTakers) -> None:
    """Add what the registry alone tells: digests of shards and of the version, the address, the title and the makers of the dataset."""
    own = _OwnFacts(version)
    for d in demands:
        place = own.place_of(d)
        if place is not None:
            held[d.id].add(place)


class _OwnFacts:
    """What is registered of a version that may be what a demand names."""

    def __init__(self, version: DatasetVersion) -> None:
        dataset = version.dataset
        self._source, self._title, self._root = dataset.source.url, dataset.title, version.root_digest
        self._addresses = tuple(iter_addresses(self._source))
        self._domains = {parent for a in self._addresses for parent in parents_of(a.host)}
        self._makers = {key for name in dataset.details.creators for key in person_keys(name)}
        self._shards = {s.sha256: s.path for s in version.shards}

    def place_of(self, demand: Demand) -> Place | None:
        """Return where a demand is met by what is registered, ``None`` where it is not."""
        if demand.kind is DemandKind.DIGEST:
            return self._digest(demand.value)
        field_name, said, fits = {
            DemandKind.DOMAIN: ("source.url", self._source, demand.value in self._domains),
            DemandKind.URL: ("source.url", self._source, any(_fits_page(demand.value, a.page, a.key) for a in self._addresses)),
            DemandKind.WORK: ("title", self._title, bool(self._title) and title_key(self._title) == title_key(demand.value)),
            DemandKind.AUTHOR: ("creators", demand.value, person_key(demand.value) in self._makers),
        }.get(demand.kind, ("", "", False))
        return Place(how="metadata", field=field_name, found=said) if fits else None

    def _digest(self, value: str) -> Place | None:
        if value in self._shards:
            return Place(how="shard", path=self._shards[value], shard=value, found=value)
        return Place(how="version", found=value) if value == self._root else None


def _fits_page(wanted: str, page: str, key: str) -> bool:
    base = wanted.removesuffix(ALL_BELOW)
    return wanted in {page, key} or (base != wanted and (page == base or page.startswith(f"{base}/")))


def looked_at(inspected: Inspected, kind: DemandKind, trouble: Mapping[str, str]) -> tuple[Looked, tuple[str, ...]]:
    """Return how hard the records were looked at for demands of a kind, and why that does not suffice for an answer.

    Args:
        inspected: The version.
        kind: What the demands name.
        trouble: Why shards could not be looked at, by path.
    """
    told, lacking = _TELLS[kind]
    facts = [f for t, f in inspected.facts() if t.shard.path not in trouble]
    looked = Looked(
        shards=len(inspected.targets),
        shards_read=len(facts),
        records=sum(f.records for f in facts),
        records_told=sum(getattr(f, told) for f in facts),
        unread=sum(f.unread for f in facts),
    )
    reasons = list(name_shards(trouble))
    if not inspected.targets:
        reasons.append("the version has no shards with records")
    if looked.unread:
        reasons.append(f"{looked.unread:,} parts could not be read")
    silent = looked.records - looked.records_told - looked.unread
    if silent > 0:
        reasons.append(f"{silent:,} of {looked.records:,} records {lacking}")
    if kind is DemandKind.DIGEST and inspected.version.digests is ShardDigests.DECLARED and looked.shards_read < looked.shards:
        reasons.append("the digests of its shards are only declared: nobody has read the bytes")
    return looked, tuple(reasons)


def name_shards(trouble: Mapping[str, str]) -> Iterator[str]:
    """Yield why shards could not be looked at: the first ones by name, and how many more."""
    items: Sequence[tuple[str, str]] = sorted(trouble.items())
    yield from (f"{path}: {why}" for path, why in items[:_SHARDS_NAMED])
    if len(items) > _SHARDS_NAMED:
        yield f"and {len(items) - _SHARDS_NAMED} more shards could not be looked at"
