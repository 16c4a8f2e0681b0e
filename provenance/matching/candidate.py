"""A passage that one text shares with one reference, and the exact runs inside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel


@dataclass(slots=True)
class Candidate:
    """A passage that one text shares with one reference, in words of the batch and of the segment."""

    segment: int
    ref: int
    start: int
    end: int
    ref_start: int
    ref_end: int
    score: int
    equal: int
    loose: int = 0
    """Words that only one of the two texts has, within what could be aligned."""
    counted: int = 0
    """Words of the training side, numbers of list items included."""
    whole: bool = False
    """The whole text equals the whole reference."""
    near: bool = False
    """The whole text is a near-duplicate of the whole reference, verified exactly."""
    characters: int = 0
    """Code points from the first word to the last; counted for whole texts only."""
    run: tuple[int, int] | None = None
    """Where ``longest_run`` found the longest run, once it has looked."""

    @property
    def words(self) -> int:
        """Return the words of the training side."""
        return self.end - self.start

    @property
    def density(self) -> float:
        """Return how much of the passage is copied word by word, 0 … 1 and below.

        Who copies and edits replaces words one by one: a replaced word counts half against. Who retells or translates anew builds other sentences: an
        unpaired word counts four times against.
        """
        return (self.equal - 0.5 * (self.words - self.equal) - 4.0 * self.loose) / self.words


@dataclass(frozen=True, slots=True)
class RowRuns:
    """Exact runs of one row with one segment: (n, 5) as in ``passages.Found``."""

    segment: int
    runs: NDArray[np.int64]


def longest_run(found: Candidate, runs: Sequence[RowRuns]) -> tuple[int, int]:
    """Return the words of the longest exact run with the reference, within the passage; all of a whole equal text.

    Args:
        found: The passage; remembers the answer.
        runs: The row's runs, one entry a segment, in the order of the segments.
    """
    if found.whole:
        return found.start, found.end
    if found.run is None:
        found.run = _longest_inside(runs[found.segment].runs, found.ref, found.start, found.end)
    return found.run


def own_runs(found: Candidate, runs: Sequence[RowRuns]) -> NDArray[np.int64]:
    """Return (n, 3) query position, reference position and length of the runs with the reference, cut to the passage."""
    if found.whole:
        return np.array([[found.start, found.ref_start, found.words]], dtype=np.int64)
    every = runs[found.segment].runs
    own = every[every[:, 1] == found.ref][:, 2:]
    skipped = np.maximum(found.start - own[:, 0], 0)
    own = np.column_stack([own[:, 0] + skipped, own[:, 1] + skipped, np.minimum(own[:, 0] + own[:, 2], found.end) - own[:, 0] - skipped])
    return own[own[:, 2] > 0]


@kernel()
def mark_runs(runs: NDArray[np.int64], refs: NDArray[np.bool_], start: int, end: int, mask: NDArray[np.bool_]) -> None:
    """Set ``mask`` for the words of [start, end) in a run with a reference of which ``refs`` is true (by run)."""
    for k in range(len(runs)):
        if refs[k]:
            for q in range(max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)):
                mask[q - start] = True


@kernel()
def mark_own(runs: NDArray[np.int64], ref: int, start: int, end: int, least: int, mask: NDArray[np.bool_]) -> int:
    """Set ``mask`` for the words of [start, end) in a run of at least so many of them with one reference; return in how many such runs they are."""
    held = 0
    for k in range(len(runs)):
        if runs[k, 1] == ref:
            first, last = max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)
            if last - first >= least:
                held += 1
                for q in range(first, last):
                    mask[q - start] = True
    return held


@kernel()
def _is_other(origins: NDArray[np.uint64], ref: int, model: np.uint64, provider: np.uint64, everyone: int) -> bool:
    """Tell whether a reference is another model's: of another name, or, where a name is not known, of another known provider. 0 is not known.

    With ``everyone``, all but the same model count: background is there to explain.
    """
    zero = np.uint64(0)
    if origins[ref, 0] != zero and model != zero:
        return bool(origins[ref, 0] != model)
    return bool(everyone != 0 or (origins[ref, 1] != zero and provider != zero and origins[ref, 1] != provider))


@kernel()
def mark_others(
    runs: NDArray[np.int64],
    origins: NDArray[np.uint64],
    own: NDArray[np.uint64],
    everyone: int,
    start: int,
    end: int,
    mask: NDArray[np.bool_],
    held: NDArray[np.bool_],
) -> None:
    """Set ``mask`` for the words of [start, end) in a run with another model's reference, and ``held`` for such runs. ``own``: model and provider."""
    for k in range(len(runs)):
        first, last = max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)
        held[k] = first < last and _is_other(origins, runs[k, 1], own[0], own[1], everyone)
        if held[k]:
            for q in range(first, last):
                mask[q - start] = True


@kernel()
def _longest_inside(runs: NDArray[np.int64], ref: int, start: int, end: int) -> tuple[int, int]:
    best_start, best_end = start, start
    for k in range(len(runs)):
        if runs[k, 1] == ref:
            first, last = max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)
            if last - first > best_end - best_start:
                best_start, best_end = first, last
    return best_start, best_end
