"""The matches of current scans of registered datasets: who wants to look at them needs no run and no audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.audit.browse import FoundMatch
from provenance.audit.findings import KeptMatches
from provenance.audit.judged import match_id
from provenance.audit.scan import Finders, ShardToScan, collect_texts, scan_id, target_of
from provenance.audit.tools import Tools
from provenance.audit.words import is_unchanged
from provenance.model.match import MatchText, ScanResult


class ScannedMatches:
    """What current scans of the newest versions of all datasets found."""

    def __init__(self, finders: Finders, tools: Tools) -> None:
        """Look for the scans.

        Args:
            finders: What the shards were compared with: scans against other references, or by other rules, are not current.
            tools: Opens registry, evidence and shards.
        """
        self._finders, self._tools = finders, tools
        with tools.units.read() as registry:
            versions = [registry.dataset_version(v.dataset.name) for v in registry.datasets()]
            targets = [(v.dataset.name, target_of(v, shard, tools.listing)) for v in versions for shard in v.shards]
            ids = [scan_id(target, finders, tools.reader) for _, target in targets]
            results = registry.scan_results(ids)
        self._found = [(name, target, *results[key]) for (name, target), key in zip(targets, ids, strict=True) if key in results]
        self.shards = len(targets)
        """Of all datasets."""

    @property
    def scanned(self) -> int:
        """How many shards have a current scan."""
        return len(self._found)

    @property
    def results(self) -> Sequence[ScanResult]:
        """The scans, in the order of datasets and shards."""
        return [result for _, _, result, _ in self._found]

    def __iter__(self) -> Iterator[FoundMatch]:
        """Go through the matches in the order of datasets, shards and positions.

        Raises:
            RegistryError: If evidence was lost or changed.
        """
        for name, target, result, digest in self._found:
            if result.matches:
                for match in KeptMatches(self._tools.evidence, digest, target.shard.path):
                    yield FoundMatch(id=match_id(name, match), dataset=name, match=match)

    def words(self, found: Sequence[FoundMatch]) -> dict[str, MatchText]:
        """Return the words of some matches, by match id; those of a shard that changed since are left out."""
        wanted: dict[tuple[str, str], list[FoundMatch]] = {}
        for item in found:
            wanted.setdefault((item.dataset, item.match.path), []).append(item)
        texts: dict[str, MatchText] = {}
        for name, target, _, _ in self._found:
            items = wanted.get((name, target.shard.path), [])
            if items and self._is_unchanged(target):
                read = collect_texts(self._tools.reader, self._finders.matcher, target, [i.match for i in items])
                texts.update({i.id: read[i.match] for i in items if i.match in read})
        return texts

    def _is_unchanged(self, target: ShardToScan) -> bool:
        return is_unchanged((target.shard, *target.beside), self._tools)
