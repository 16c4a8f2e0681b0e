"""How much data there is: tokens where they were counted, else an estimate from words, and the brackets of the template that it falls into; large datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.report.disclosure.template import Row
from provenance.report.disclosure.wide import LARGEST_TOKENS, LARGEST_TOKENS_UNSPACED, is_spaced

LARGE_PERCENT = 3
_HUNDRED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A number that is known to lie between two."""

    low: int
    high: int | None
    """``None`` = there is no upper end."""

    def __add__(self, other: Span) -> Span:
        """Return the sum."""
        high = None if self.high is None or other.high is None else self.high + other.high
        return Span(low=self.low + other.low, high=high)


def words_of(record: AuditRecord, summary: DatasetSummary) -> Span:
    """Return the words of a dataset: more than were counted where a shard of it was not counted, or records could not be read."""
    counted = all(s.words is not None for s in record.shards if s.dataset == summary.dataset.name)
    is_whole = counted and summary.words > 0 and not summary.unread_records
    return Span(low=summary.words, high=summary.words if is_whole else None)


def tokens_of(record: AuditRecord, summary: DatasetSummary) -> tuple[Span, str]:
    """Return the tokens of a dataset's text, and the tokenizer, which is empty where they are estimated from words."""
    counts = summary.dataset.details.token_counts
    if counts:
        tokens = [c.tokens for c in counts]
        return Span(low=min(tokens), high=max(tokens)), ", ".join(dict.fromkeys(c.tokenizer for c in counts))
    words, most = words_of(record, summary), most_tokens(summary)
    return Span(low=words.low, high=None if words.high is None else words.high * most), ""


def most_tokens(summary: DatasetSummary) -> int:
    """Return how many tokens a word of a dataset is taken to be at most."""
    return LARGEST_TOKENS if is_spaced(summary.dataset.languages) else LARGEST_TOKENS_UNSPACED


def brackets_of(row: Row, size: Span) -> tuple[str, ...]:
    """Return the brackets of a modality that a size may fall into: one where both of its ends do."""

    def at(value: float) -> int:
        return sum(value >= bound for bound in row.bounds)

    last = len(row.brackets) - 1 if size.high is None else at(size.high)
    return row.brackets[at(size.low) : last + 1]


def large_datasets(sizes: Mapping[str, Mapping[str, Span]]) -> dict[str, TriState]:
    """Return which datasets are large: whether any modality of one exceeds 3 % of all public data of that modality.

    Args:
        sizes: Size of each dataset by modality, after pre-processing, without splitting. The unit is the same within a modality.
    """
    return {name: _any(_is_large(name, modality, sizes) for modality in own) if own else TriState.UNKNOWN for name, own in sizes.items()}


def _any(states: Iterable[TriState]) -> TriState:
    found = set(states)
    return TriState.YES if TriState.YES in found else TriState.UNKNOWN if TriState.UNKNOWN in found else TriState.NO


def _is_large(name: str, modality: str, sizes: Mapping[str, Mapping[str, Span]]) -> TriState:
    own = sizes[name][modality]
    others = [s[modality] for other, s in sizes.items() if other != name and modality in s]
    if not others:
        return TriState.NO if own.high == 0 else TriState.YES
    rest = Span(low=0, high=0)
    for other in others:
        rest += other
    if rest.high is not None and _exceeds(own.low, rest.high):
        return TriState.YES
    if own.high is not None and not _exceeds(own.high, rest.low):
        return TriState.NO
    return TriState.UNKNOWN


def _exceeds(own: int, rest: int) -> bool:
    return own * _HUNDRED > LARGE_PERCENT * (own + rest)
