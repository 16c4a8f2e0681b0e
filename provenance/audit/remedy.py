"""Mend what an audit found: leave the records out whose text a rule does not allow. The originals are kept, named by digest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from provenance.audit.exclusion_check import Checker, VersionToCheck
from provenance.audit.register import leaf_of
from provenance.audit.tools import Tools
from provenance.errors import ConflictError, InputError
from provenance.fingerprint.digest import hash_file, merkle_root
from provenance.model.absence import Absence
from provenance.model.audit import AuditRecord, MatchFinding
from provenance.model.dataset import DatasetVersion, Shard, ShardFormat
from provenance.model.exclusion import Place
from provenance.model.finding import Finding, SubjectKind
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.model.match import Match, ReadProblem
from provenance.ports import ShardRewriter


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardDrop:
    """Records to leave out of one shard; a file that two datasets hold loses the records of both."""

    dataset: str
    path: str
    sha256: str
    """The shard as it was scanned: mending anything else is refused."""
    records: frozenset[int]
    lines: frozenset[int]
    rules: tuple[str, ...]
    whole: bool = False
    """The whole file goes."""


def plan_drop(record: AuditRecord, rules: Collection[str], kept: Iterable[MatchFinding] | None = None) -> tuple[ShardDrop, ...]:
    """Return which records would have to go, so that no match behind an open finding of these rules is left.

    Args:
        record: The audit.
        rules: Rule ids; empty = every rule that judges matches.
        kept: Every finding on a match, from the evidence; needed where ``record.match_findings`` names it.

    Raises:
        InputError: If no open finding of these rules rests on a match, or not all of them are at hand.
    """
    findings = [f for f in record.findings if f.is_open and f.subject.kind is SubjectKind.MATCH and (not rules or f.rule in rules)]
    if not findings and any(rests_on_demands(f) for f in record.findings if f.is_open and (not rules or f.rule in rules)):
        return ()
    if not findings:
        named = f" of {', '.join(sorted(rules))}" if rules else ""
        raise InputError(f"no open finding{named} rests on shared text", hint="see: provenance findings list")
    hits = _Hits()
    if kept is not None:
        wanted = {f.rule for f in findings}
        for row in kept:
            if not row.waiver and row.rule in wanted:
                hits.add(row.rule, row.dataset, row.match)
    else:
        evidence = {e.id: e for e in record.evidence}
        for finding in (f for f in findings if f.subject.id in evidence):
            hits.add(finding.rule, evidence[finding.subject.id].dataset, evidence[finding.subject.id].match)
    expected = sum(f.size for f in findings)
    if hits.count != expected:
        raise InputError(f"only {hits.count} of {expected} findings on shared text are at hand", hint="run the audit again in this workspace")
    return hits.drops()


def rests_on_demands(finding: Finding) -> bool:
    """Tell whether a rule found fault with demands that are still inside: these are met by leaving records out."""
    return any(r.path == "dataset.exclusions.inside" and r.value for r in finding.because)


def plan_exclusions(record: AuditRecord, rules: Collection[str], tools: Tools) -> tuple[tuple[ShardDrop, ...], tuple[ReadProblem, ...]]:
    """Return which records would have to go, so that no demand behind an open finding of these rules is still inside, and what cannot be met so.

    Args:
        record: The audit.
        rules: Rule ids; empty = every rule that judges demands.
        tools: Opens the registry and the indexes of records.
    """
    findings = [f for f in record.findings if f.is_open and rests_on_demands(f) and (not rules or f.rule in rules)]
    names = {f.dataset: tuple(sorted({g.rule for g in findings if g.dataset == f.dataset})) for f in findings}
    roots = {d.dataset.name: d.root_digest for d in record.datasets}
    with tools.units.read() as registry:
        demands = [d.demand for d in registry.demands(open_only=True)]
        versions = [registry.dataset_version(name, roots[name]) for name in sorted(names)]
    hits, problems = _Hits(), dict[str, ReadProblem]()
    checker = Checker(demands, tools, read=False)
    for version in versions:
        name = version.dataset.name
        formats = {s.path: s.format for s in version.shards}

        def take(_demand: str, place: Place, name: str = name, formats: Mapping[str, ShardFormat] = formats) -> None:
            if not place.path:
                message = f"its {place.field or 'digest'} names what must go: take the dataset out of the run"
                problems[name] = ReadProblem(path=name, line=None, record=None, message=message)
                return
            hits.add_place(names[name], name, place, whole=place.record is None or formats.get(place.path) is ShardFormat.TEXT)

        checker.each_place(VersionToCheck(version=version, on_disk=False), take)
    return hits.drops(), tuple(problems.values())


def merge_drops(drops: Iterable[ShardDrop]) -> tuple[ShardDrop, ...]:
    """Return drops so that each file is written once, without the records of all of them."""
    hits = _Hits()
    for drop in drops:
        hits.add_drop(drop)
    return hits.drops()


@dataclass(slots=True)
class _Hits:
    """Records to leave out of each file."""

    count: int = 0
    _rules: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    """By dataset, path and digest of the shard."""
    _records: dict[tuple[str, str], tuple[set[int], set[int]]] = field(default_factory=dict)
    """Records and lines by path and digest: two datasets may hold one file."""
    _whole: set[tuple[str, str]] = field(default_factory=set)
    """Files that go as a whole."""

    def add(self, rule: str, dataset: str, match: Match) -> None:
        """Take a match that a rule finds fault with."""
        self.count += 1
        self._add((rule,), (dataset, match.path, match.shard), (match.record,), (match.line,) if match.line else ())

    def add_place(self, rules: tuple[str, ...], dataset: str, place: Place, *, whole: bool) -> None:
        """Take where a demand is inside."""
        records = () if place.record is None else (place.record,)
        self._add(rules, (dataset, place.path, place.shard), records, (place.line,) if place.line else ())
        if whole:
            self._whole.add((place.path, place.shard))

    def add_drop(self, drop: ShardDrop) -> None:
        """Take what is to be done elsewhere."""
        self._add(drop.rules, (drop.dataset, drop.path, drop.sha256), drop.records, drop.lines)
        if drop.whole:
            self._whole.add((drop.path, drop.sha256))

    def _add(self, rules: Iterable[str], shard: tuple[str, str, str], records: Iterable[int], lines: Iterable[int]) -> None:
        self._rules.setdefault(shard, set()).update(rules)
        known = self._records.setdefault(shard[1:], (set(), set()))
        known[0].update(records)
        known[1].update(lines)

    def drops(self) -> tuple[ShardDrop, ...]:
        """Return what is to be done."""
        files = {file: (frozenset(records), frozenset(lines)) for file, (records, lines) in self._records.items()}
        return tuple(
            ShardDrop(
                dataset=dataset,
                path=path,
                sha256=digest,
                records=files[path, digest][0],
                lines=files[path, digest][1],
                rules=tuple(sorted(rules)),
                whole=(path, digest) in self._whole,
            )
            for (dataset, path, digest), rules in sorted(self._rules.items(), key=lambda item: item[0])
        )


def apply_drop(drop: ShardDrop, shard: Shard, location: Path, *, originals: Path, rewriter: ShardRewriter) -> tuple[int, Path]:
    """Replace a shard by itself without some records, or take it away as a whole; the original goes to ``originals/<digest>/``. Returns (records left out, where it is kept).

    Killed at any moment, the shard is either the old or the new one, and the original is kept before it is replaced.

    Raises:
        ConflictError: If the file is not the one that was scanned.
        ShardReadError: If it cannot be written again.
    """
    digest, _ = hash_file(location)
    if digest != drop.sha256:
        raise ConflictError(f"{shard.path} is not the file that was scanned", hint="run the audit again")
    kept = _keep(location, originals, digest)
    if drop.whole:
        location.unlink()
        return shard.records or 0, kept
    return rewriter.without(str(kept), str(location), records=drop.records, lines=drop.lines), kept


def _keep(location: Path, originals: Path, digest: str) -> Path:
    """Copy a file to where originals are kept, down to the disk, and make sure that the copy is what its folder says."""
    kept = originals / digest.removeprefix("sha256:") / location.name
    if kept.exists() and hash_file(kept)[0] == digest:
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(kept.name + ".part")
    shutil.copy2(location, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    if hash_file(part)[0] != digest:
        part.unlink()
        raise ConflictError(f"{location} changed while it was copied", hint="run the audit again once nothing writes to it")
    part.replace(kept)
    return kept


def register_again(names: Collection[str], tools: Tools, *, describe: Callable[[str, Shard], Shard | None], rules: Collection[str] = ()) -> list[str]:
    """Record a new version of datasets whose shards were mended, with the same declared facts.

    Args:
        names: The datasets.
        tools: Opens the registry, dates the versions.
        describe: Returns a shard as it is now, ``None`` where nothing is left of it.
        rules: Why records were left out, for the lineage.

    Returns:
        ``name@root`` of each; a dataset of which nothing is left has no new version and is not among them.
    """
    done = []
    for name in sorted(names):
        with tools.units.begin(actor=tools.actor, action="register", reason=f"{name}, mended") as registry:
            version = registry.dataset_version(name)
            shards = tuple(s for s in (describe(name, old) for old in version.shards) if s is not None)
            if not shards:
                continue
            mended = replace(version, shards=shards, root_digest=merkle_root(map(leaf_of, shards)), created=tools.clock.now())
            registry.add_version(mended)
            for step in _steps(version, mended, rules, tools):
                registry.add_derivation(step)
        done.append(f"{name}@{mended.root_digest}")
    return done


def _steps(before: DatasetVersion, after: DatasetVersion, rules: Collection[str], tools: Tools) -> Iterator[Derivation]:
    """Yield, for every shard that lost records, that it was filtered out of the one that was registered before."""
    if before.root_digest == after.root_digest:
        return
    old = {(s.root, s.path): s.sha256 for s in before.shards}
    for shard in after.shards:
        source = old.get((shard.root, shard.path))
        if source is not None and source != shard.sha256:
            yield Derivation(
                output=after.dataset.name,
                root_digest=after.root_digest,
                shards=(shard.sha256,),
                inputs=(DerivationInput(dataset=before.dataset.name, root_digest=before.root_digest, shards=(source,)),),
                transform=Transform.FILTER,
                tool="provenance remedy drop",
                parameters=" ".join(sorted(rules)) or Absence.NOT_STATED.value,
                note="records left out of it",
                at=after.created,
                actor=tools.actor,
            )
