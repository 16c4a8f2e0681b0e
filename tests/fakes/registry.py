"""A registry in memory that satisfies the port: the contract suite runs over it and over the real ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from provenance.canonical import digest_of
from provenance.errors import ConflictError, ManifestError, NotRegisteredError, RegistryError
from provenance.fingerprint.digest import EMPTY_ROOT, ShardLeaf, merkle_root
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Dataset, DatasetVersion, Shard
from provenance.model.exclusion import Demand, RecordedDemand, RecordIndexFacts, Withdrawal
from provenance.model.lineage import Derivation
from provenance.model.match import ScanResult
from provenance.model.training import RecordedRun
from provenance.model.waiving import RecordedWaiver, Review
from provenance.model.wire import to_wire
from provenance.ports import Clock, StreamSummary
from tests.fakes.clock import FixedClock

EMPTY_HEAD = "sha256:" + "0" * 64


def _root(shards: Sequence[Shard]) -> str:
    return merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards) if shards else EMPTY_ROOT


@dataclass
class _State:
    versions: list[DatasetVersion] = field(default_factory=list)
    scans: dict[str, tuple[ScanResult, str]] = field(default_factory=dict)
    audits: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    derivations: list[Derivation] = field(default_factory=list)
    demands: list[RecordedDemand] = field(default_factory=list)
    indexes: list[RecordIndexFacts] = field(default_factory=list)
    waivers: list[RecordedWaiver] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    runs: list[RecordedRun] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)


class InMemoryRegistry:
    """Keeps values in lists; the rules are those of the port."""

    def __init__(self, state: _State, *, writable: bool) -> None:
        self._state = state
        self._writable = writable
        self.changed: list[object] = []

    def add_version(self, version: DatasetVersion) -> None:
        self._must_write()
        if not version.dataset.name or len({(s.root, s.path) for s in version.shards}) != len(version.shards):
            raise ManifestError("no name, or a shard listed twice")
        root = _root(version.shards)
        if root != version.root_digest:
            raise ManifestError("the root digest is not that of the shards")
        newest = self._newest().get(version.dataset.name)
        if newest is not None and replace(newest, created="") == replace(version, created=""):
            return
        self._state.versions.append(version)
        self.changed.append(to_wire(version))

    def add_stream(self, version: DatasetVersion, shards: Callable[[], Iterable[Shard]]) -> StreamSummary:
        found = tuple(shards())
        places = [(s.path, s.root) for s in found]
        if places != sorted(set(places)):
            raise ManifestError("not in order, or listed twice")
        self.add_version(replace(version, shards=found, root_digest=_root(found)))
        facts = digest_of({"dataset": to_wire(version.dataset), "shards": to_wire(found)})
        return StreamSummary(root_digest=_root(found), facts_digest=facts, shards=len(found), size_bytes=sum(s.size_bytes for s in found))

    def change_facts(self, dataset: Dataset, *, created: str) -> None:
        self.add_version(replace(self.dataset_version(dataset.name), dataset=dataset, created=created))

    def newest(self, name: str) -> DatasetVersion | None:
        found = self._newest().get(name)
        return None if found is None else replace(found, shards=())

    def iter_shards(self, name: str) -> Iterator[Shard]:
        yield from self.dataset_version(name).shards

    def datasets(self) -> Sequence[DatasetVersion]:
        return [replace(v, shards=()) for _, v in sorted(self._newest().items())]

    def registered_paths(self, paths: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        return {(s.root, s.path) for v in self._newest().values() for s in v.shards} & set(paths)

    def add_derivation(self, derivation: Derivation) -> None:
        self._must_write()
        if replace(derivation, at="", actor="") in {replace(d, at="", actor="") for d in self._state.derivations}:
            return
        self._state.derivations.append(derivation)
        self.changed.append(to_wire(derivation))

    def derivations_of(self, names: Collection[str]) -> Sequence[Derivation]:
        return [d for d in self._state.derivations if d.output in names]

    def derivations_from(self, names: Collection[str]) -> Sequence[Derivation]:
        return [d for d in self._state.derivations if {i.dataset for i in d.inputs} & set(names)]

    def declared_children(self, name: str) -> Sequence[str]:
        return [n for n, v in sorted(self._newest().items()) if name in {parent.partition("@")[0] for parent in v.dataset.derived_from}]

    def twins(self, name: str, root_digest: str | None = None) -> Sequence[tuple[str, str]]:
        held = {s.sha256 for s in self._find(name, root_digest) if s.size_bytes}
        last = {v.dataset.name: v.root_digest for v in self._state.versions if held & {s.sha256 for s in v.shards}}
        return sorted((n, root) for n, root in last.items() if n != name)

    def record_licenses(self, name: str, root_digest: str | None = None, *, shards: Collection[str] = ()) -> Sequence[str]:
        chosen = [s for s in self._find(name, root_digest) if not shards or s.sha256 in shards]
        return sorted({part.value for s in chosen for part in s.licenses if part.records})

    def _find(self, name: str, root_digest: str | None) -> tuple[Shard, ...]:
        found = [v for v in self._state.versions if v.dataset.name == name and root_digest in {None, v.root_digest}]
        return found[-1].shards if found else ()

    def holders(self, digests: Collection[str]) -> dict[str, tuple[tuple[str, str], ...]]:
        found: dict[str, dict[str, str]] = {}
        for version in self._state.versions:
            for digest in {s.sha256 for s in version.shards} & set(digests):
                found.setdefault(digest, {})[version.dataset.name] = version.root_digest
        return {digest: tuple(sorted(last.items())) for digest, last in found.items()}

    def shared_shards(self, name: str, one: str, other: str) -> set[str]:
        return {s.sha256 for s in self._find(name, one)} & {s.sha256 for s in self._find(name, other)}

    def add_demand(self, demand: Demand) -> bool:
        self._must_write()
        if any(d.demand.id == demand.id and d.is_open for d in self._state.demands):
            return False
        self._state.demands.append(RecordedDemand(demand=demand))
        self.changed.append(to_wire(demand))
        return True

    def withdraw_demand(self, demand_id: str, withdrawal: Withdrawal) -> None:
        self._must_write()
        places = [i for i, d in enumerate(self._state.demands) if d.demand.id == demand_id]
        if not places:
            raise NotRegisteredError(f"no demand {demand_id} is recorded")
        if not self._state.demands[places[-1]].is_open:
            raise ConflictError(f"demand {demand_id} was withdrawn already")
        self._state.demands[places[-1]] = replace(self._state.demands[places[-1]], withdrawal=withdrawal)
        self.changed.append([demand_id, to_wire(withdrawal)])

    def demands(self, *, open_only: bool = False) -> Sequence[RecordedDemand]:
        return [d for d in self._state.demands if d.is_open or not open_only]

    def add_waiver(self, recorded: RecordedWaiver) -> bool:
        self._must_write()
        known = [w for w in self._state.waivers if w.waiver.id == recorded.waiver.id and w.is_open]
        if known and known[0].waiver != recorded.waiver:
            raise ConflictError(f"another waiver {recorded.waiver.id} is recorded already")
        if known:
            return False
        self._state.waivers.append(recorded)
        self.changed.append(to_wire(recorded))
        return True

    def withdraw_waiver(self, waiver_id: str, withdrawal: Withdrawal) -> None:
        self._must_write()
        places = [i for i, w in enumerate(self._state.waivers) if w.waiver.id == waiver_id]
        if not places:
            raise NotRegisteredError(f"no waiver {waiver_id} is recorded")
        if not self._state.waivers[places[-1]].is_open:
            raise ConflictError(f"waiver {waiver_id} was withdrawn already")
        self._state.waivers[places[-1]] = replace(self._state.waivers[places[-1]], withdrawal=withdrawal)
        self.changed.append([waiver_id, to_wire(withdrawal)])

    def waivers(self, *, open_only: bool = False) -> Sequence[RecordedWaiver]:
        return [w for w in self._state.waivers if w.is_open or not open_only]

    def add_review(self, review: Review) -> None:
        self._must_write()
        self._state.reviews.append(review)
        self.changed.append(to_wire(review))

    def reviews(self, record_digest: str | None = None) -> Sequence[Review]:
        return [r for r in self._state.reviews if record_digest in {None, r.record_digest}]

    def add_run(self, recorded: RecordedRun) -> bool:
        self._must_write()
        known = [r for r in self._state.runs if r.id == recorded.id]
        if any(r.content_digest != recorded.content_digest for r in known):
            raise ConflictError(f"another record of run {recorded.id} is known, and it says something else")
        if known and (not recorded.is_signed or any(r.is_signed for r in known)):
            return False
        self._state.runs.append(recorded)
        self.changed.append(to_wire(recorded))
        return True

    def training_runs(self, dataset: str | None = None) -> Sequence[RecordedRun]:
        found = {run.id: run for run in self._state.runs}
        return [run for run in found.values() if dataset is None or any(r.dataset == dataset for r in run.reads)]

    def save_record_index(self, facts: RecordIndexFacts) -> None:
        self._must_write()
        self._state.indexes.append(facts)
        self.changed.append(to_wire(facts))

    def record_indexes(self, keys: Collection[str]) -> dict[str, RecordIndexFacts]:
        return {facts.key: facts for facts in self._state.indexes if facts.key in keys}

    def note(self, kind: str, **facts: str) -> None:
        self._must_write()
        self.changed.append({kind: facts})

    def noted(self, kind: str, *, action: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        rows = [row for row in self._state.log if row["action"] == action]
        return [(row["at"], item[kind]) for row in rows for item in row["payload"] if isinstance(item, dict) and kind in item]

    def dataset_version(self, name: str, root_digest: str | None = None) -> DatasetVersion:
        found = [v for v in self._state.versions if v.dataset.name == name and root_digest in {None, v.root_digest}]
        if not found:
            raise NotRegisteredError(f"dataset {name!r} is not registered")
        return found[-1]

    def recorded_by(self, name: str) -> Sequence[tuple[int, str]]:
        rows = [(row, v) for row in self._state.log for v in row["payload"] if "root_digest" in v and "dataset" in v]
        return [(row["seq"], row["actor"]) for row, v in rows if isinstance(v["dataset"], dict) and v["dataset"]["name"] == name]

    def versions(self, name: str) -> Sequence[DatasetVersion]:
        return [replace(v, shards=()) for v in self._state.versions if v.dataset.name == name]

    def save_scan(self, result: ScanResult, evidence: str) -> None:
        self._must_write()
        if self._state.scans.get(result.id) == (result, evidence):
            return
        self._state.scans.pop(result.id, None)
        self._state.scans[result.id] = (result, evidence)
        self.changed.append([to_wire(result), evidence])

    def scan_results(self, scan_ids: Collection[str]) -> dict[str, tuple[ScanResult, str]]:
        return {key: found for key in scan_ids if (found := self.scan_result(key)) is not None}

    def scan_result(self, scan_id: str) -> tuple[ScanResult, str] | None:
        return self._state.scans.get(scan_id)

    def scans_in(self, frames: Collection[str], *, newest: int) -> dict[str, list[tuple[ScanResult, str]]]:
        last_first = list(reversed(self._state.scans.values()))
        found = {frame: [kept for kept in last_first if kept[0].frame == frame][:newest] for frame in frames if frame}
        return {frame: scans for frame, scans in found.items() if scans}

    def save_audit(self, record: AuditRecord, record_digest: str) -> None:
        self._must_write()
        row = (record.id, record.created, record.run.model.name, record.verdict.value, record_digest)
        if any((r[0], r[4]) == (record.id, record_digest) for r in self._state.audits):
            return
        self._state.audits.insert(0, row)
        self.changed.append(list(row))

    def audits(self) -> Sequence[tuple[str, str, str, str, str]]:
        return list(self._state.audits)

    def changed_since(self, log_head: str) -> tuple[set[tuple[str, str]], set[str]] | None:
        heads = [EMPTY_HEAD, *map(digest_of, self._state.log)]
        if log_head not in heads:
            return None
        items = [item for row in self._state.log[heads.index(log_head) :] for item in row["payload"] if isinstance(item, dict)]
        return {(i["dataset"]["name"], i["root_digest"]) for i in items if "dataset" in i}, {i["output"] for i in items if "output" in i}

    @property
    def revision(self) -> str:
        return digest_of([[n, to_wire(replace(v, created=""))] for n, v in sorted(self._newest().items())])

    @property
    def log_head(self) -> str:
        return digest_of(self._state.log[-1]) if self._state.log else EMPTY_HEAD

    def _newest(self) -> dict[str, DatasetVersion]:
        return {v.dataset.name: v for v in self._state.versions}

    def _must_write(self) -> None:
        if not self._writable:
            raise RegistryError("the registry was opened for reading")


class InMemoryUnitOfWork:
    """Satisfies ``ports.UnitOfWork``: a failed unit leaves nothing."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._state = _State()
        self._clock = clock or FixedClock()

    @contextmanager
    def begin(self, *, actor: str, action: str, reason: str = "") -> Iterator[InMemoryRegistry]:
        work = copy.deepcopy(self._state)
        registry = InMemoryRegistry(work, writable=True)
        yield registry
        if registry.changed:
            row = {
                "seq": len(work.log) + 1,
                "prev_hash": registry.log_head,
                "at": self._clock.now(),
                "actor": actor,
                "action": action,
                "reason": reason,
            }
            work.log.append({**row, "payload": registry.changed})
        self._state = work

    def indexes(self) -> list[RecordIndexFacts]:
        """Return the record indexes in the order they were recorded."""
        return list(self._state.indexes)

    @contextmanager
    def read(self) -> Iterator[InMemoryRegistry]:
        yield InMemoryRegistry(self._state, writable=False)
