"""Compares the registry's facts with the log that was written when they were recorded: finds facts that were changed, added or removed behind its back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from provenance.errors import ConflictError, LogChainError, ProvenanceError
from provenance.fingerprint.digest import EMPTY_ROOT, ShardLeaf, merkle_root
from provenance.registry.catalog import sum_shards
from provenance.registry.derivations import derivation_digest
from provenance.registry.digests import facts_digest, scan_digest
from provenance.registry.exclusions import demand_digest, index_digest, withdrawal_digest
from provenance.registry.guards import GENESIS
from provenance.registry.log import verify_log
from provenance.registry.repository import SqlRegistry
from provenance.registry.runs import run_digest
from provenance.registry.terms import FACETS, build_terms
from provenance.registry.waivers import review_digest, waiver_digest, waiver_withdrawal_digest

_CHANGED = "the registry was changed outside this tool; restore a backup"
_SCAN_KEYS = ("id", "evidence", "result_digest")
_AUDIT_KEYS = ("id", "created", "model", "verdict", "record_digest")
_DERIVATION_KEYS = ("output", "digest")
_DEMAND_KEYS = ("id", "digest")
_REVIEW_KEYS = ("record", "digest")
_INDEX_KEYS = ("key", "digest")
_VERSION_KEYS = ("name", "root_digest", "facts_digest", "created", "shards")


def verify_registry(registry: SqlRegistry, *, expected_head: str | None = None, kept_head: str | None = None) -> str:
    """Check the log's chain and every recorded fact against it; return the head of the log.

    Args:
        registry: A reading or writing unit's registry.
        expected_head: A head known from a report or a clearance, to notice that the end of the log was cut off.
        kept_head: The head that the last writer left beside the database (``witness``), for the same.

    Raises:
        LogChainError: If the chain is broken.
        ConflictError: If facts and log differ; the message names the first.

    Cost:
        Reads every shard of every version: about 20 µs each.
    """
    head = verify_log(registry.log_entries(), expected_head=expected_head)
    if kept_head is not None and kept_head not in {head, GENESIS} and not registry.has_entry(kept_head):
        raise LogChainError(
            f"audit log: it ends before the entry that was written last, {kept_head}: its end was lost, or an older copy was put back",
            hint="restore a newer copy; if this one is meant, remove the file beside it whose name ends in -head",
        )
    _compare("dataset version", _logged(registry, "versions", _VERSION_KEYS), _versions(registry))
    _compare("derivation", _logged(registry, "derivations", _DERIVATION_KEYS), _derivations(registry))
    _compare("scan", _logged(registry, "scans", _SCAN_KEYS), _scans(registry))
    _compare("audit", _logged(registry, "audits", _AUDIT_KEYS), reversed(registry.audits()))
    _compare("demand", _logged(registry, "exclusions", _DEMAND_KEYS), _demands(registry))
    _compare("withdrawal", sorted(_logged(registry, "withdrawals", _DEMAND_KEYS)), _withdrawals(registry))
    _compare("record index", _logged(registry, "readings", _INDEX_KEYS), _indexes(registry))
    _compare("waiver", _logged(registry, "waivers", _DEMAND_KEYS), ((w.waiver.id, waiver_digest(w)) for w in registry.waivers()))
    _compare("waiver's withdrawal", sorted(_logged(registry, "waiver_withdrawals", _DEMAND_KEYS)), _waiver_withdrawals(registry))
    _compare("review", _logged(registry, "reviews", _REVIEW_KEYS), ((r.record_digest, review_digest(r)) for r in registry.reviews()))
    _compare("run", _logged(registry, "training_runs", _DEMAND_KEYS), ((r.id, run_digest(r)) for r in registry.recorded_runs()))
    for told in registry.loose_rows():
        raise ConflictError(f"the registry was changed behind the log: {told}", hint=_CHANGED)
    return head


def _logged(registry: SqlRegistry, kind: str, keys: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    for entry in registry.log_entries():
        for item in entry.details.get(kind, ()):
            yield tuple(item.get(k) for k in keys) if isinstance(item, Mapping) else (item,)


def _versions(registry: SqlRegistry) -> Iterator[tuple[Any, ...]]:
    for (stored, version), (totals, terms) in zip(registry.recorded_versions(), registry.recorded_descriptions(), strict=True):
        leaves = [ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in version.shards]
        root = merkle_root(leaves) if leaves else EMPTY_ROOT
        facts = facts_digest(version.dataset, version.shards, version.digests)
        agrees = facts == stored and root == version.root_digest
        described = totals == sum_shards(version.shards) and _lasting(terms) == _lasting(build_terms(version.dataset))
        facts = facts if agrees and described else f"changed ({facts})"
        yield (version.dataset.name, root, facts, version.created, len(version.shards))


def _lasting(terms: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the terms that every version of Unicode makes of a text: what is a letter, and how it folds, is settled for ASCII words and for facets."""
    return {(facet, value) for facet, value in terms if facet in FACETS or value.isascii()}


def _derivations(registry: SqlRegistry) -> Iterator[tuple[Any, ...]]:
    for derivation in registry.recorded_derivations():
        yield (derivation.output, derivation_digest(derivation))


def _scans(registry: SqlRegistry) -> Iterator[tuple[Any, ...]]:
    for result, evidence, stored in registry.recorded_scans():
        found = scan_digest(result)
        yield (result.id, evidence, found if found == stored else f"changed ({stored})")


def _readable(what: str, recorded: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield what is recorded; what can be no fact, such as text in the place of a number, ends it with a sentence."""
    number, found = 0, iter(recorded)
    while True:
        number += 1
        try:
            yield next(found)
        except StopIteration:
            return
        except ProvenanceError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as err:
            raise ConflictError(f"{what} {number} is not what the log says: it cannot be read: {err}", hint=_CHANGED) from err


def _demands(registry: SqlRegistry) -> Iterator[tuple[Any, ...]]:
    for recorded in registry.demands():
        yield (recorded.demand.id, demand_digest(recorded.demand))


def _withdrawals(registry: SqlRegistry) -> list[tuple[Any, ...]]:
    """Return withdrawals as sorted pairs: their rows stand in the order of demands, those of the log in the order of withdrawing."""
    return sorted((demand, withdrawal_digest(demand, withdrawal)) for demand, withdrawal in registry.recorded_withdrawals())


def _waiver_withdrawals(registry: SqlRegistry) -> list[tuple[Any, ...]]:
    return sorted((waiver, waiver_withdrawal_digest(waiver, withdrawal)) for waiver, withdrawal in registry.recorded_waiver_withdrawals())


def _indexes(registry: SqlRegistry) -> Iterator[tuple[Any, ...]]:
    for facts in registry.recorded_indexes():
        yield (facts.key, index_digest(facts))


def _compare(what: str, logged: Iterable[tuple[Any, ...]], recorded: Iterable[tuple[Any, ...]]) -> None:
    for number, (expected, found) in enumerate(zip_longest(logged, _readable(what, recorded)), start=1):
        if expected == found:
            continue
        name = (expected or found or ("",))[0]
        why = (
            "is not in the log"
            if expected is None
            else "is in the log but no longer in the registry"
            if found is None
            else "is not what the log says"
        )
        raise ConflictError(
            f"{what} {number} ({name}) {why}",
            hint=_CHANGED,
            context={"logged": str(expected), "recorded": str(found)},
        )
