"""References that are registered already: the shards of a dataset version, checked against their digests, and what the registry knows of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from provenance.audit.states import CheckedShard, ShardState, check_shards
from provenance.audit.tools import Tools
from provenance.errors import ManifestError
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import Dataset, DatasetVersion, Generator
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredReferences:
    """Files to read references from, and what holds for those whose own record says nothing."""

    version: DatasetVersion
    """Without its shards."""
    files: tuple[str, ...]
    """Where the bytes are that were registered, in the order of the manifest."""
    problems: tuple[ReadProblem, ...]
    """Shards that are not there any more, or not what was registered."""
    kind: ReferenceKind
    facts: tuple[tuple[str, str], ...]
    """What the registry states: provider, model, channel, region, generated, license_text, title, source; what it does not know is not in here."""


def find_registered(name: str, root_digest: str, tools: Tools) -> RegisteredReferences:
    """Return the references that a registered dataset version is.

    Raises:
        NotRegisteredError: If there is no such version.
        ManifestError: If only its metadata is known, or it holds token ids.
    """
    with tools.units.read() as registry:
        found = registry.dataset_version(name, root_digest)
    version, shards = replace(found, shards=()), found.shards
    if not shards:
        raise ManifestError(f"dataset {name!r} has no shards: only its metadata was imported", hint="register its files first: provenance register")
    if version.dataset.tokenizer is not None:
        raise ManifestError(
            f"dataset {name!r} holds token ids: references are texts",
            hint="add the texts that they were made of: provenance reference add NAME FILES",
        )
    tools.progress.start("checking", sum(s.size_bytes for s in shards))
    checked = check_shards(found, tools)
    tools.progress.finish()
    return RegisteredReferences(
        version=version,
        files=tuple(tools.listing.locate(c.shard.path, root=c.shard.root) for c in checked if c.state is ShardState.UNCHANGED),
        problems=tuple(_problem(c) for c in checked if c.state is not ShardState.UNCHANGED),
        kind=_kind_of(version.dataset),
        facts=_facts_of(version),
    )


def _problem(checked: CheckedShard) -> ReadProblem:
    message = checked.reason or f"is {checked.state} since it was registered; restore it, or register the dataset again"
    return ReadProblem(path=checked.shard.path, line=None, record=None, message=message)


def _kind_of(dataset: Dataset) -> ReferenceKind:
    """Return what a dataset's records are by default: what a model made is looked for as its outputs, and so is what it labelled where nobody says that people wrote it."""
    is_open = bool(dataset.generators) and dataset.synthetic is TriState.UNKNOWN
    return ReferenceKind.API_OUTPUT if is_open or dataset.writers or dataset.synthetic is TriState.YES else ReferenceKind.WORK


def _facts_of(version: DatasetVersion) -> tuple[tuple[str, str], ...]:
    dataset = version.dataset
    facts = {
        "title": dataset.title,
        "license_text": dataset.license.effective,
        "source": f"{dataset.name}@{version.root_digest}",
        **_generator_facts(dataset.generators),
    }
    return tuple((key, value) for key, value in facts.items() if value and not is_absent(value))


def _generator_facts(generators: Sequence[Generator]) -> dict[str, str]:
    """Return what all generators have in common: which of several made a record, the registry does not know."""
    found: dict[str, str] = {}
    for key in ("provider", "model", "channel", "region"):
        values = {getattr(g, key) for g in generators}
        found[key] = values.pop() if len(values) == 1 else Absence.UNKNOWN.value
    spans = {(g.generated.start, g.generated.end) for g in generators}
    if len(spans) == 1 and not any(map(is_absent, next(iter(spans)))):
        found["generated"] = "..".join(next(iter(spans)))
    return found
