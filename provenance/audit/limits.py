"""What an audit says that it did not check, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.audit.judged import JudgedDataset, JudgedShard
from provenance.audit.register import leaf_of
from provenance.audit.run_statements import approval_limits
from provenance.errors import ManifestError
from provenance.fingerprint.digest import merkle_root
from provenance.model.absence import Absence
from provenance.model.audit import NO_ROOT, MatchEvidence, ReferenceSummary
from provenance.model.finding import Finding, SubjectKind
from provenance.model.run import Run

_PACK_LIMIT = (
    "{name} is a reference pack, in whole or in part: one word sequence in {rate} stands for its texts. On test data such packs touched {share} of the planted "
    "passages, texts 99.8 %; passages of about fifty words, and much changed ones, are missed more often."
)
_PACK_SHARES = {2: "99.2 %", 4: "98.0 %", 8: "92.8 %"}
"""Measured by benchmarks/packs.py (docs/benchmarks.md)."""

_GROUPED = {
    SubjectKind.MATCH: ("shared passages", "the evidence keeps each"),
    SubjectKind.SHARD: ("shards", "provenance policy explain judges one by itself"),
}
"""What grouped findings stand for, and where these are found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was judged."""

    run: Run
    references: tuple[ReferenceSummary, ...]
    datasets: tuple[JudgedDataset, ...]
    min_words: int
    today: str = ""
    """``YYYY-MM-DD``, UTC."""


def manifest_root(shards: Sequence[JudgedShard]) -> str:
    """Return the root over all shards of a run. Nothing is never cleared, and neither is a path that stands for two different files."""
    try:
        return merkle_root(leaf_of(s.checked.shard) for s in shards)
    except ManifestError:
        return NO_ROOT


def list_limits(scope: Scope, *, alarms: int, evidence: Sequence[MatchEvidence], findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what an audit did not check or does not list, and why.

    Args:
        scope: What was judged.
        alarms: How many alarms there are.
        evidence: The matches that the record lists.
        findings: The findings that it lists.
    """
    return (
        "Words stand for tokens: no tokenizer is named.",
        "Matching compares words. A paraphrase or a translation shares too few words to be found.",
        *_limits_of_references(scope),
        *_limits_of_shards(scope.datasets),
        *approval_limits(scope.run, scope.today),
        *_limits_of_the_record(alarms, evidence, findings),
        *(("The run does not say whether the weights will be released.",) if scope.run.model.release.weights == Absence.UNKNOWN.value else ()),
    )


def _limits_of_references(scope: Scope) -> Iterator[str]:
    if not scope.run.references:
        yield "The run names no reference set, so nobody looked for shared text."
        return
    total = sum(r.references for r in scope.references)
    yield f"Shared text was looked for in {total} references only; what is not among them cannot be found."
    yield f"Passages of fewer than {scope.min_words} words are listed as explained, and are no alarms by themselves."
    for reference in (r for r in scope.references if "/pack-" in r.scheme):
        rate = max(int(found) for found in re.findall(r"/1in(\d+)/", reference.scheme))
        yield _PACK_LIMIT.format(name=reference.name, rate=rate, share=_PACK_SHARES.get(rate, "an unknown share"))


def _limits_of_shards(datasets: Sequence[JudgedDataset]) -> Iterator[str]:
    shards = [s for d in datasets for s in d.shards]
    if manifest_root(shards) == NO_ROOT:
        yield "The run has no shards, or one path stands for two different files (in two data roots, or in a version that is out of date)."
    unread = sum(s.unread_records for s in shards)
    if unread:
        yield f"{unread} records could not be read and were compared with nothing."
    for name, fields in ((d.name, sorted({f.field for s in d.shards for f in s.left_out})) for d in datasets):
        if fields:
            yield f"{name} names the field that is read. Nobody looked at the long text in: {', '.join(fields)}."
    dropped = sum(s.result.dropped_seeds for s in shards if s.result is not None)
    if dropped:
        yield f"{dropped} seed hits on very common text were left out by caps."


def _limits_of_the_record(alarms: int, evidence: Sequence[MatchEvidence], findings: Sequence[Finding]) -> Iterator[str]:
    listed = sum(not e.match.explained for e in evidence)
    if alarms > listed:
        yield f"{listed} of {alarms} shared passages are listed here; the others stand in the evidence files: provenance matches list goes through all."
    for kind, (what, where) in _GROUPED.items():
        grouped = [f for f in findings if f.grouped and f.subject.kind is kind]
        if not grouped:
            continue
        total = sum(f.grouped for f in grouped)
        yield f"{total} findings on {what} are not listed one by one but counted in grouped findings ({len(grouped)}); {where}."
