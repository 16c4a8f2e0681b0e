"""What looking costs in a registry of a million shards: show, search, list, lineage, diff, SQL, and the facts an audit asks the registry for.

    python -m benchmarks.million [--shards 1000000] [--keep FOLDER]

700 datasets of 1,000 shards and two recordings of one of 300,000, which differ in a thousand shards; every dataset derives from the one before it in its row of
fifty, half of them by derivations that list shards. Nothing is read from disk but the registry.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from provenance.audit.lineage import Tracer
from provenance.audit.lineage_graph import build_graph
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, DatasetVersion, Generator, LicenseClaim, LicenseFacts, Shard
from provenance.model.details import Details
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.registry.readonly import ask
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade

AT = "2026-03-01T12:00:00Z"
LICENSES = ("CC0-1.0", "CC-BY-4.0", "MIT", "Apache-2.0", "CC-BY-NC-4.0", "UNKNOWN")
WORDS = ("poems", "letters", "support", "tickets", "news", "code", "reviews", "questions", "answers", "manuals")
GENERATION = 50
"""Datasets in a row that derive from one another."""


class Clock:
    """Stands still."""

    def now(self) -> str:
        """Return one time."""
        return AT


def shard(dataset: int, number: int, salt: str = "") -> Shard:
    """Return a shard that need not exist."""
    digest = "sha256:" + hashlib.sha256(f"{dataset}/{number}{salt}".encode()).hexdigest()
    return Shard(path=f"d{dataset:05}/{number:07}.jsonl.zst", sha256=digest, size_bytes=10_000_000 + number, records=1000, words=200_000)


def dataset(number: int) -> Dataset:
    """Return the facts of a dataset."""
    words = f"{WORDS[number % 10]} {WORDS[number // 10 % 10]} of the year {1900 + number % 120}"
    return Dataset(
        name=f"set-{number:05}",
        title=words,
        license=LicenseFacts(declared=LicenseClaim(value=LICENSES[number % len(LICENSES)])),
        synthetic=TriState.YES if number % 4 == 0 else TriState.NO,
        generators=(Generator(provider="openai", model="gpt-4"),) if number % 4 == 0 else (),
        domain=f"domain-{number % 7}",
        languages=(("en", "de", "fr")[number % 3],),
        derived_from=(f"set-{number - 1:05}",) if number % GENERATION else (),
        details=Details(description=f"A collection of {words}, gathered for this measurement."),
    )


def version(facts: Dataset, shards: tuple[Shard, ...]) -> DatasetVersion:
    """Return a version with its root."""
    root = merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards)
    return DatasetVersion(dataset=facts, root_digest=root, shards=shards, created=AT)


def fill(units: SqlUnitOfWork, total: int) -> None:
    """Register everything."""
    big, each = total * 3 // 10, 1000
    before: DatasetVersion | None = None
    count = (total - big) // each
    for first in range(0, count, GENERATION):
        with units.begin(actor="bench", action="register") as registry:
            for number in range(first, min(first + GENERATION, count)):
                made = version(dataset(number), tuple(shard(number, i) for i in range(each)))
                registry.add_version(made)
                if before is not None and number % GENERATION and number % 2:
                    registry.add_derivation(_derivation(made, before))
                before = made
    large = dataset(99_999)
    shards = tuple(shard(99_999, i) for i in range(big))
    changed = tuple(shard(99_999, i, "new") if i % (big // 1000) == 0 else s for i, s in enumerate(shards))
    for recording in (version(large, shards), version(replace(large, title="again"), changed)):
        with units.begin(actor="bench", action="register") as registry:
            registry.add_version(recording)


def _derivation(made: DatasetVersion, source: DatasetVersion) -> Derivation:
    half = len(made.shards) // 2
    return Derivation(
        output=made.dataset.name,
        root_digest=made.root_digest,
        shards=tuple(sorted(s.sha256 for s in made.shards[:half])),
        inputs=(
            DerivationInput(
                dataset=source.dataset.name, root_digest=source.root_digest, shards=tuple(sorted(s.sha256 for s in source.shards[:half]))
            ),
        ),
        transform=Transform.FILTER,
        at=AT,
        actor="bench",
    )


def measure(what: str, work: Callable[[], object], *, rounds: int = 3) -> None:
    """Print the median of some rounds, wall and CPU."""
    taken = []
    for _ in range(rounds):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - start, time.process_time() - cpu))
    wall, spent = sorted(taken)[rounds // 2]
    print(f"| {what} | {wall:.3f} | {spent:.3f} |", flush=True)


def look(units: SqlUnitOfWork, url: str) -> None:
    """Measure what people do."""
    small, large = "set-00049", "set-99999"

    def show(name: str) -> None:
        with units.read() as registry:
            number = registry.find_recording(name)
            registry.recording(number), registry.totals_of(number), registry.shards_of(number, limit=20), registry.record_license_counts(number)

    def search(*words: str, **filters: tuple[str, ...]) -> None:
        with units.read() as registry:
            registry.search(words, filters), registry.totals(), registry.datasets()

    def lineage() -> None:
        with units.read() as registry:
            build_graph(registry, registry.version_facts(small))

    def diff(old: str, new: str) -> None:
        with units.read() as registry:
            registry.diff(*((n, registry.recording(n)) for n in (registry.find_recording(old), registry.find_recording(new))))

    def facts(name: str) -> None:
        with units.read() as registry:
            found = registry.dataset_version(name)
            Tracer(registry).trace(found)
            registry.registered_paths({(s.root, s.path) for s in found.shards})

    measure("show, 1,000 shards", lambda: show(small))
    measure("show, 300,000 shards", lambda: show(large))
    measure("list with sizes", search)
    measure("search, two words", lambda: search("poem", "lett"))
    measure("search, a word and two facets", lambda: search("collection", license=("CC0-1.0",), language=("en",)))
    measure("lineage, fifty generations", lineage)
    measure("diff, 1,000 of 300,000 shards", lambda: diff(f"{large}~1", large))
    measure("diff, all of 300,000 shards against 1,000 others", lambda: diff(small, large), rounds=1)
    measure("audit facts, 1,000 shards, fifty generations", lambda: facts(small))
    measure("audit facts, 300,000 shards", lambda: facts(large), rounds=1)
    for view in ("dataset_overview", "license_overview", "lineage_overview", "alarms_by_dataset"):
        measure(f"sql, {view}", partial(ask, url, f"SELECT * FROM {view}"))
    measure("sql, COUNT(*) of shard_overview", lambda: ask(url, "SELECT COUNT(*), SUM(words) FROM shard_overview"))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, default=None, help="folder of the registry, used again where it is there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        url = f"sqlite:///{folder}/registry.db"
        is_new = not (folder / "registry.db").exists()
        upgrade(url)
        units = SqlUnitOfWork(url, Clock())
        if is_new:
            start = time.perf_counter()
            fill(units, options.shards)
            print(
                f"{options.shards:,} shards registered in {time.perf_counter() - start:.0f} s, {(folder / 'registry.db').stat().st_size / 1e6:.0f} MB"
            )
        print("| what | wall s | CPU s |\n|---|--:|--:|")
        look(units, url)


if __name__ == "__main__":
    main()
