"""Look at a random part of the records: how many of all may share text with a reference, at the most.

A sample clears nothing, and no audit takes it for a scan. It tells within minutes whether a full scan is worth waiting for.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from provenance.audit.scan import Finders, ShardToScan
from provenance.audit.tools import Tools
from provenance.errors import IngestError
from provenance.matching.rows import take_rows
from provenance.matching.score import binomial_upper_bound
from provenance.model.match import LeftOut, ReadProblem
from provenance.ports import Matcher, Progress, ShardReader, WorkerLostError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledShard:
    """What the sampled records of one shard showed."""

    records: int = 0
    """Of the whole shard."""
    sampled: int = 0
    """Records looked at."""
    sharing: int = 0
    """Of these, records with shared text that nothing explains."""
    unread: int = 0
    left_out: tuple[LeftOut, ...] = ()
    dropped_seeds: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a sample of a dataset showed."""

    dataset: str
    records: int
    sampled: int
    sharing: int
    upper_share: float
    """With ``confidence``, no larger share of the records shares text."""
    upper_records: int
    """The same as a number of records; those that could not be read count as sharing."""
    confidence: float
    unread: int
    """Records that could not be read; nothing is known of them."""
    left_out: tuple[LeftOut, ...]
    """Fields that were compared with nothing; the bound does not hold for what stands there."""
    dropped_seeds: int


@dataclass(frozen=True, slots=True)
class ShardSample:
    """Matches the sampled records of one shard; what it needs can be sent to another process."""

    matcher: Matcher
    reader: ShardReader
    share: float
    seed: int

    def __call__(self, target: ShardToScan, progress: Progress) -> SampledShard:
        """Sample a shard."""
        progress.note(target.shard.path)
        chance, dropped = _generator(target, self.seed), self.matcher.dropped_seeds
        taken = sampled = 0
        sharing: set[int] = set()
        last = -1  # the last record that was decided upon
        chosen = np.zeros(0, np.int64)
        try:
            stream = self.reader.open(target.location, text_field=target.dataset.text_field, tokenizer=target.dataset.tokenizer)
            for batch in stream:
                fresh = np.unique(batch.record[batch.record > last])
                if len(fresh):
                    drawn = fresh[chance.random(len(fresh)) < self.share]
                    sampled += len(drawn)
                    chosen = np.concatenate([chosen[chosen == last], drawn])  # a record may go on in this batch
                    last = int(fresh[-1])
                found = self.matcher.match_batch(take_rows(batch, np.isin(batch.record, chosen)), path=target.shard.path) if len(chosen) else []
                sharing.update(m.record for m in found if not m.explained)
                progress.advance(stream.bytes_read - taken)
                taken = stream.bytes_read
        except IngestError as err:
            return SampledShard(error=f"{err}; {err.hint}" if err.hint else str(err))
        return SampledShard(
            records=stream.records,
            sampled=sampled,
            sharing=len(sharing),
            unread=stream.unread,
            left_out=tuple(LeftOut(field=name, records=count) for name, count in sorted(stream.left_out.items())),
            dropped_seeds=self.matcher.dropped_seeds - dropped,
        )


def _generator(target: ShardToScan, seed: int) -> np.random.Generator:
    """Return chance that depends on the seed and the shard alone, so that a sample can be drawn again."""
    digest = hashlib.sha256(f"{seed}:{target.shard.sha256}:{target.shard.path}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def sample_registered(
    targets: Iterable[ShardToScan], finders: Finders, tools: Tools, *, share: float, seed: int
) -> tuple[list[Sample], list[ReadProblem]]:
    """Sample registered shards.

    Args:
        targets: The shards.
        finders: What to look for; suspects are not looked for.
        tools: Opens shards, runs the work.
        share: Of the records, above 0 and up to 1; each is drawn by itself.
        seed: Another one draws other records.

    Returns:
        What was found by dataset, and the shards of which nothing is known. Upper bounds are of Clopper and Pearson (1934), one-sided.
    """
    every = list(targets)
    shards: dict[str, list[SampledShard]] = {}
    problems: list[ReadProblem] = []
    work = ShardSample(finders.matcher, tools.reader, share, seed)
    for number, done in tools.engine.run(work, every, [t.shard.size_bytes for t in every], tools.progress):
        error = str(done) if isinstance(done, WorkerLostError) else done.error
        if isinstance(done, WorkerLostError) or error is not None:
            problems.append(ReadProblem(path=every[number].shard.path, line=None, record=None, message=str(error)))
        else:
            shards.setdefault(every[number].dataset.name, []).append(done)
    return [_sum_up(name, found) for name, found in sorted(shards.items())], problems


def _sum_up(name: str, shards: list[SampledShard]) -> Sample:
    records, sampled, sharing, unread = (sum(getattr(s, part) for s in shards) for part in ("records", "sampled", "sharing", "unread"))
    known = records - min(unread, records)
    bound = binomial_upper_bound(sharing, sampled, CONFIDENCE) if sampled < known else sharing / sampled if sampled else 1.0
    left_out: Counter[str] = Counter()
    for field in (f for s in shards for f in s.left_out):
        left_out[field.field] += field.records
    return Sample(
        dataset=name,
        records=records,
        sampled=sampled,
        sharing=sharing,
        upper_share=bound,
        upper_records=min(max(math.ceil(bound * known), sharing) + unread, records),
        confidence=CONFIDENCE,
        unread=unread,
        left_out=tuple(LeftOut(field=field, records=count) for field, count in sorted(left_out.items())),
        dropped_seeds=sum(s.dropped_seeds for s in shards),
    )
