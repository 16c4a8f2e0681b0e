"""Record what other catalogues say of datasets: one unit of work a dataset, so that what is recorded when the process dies stays recorded, whole.

Nobody has read the bytes of what is imported: its digests are kept as declared ones, and an audit reads the bytes as always. Where the registry holds
shards that were read, these stay, and a source that lists others is a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from provenance.audit.merging import FactConflict, merge_facts
from provenance.audit.register import DatasetPlan, refuse_cycle, register
from provenance.audit.tools import Tools
from provenance.errors import ManifestError
from provenance.fingerprint.digest import EMPTY_ROOT, ShardLeaf, TreeHash, leaf_bytes
from provenance.model.dataset import Dataset, DatasetVersion, Shard, ShardDigests
from provenance.model.match import ReadProblem
from provenance.ports import Registry

ShardSource = Callable[[], Iterable[Shard]]
"""Gives shards, ascending by (path, root), each once, as often as it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedDataset:
    """One dataset as a source describes it."""

    dataset: Dataset
    where: str
    """The file, for people."""
    shards: ShardSource | None = field(default=None, compare=False)
    """``None`` where the source lists no files."""


class Outcome(StrEnum):
    """What an import did to one dataset."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedVersion:
    """What the registry holds of a dataset after an import, or would hold."""

    dataset: Dataset
    where: str
    outcome: Outcome
    root_digest: str
    conflicts: tuple[FactConflict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """How to record."""

    replace_facts: bool = False
    dry_run: bool = False
    """Say what would be recorded, and record nothing."""


def record_import(found: ImportedDataset, plan: ImportPlan, tools: Tools) -> ImportedVersion | ReadProblem:
    """Record one dataset, or say why it cannot be recorded."""
    try:
        if plan.dry_run:
            with tools.units.read() as registry:
                return _Recording(found, plan, registry).foresee()
        with tools.units.begin(actor=tools.actor, action="import", reason=found.dataset.name) as registry:
            return _Recording(found, plan, registry).record(tools.clock.now())
    except ManifestError as err:
        hint = f"; {err.hint}" if err.hint else ""
        return ReadProblem(path=found.where, line=None, record=None, message=f"{err}{hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesImport:
    """What became of the files of one dataset."""

    versions: tuple[ImportedVersion, ...]
    problems: tuple[ReadProblem, ...]


def record_files(files: DatasetPlan, plan: ImportPlan, tools: Tools) -> FilesImport:
    """Register files that are at hand under the facts that their paths tell, joined with what is known of the dataset already."""
    found, patterns, root = files
    known, facts, conflicts = _merged(found, plan, tools)
    done = register([(facts, patterns, root)], tools)
    versions = []
    for version in done.versions:
        with tools.units.read() as registry:
            now = registry.newest(version.dataset.name)
        outcome = Outcome.NEW if known is None else Outcome.UNCHANGED if now == known else Outcome.CHANGED
        versions.append(ImportedVersion(dataset=facts, where=root, outcome=outcome, root_digest=version.root_digest, conflicts=conflicts))
    return FilesImport(versions=tuple(versions), problems=(*done.problems, *done.unread))


def foresee_files(found: Dataset, plan: ImportPlan, tools: Tools) -> ImportedVersion:
    """Return what ``record_files`` would record; the files are not read, so that the root is the one that is known."""
    known, facts, conflicts = _merged(found, plan, tools)
    root = EMPTY_ROOT if known is None else known.root_digest
    outcome = Outcome.NEW if known is None else Outcome.CHANGED if known.dataset != facts else Outcome.UNCHANGED
    return ImportedVersion(dataset=facts, where="its paths", outcome=outcome, root_digest=root, conflicts=conflicts)


def _merged(found: Dataset, plan: ImportPlan, tools: Tools) -> tuple[DatasetVersion | None, Dataset, tuple[FactConflict, ...]]:
    with tools.units.read() as registry:
        known = registry.newest(found.name)
    if known is None:
        return None, found, ()
    return known, *merge_facts(known.dataset, found, replace_facts=plan.replace_facts)


class _Recording:
    """One dataset's import inside a unit of work."""

    def __init__(self, found: ImportedDataset, plan: ImportPlan, registry: Registry) -> None:
        # Cards of forks often name what they extend by the name that they bear themselves. That says nothing: what holds for a dataset holds for it anyway.
        others = tuple(source for source in found.dataset.derived_from if source != found.dataset.name)
        found = replace(found, dataset=replace(found.dataset, derived_from=others))
        self._found, self._registry = found, registry
        self._known = registry.newest(found.dataset.name)
        self._facts, self._conflicts = found.dataset, tuple[FactConflict, ...]()
        if self._known is not None:
            self._facts, self._conflicts = merge_facts(self._known.dataset, found.dataset, replace_facts=plan.replace_facts)
        if self._facts.derived_from:
            refuse_cycle(self._facts, self._parents)
        self._shards = self._new_shards(plan)

    def _parents(self, name: str) -> tuple[str, ...]:
        known = self._facts if name == self._facts.name else getattr(self._registry.newest(name), "dataset", None)
        return () if known is None else known.derived_from

    def _new_shards(self, plan: ImportPlan) -> ShardSource | None:
        """Return the shards to record, ``None`` where those of the registry stay."""
        shards, known = self._found.shards, self._known
        if shards is None or known is None or known.root_digest == EMPTY_ROOT or known.digests is ShardDigests.DECLARED:
            return shards
        root = _root_of(shards())
        if root == known.root_digest:
            return None
        kept = "imported" if plan.replace_facts else "registered"
        self._conflicts += (FactConflict(field="shards", registered=f"{known.root_digest} (read here)", imported=root, kept=kept),)
        return shards if plan.replace_facts else None

    def foresee(self) -> ImportedVersion:
        """Return what ``record`` would."""
        root = EMPTY_ROOT if self._known is None else self._known.root_digest
        if self._shards is not None:
            root = _root_of(self._shards())
        same = self._known is not None and (self._known.dataset, self._known.root_digest) == (self._facts, root)
        return self._outcome(root, changed=not same)

    def record(self, created: str) -> ImportedVersion:
        """Record the facts, and the shards where there are new ones."""
        facts, known = self._facts, self._known
        if self._shards is not None:
            version = DatasetVersion(dataset=facts, root_digest="", shards=(), created=created, digests=ShardDigests.DECLARED)
            self._registry.add_stream(version, self._shards)
        elif known is not None:
            self._registry.change_facts(facts, created=created)
        else:
            self._registry.add_version(DatasetVersion(dataset=facts, root_digest=EMPTY_ROOT, shards=(), created=created))
        now = self._registry.newest(facts.name)
        if now is None:
            raise ManifestError(f"dataset {facts.name!r} could not be recorded")
        return self._outcome(now.root_digest, changed=now != known)

    def _outcome(self, root: str, *, changed: bool) -> ImportedVersion:
        outcome = Outcome.NEW if self._known is None else Outcome.CHANGED if changed else Outcome.UNCHANGED
        return ImportedVersion(dataset=self._facts, where=self._found.where, outcome=outcome, root_digest=root, conflicts=self._conflicts)


def _root_of(shards: Iterable[Shard]) -> str:
    tree, previous = TreeHash(), ""
    for shard in shards:
        if shard.path != previous:
            try:
                tree.add(leaf_bytes(ShardLeaf(path=shard.path, sha256=shard.sha256, size_bytes=shard.size_bytes)))
            except ValueError as err:
                raise ManifestError(f"not a shard: {err}") from err
        previous = shard.path
    return tree.root
