"""What an audit judges: dataset versions of a run with the state of their shards and the matches found in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from provenance.audit.generations import NOT_COUNTED, Generations
from provenance.audit.lineage import Ancestor, Inheritance
from provenance.audit.scan import ScanOutcome
from provenance.audit.states import CheckedShard, ShardState
from provenance.canonical import digest_of
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, DatasetVersion, ShardDigests
from provenance.model.exclusion import DemandState
from provenance.model.match import LeftOut, Match, ScanResult
from provenance.model.run import RunData


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedShard:
    """One shard with everything known of it now."""

    checked: CheckedShard
    outcome: ScanOutcome | None
    """Its scan; ``None`` where the run names no reference set, or the bytes are not the registered ones."""
    references: int = 0
    """Reference sets that the run names."""
    inheritance: Inheritance | None = None
    """Whose facts count for it, where derivations tell that more exactly than of the whole dataset; ``None`` = all that counts for the dataset."""
    digests: ShardDigests = ShardDigests.READ
    """Whether it was read here when it was registered; what an import states of its content is not believed."""

    @property
    def scan_state(self) -> str:
        """Return ``current`` where these very bytes were compared with every reference set that the run names, else ``none``."""
        if not self.references:
            return "current" if self.checked.state is ShardState.UNCHANGED else "none"
        return "current" if self.outcome is not None and self.outcome.result is not None else "none"

    @property
    def unread_records(self) -> int:
        """Return how many records could not be read, at registration or in the scan."""
        scanned = len(self.outcome.result.problems) if self.outcome is not None and self.outcome.result is not None else 0
        return max(self.checked.shard.unread_records, scanned)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Return the fields with long text that the scan did not read."""
        return self.outcome.result.left_out if self.outcome is not None and self.outcome.result is not None else ()

    @property
    def result(self) -> ScanResult | None:
        """Return the result of its scan."""
        return self.outcome.result if self.outcome is not None else None

    @property
    def words(self) -> int | None:
        """Return the words counted here: at registration, or in the scan where an import only states them."""
        if self.digests is ShardDigests.DECLARED:
            return None if self.result is None else self.result.words
        return self.checked.shard.words

    @property
    def matches(self) -> Iterable[Match]:
        """Return its matches, explained ones included, to be gone through as often as one likes."""
        return self.outcome.matches if self.outcome is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDataset:
    """One dataset that a run names."""

    named: RunData
    name: str
    version: DatasetVersion | None
    """``None`` where the registry does not hold it."""
    shards: tuple[JudgedShard, ...] = ()
    unregistered: tuple[str, ...] = ()
    """Data files beside its shards that no registered dataset holds."""
    related: tuple[Dataset, ...] = ()
    """What else is registered of the same text: the datasets it derives from, and those that hold the same bytes. The strictest facts count."""
    unknown_ancestors: tuple[str, ...] = ()
    """Names it derives from that the registry does not hold."""
    exclusions: tuple[DemandState, ...] = ()
    """What is known of every demand that concerns it; nothing where none holds."""
    ancestors: tuple[Ancestor, ...] = ()
    """Where each of ``related`` stands, in the same order; nothing where that is not known."""
    generated: tuple[str, ...] = ()
    """It, or what it comes from, where a step says that a model wrote the text and the facts name no model."""

    generations: Generations = NOT_COUNTED
    """How many models in a row wrote it."""

    def for_shard(self, shard: JudgedShard) -> JudgedDataset:
        """Return the dataset with only the facts that count for one shard."""
        found = shard.inheritance
        if found is None:
            return self
        return replace(
            self,
            related=tuple(a.dataset for a in found.ancestors),
            unknown_ancestors=found.unknown,
            ancestors=found.ancestors,
            generated=found.generated,
        )

    @property
    def words(self) -> int | None:
        """Return the words of all shards, ``None`` where one was not counted or there is none."""
        counts = [s.words for s in self.shards]
        return None if not counts or None in counts else sum(c for c in counts if c is not None)

    @property
    def synthetic(self) -> TriState:
        """Return whether a model made it, or any of the text that it derives from or equals."""
        if self.version is None:
            return TriState.UNKNOWN
        said = {self.version.dataset.synthetic, *(d.synthetic for d in self.related)}
        if TriState.YES in said or self.generated:
            return TriState.YES
        return TriState.UNKNOWN if TriState.UNKNOWN in said or self.unknown_ancestors else TriState.NO

    def states(self) -> dict[ShardState, int]:
        """Return how many shards are in which state."""
        counts = dict.fromkeys(ShardState, 0)
        for shard in self.shards:
            counts[shard.checked.state] += 1
        counts[ShardState.UNREGISTERED] += len(self.unregistered)
        return counts


def match_id(dataset: str, match: Match) -> str:
    """Return the digest that names a match in a dataset: where it is and what it is with, not how it scored."""
    return digest_of(
        [
            dataset,
            match.shard,
            match.path,
            match.record,
            match.field,
            match.start,
            match.end,
            match.reference_set,
            match.reference,
            match.reference_start,
            match.reference_end,
        ]
    )


def shares(datasets: tuple[JudgedDataset, ...]) -> tuple[float, ...] | None:
    """Return each dataset's share of sampled tokens, from weights, else from epochs × words, else from words; ``None`` where it cannot be known.

    Words stand for tokens until a tokenizer is named.
    """
    if datasets and all(d.named.weight is not None for d in datasets):
        parts = [d.named.weight or 0.0 for d in datasets]
    else:
        counts = [d.words for d in datasets]
        if not counts or None in counts:
            return None
        parts = [(c or 0) * (1.0 if d.named.epochs is None else d.named.epochs) for c, d in zip(counts, datasets, strict=True)]
    total = sum(parts)
    return tuple(p / total for p in parts) if total > 0 else None
