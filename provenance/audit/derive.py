"""Record a derivation: what was made, of what, and how. Cycles are refused with the way they go."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass

from provenance.audit.lineage import ANY, Part, Tracer, find_cycle, part_of
from provenance.audit.tools import Tools
from provenance.errors import ConflictError, ManifestError, NotRegisteredError
from provenance.fingerprint.digest import is_digest
from provenance.model.absence import Absence
from provenance.model.dataset import DatasetVersion
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.ports import Registry

NEWEST = "newest"
"""In the place of a version's digest: the one that is newest now."""
_NAMED = re.compile(r"(?P<name>[^@:~]+)(?:@(?P<version>newest|(?:sha256:)?[0-9a-f]{6,64})|~(?P<ago>[0-9]{1,9}))?(?::(?P<pattern>.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartName:
    """``NAME[@VERSION|~N][:PATTERN]``, taken apart."""

    name: str
    version: str = ""
    """``newest``, the beginning of a root digest, ``~N`` for the version of N recordings ago, or nothing."""
    pattern: str = ""
    """Which shards, by path; nothing = all."""

    @classmethod
    def parse(cls, text: str) -> PartName:
        """Read it.

        Raises:
            ManifestError: If it is something else.
        """
        found = _NAMED.fullmatch(text)
        if found is None:
            raise ManifestError(
                f"{text!r} names no part of a dataset: expected NAME, NAME@VERSION, NAME~N, each with or without :PATTERN",
                hint="a version is 'newest' or at least six hex digits of its digest; ~1 is the recording before; a pattern is of the paths of shards, such as 'chat/*.jsonl'",
            )
        version = f"~{int(found['ago'])}" if found["ago"] else found["version"] or ""
        return cls(name=found["name"], version=version, pattern=found["pattern"] or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivationPlan:
    """What somebody says was done."""

    output: PartName
    inputs: tuple[PartName, ...]
    transform: Transform
    tool: str = Absence.NOT_STATED.value
    tool_version: str = Absence.NOT_STATED.value
    parameters: str = Absence.NOT_STATED.value
    note: str = ""


def record_derivation(plan: DerivationPlan, tools: Tools) -> Derivation:
    """Record a derivation and return it.

    Raises:
        NotRegisteredError: If the output, or a version or shards that are named, are not registered. Inputs may be unregistered: they stay unknown.
        ConflictError: If the output would come from itself; the message names the way.
    """
    with tools.units.begin(actor=tools.actor, action="derive", reason=plan.output.name) as registry:
        version = _version(registry, plan.output)
        if version is None:
            registry.dataset_version(plan.output.name)  # says what is near
            raise NotRegisteredError(f"dataset {plan.output.name!r} is not registered")
        derivation = Derivation(
            output=plan.output.name,
            root_digest=version.root_digest,
            shards=_chosen(version, plan.output.pattern),
            inputs=tuple(_input(registry, part) for part in plan.inputs),
            transform=plan.transform,
            tool=plan.tool,
            tool_version=plan.tool_version,
            parameters=plan.parameters,
            note=plan.note,
            at=tools.clock.now(),
            actor=tools.actor,
        )
        _refuse_cycle(registry, derivation)
        registry.add_derivation(derivation)
    return derivation


def _refuse_cycle(registry: Registry, derivation: Derivation) -> None:
    output = Part(name=derivation.output, root_digest=derivation.root_digest)
    way = find_cycle(Tracer(registry), output, [part_of(i) for i in derivation.inputs])
    if way:
        raise ConflictError(
            f"dataset {derivation.output!r} would come from itself: {' ← '.join(way)}",
            hint="an input without a version may be any: name it, such as NAME@newest or NAME@sha256:…",
        )


def _input(registry: Registry, part: PartName) -> DerivationInput:
    version = _version(registry, part, needs_shards=bool(part.pattern))
    if version is None:
        root = f"sha256:{part.version.removeprefix('sha256:')}"
        if part.pattern or (part.version not in {"", ANY} and not is_digest(root)):
            raise NotRegisteredError(f"dataset {part.name!r} is not registered, so neither versions nor shards of it can be looked up")
        return DerivationInput(dataset=part.name, root_digest=root if is_digest(root) else ANY)
    pinned = version.root_digest if part.version or part.pattern else ANY
    return DerivationInput(dataset=part.name, root_digest=pinned, shards=_chosen(version, part.pattern))


def _version(registry: Registry, part: PartName, *, needs_shards: bool = True) -> DatasetVersion | None:
    """Return the version that is meant, ``None`` where the dataset is not registered.

    Raises:
        NotRegisteredError: If the dataset has no such version.
        ManifestError: If several begin so.
    """
    known = registry.versions(part.name)
    if not known:
        return None
    roots = _roots(known, part.version)
    if not roots:
        raise NotRegisteredError(f"dataset {part.name!r} has no version {part.version}", hint=f"see: provenance datasets versions {part.name}")
    if len(roots) > 1:
        raise ManifestError(f"{part.version} begins {len(roots)} versions of {part.name!r}", hint="give more digits")
    return registry.dataset_version(part.name, roots[0]) if needs_shards else next(v for v in reversed(known) if v.root_digest == roots[0])


def _roots(known: Sequence[DatasetVersion], version: str) -> list[str]:
    """Return the digests of the versions that are meant."""
    if version in {"", NEWEST}:
        return [known[-1].root_digest]
    if version.startswith("~"):
        ago = int(version[1:])
        return [known[-1 - ago].root_digest] if ago < len(known) else []
    digits = version.removeprefix("sha256:")
    return list(dict.fromkeys(v.root_digest for v in known if v.root_digest.removeprefix("sha256:").startswith(digits)))


def _chosen(version: DatasetVersion, pattern: str) -> tuple[str, ...]:
    """Return the digests of the shards whose path fits a pattern, sorted; nothing where no pattern is given."""
    if not pattern:
        return ()
    found = tuple(sorted({s.sha256 for s in version.shards if fnmatch.fnmatchcase(s.path, pattern)}))
    if not found:
        raise NotRegisteredError(
            f"{pattern!r} fits no shard of {version.dataset.name!r}", hint=f"see: provenance datasets show {version.dataset.name}"
        )
    return found
