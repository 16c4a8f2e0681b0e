"""What the AI Act asks to be known of training content: opt-outs of crawled sites, and what the public summary must say of each dataset.

Points are those of the template C(2025) 8311 final. Only what can be told from a registry is looked at; what a provider has to write himself is not.
A dataset that was made of others says what they say, where all of them say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from provenance.audit.judged import JudgedDataset
from provenance.canonical import digest_of
from provenance.fingerprint.digest import is_digest
from provenance.model.absence import TriState, is_absent
from provenance.model.dataset import Dataset, SourceKind
from provenance.model.details import Modality, OptOutCheck, OptOutSignal
from provenance.model.finding import FindingEvidence
from provenance.policy.facts import FactValue

_SHOWN = 8
"""Checks and gaps that the evidence names."""
_WITH_LANGUAGE = frozenset({Modality.TEXT, Modality.AUDIO, Modality.VIDEO})
Point = tuple[str, Callable[[Dataset], bool]]
"""What is missing where a dataset does not state it."""


def disclosure_values(judged: JudgedDataset) -> dict[str, FactValue]:
    """Return the facts of a dataset."""
    gaps = tuple(summary_gaps(judged))
    return {
        "crawled": _crawled(judged).value,
        "reservations": _reservations(judged).value,
        "reservations_kept": "YES" if _is_kept(judged) else "NO",
        "summary.missing": len(gaps),
        "summary.gaps": gaps,
    }


def disclosure_evidence(judged: JudgedDataset) -> Iterator[FindingEvidence]:
    """Yield what the facts rest on."""
    checks = [(d.name, c) for d in _everything(judged) for c in d.details.collection.opt_outs]
    for name, check in checks[:_SHOWN]:
        text = f"{name}: {check.signal}, honoured {check.honoured}, read at {check.evidence.url} on {check.evidence.fetched_at}"
        yield FindingEvidence(kind="reservations", digest=digest_of([judged.name, text]), summary=text)
    for gap in list(summary_gaps(judged))[:_SHOWN]:
        yield FindingEvidence(kind="summary", digest=digest_of([judged.name, gap]), summary=gap)


def summary_gaps(judged: JudgedDataset) -> Iterator[str]:
    """Yield the points of the public summary that cannot be filled in for a dataset, with what is missing."""
    if judged.version is None:
        yield "2: it is not registered"
        return
    own = judged.version.dataset
    if judged.words is None:
        yield "1.3.b: its size, no one counted the words of each shard"
    inherited = () if judged.unknown_ancestors else judged.related
    for gap, states in _points(own):
        if not states(own) and not (inherited and all(states(d) for d in inherited)):
            yield gap


def _points(dataset: Dataset) -> Iterator[Point]:
    kind = dataset.source.kind
    yield "2: where it came from, source.kind", lambda d: d.source.kind is not SourceKind.UNKNOWN
    yield "1.3.c: its types of content, details.content_types or details.description", _describes
    yield "1.3.d: when the last of it was collected, source.collected.to or the days of the models that wrote it", _dates_its_end
    if not dataset.details.modalities or _WITH_LANGUAGE & set(dataset.details.modalities):
        yield "1.3.e: its languages, languages", lambda d: bool(d.languages)
    if kind is SourceKind.PUBLIC_DATASET:
        yield "2.1.c: where it can be had, source.url, or details.description and source.collected", _is_found
    if kind is SourceKind.WEB_CRAWL:
        yield "2.3.b: the crawlers' names, details.collection.crawlers", lambda d: _of_crawlers(d, "name")
        yield "2.3.c: what the crawlers are for, details.collection.crawlers", lambda d: _of_crawlers(d, "purpose")
        yield "2.3.d: how opt-outs were treated, details.collection.opt_outs", lambda d: bool(d.details.collection.opt_outs)
        yield "2.3.e: from when to when it was collected, source.collected", _dates_both
        yield "2.3.f: what was crawled, details.description", lambda d: _is_stated(d.details.description)
    if kind is SourceKind.USER_DATA:
        yield "2.4.c: the services that it was collected by, details.description", lambda d: _is_stated(d.details.description)
    if dataset.declares_writer:
        yield "2.5.c: the models that made it, generators", _names_models
    if kind in {SourceKind.OWN, SourceKind.OTHER}:
        yield "2.6.b: what it is, details.description", lambda d: _is_stated(d.details.description)


def _is_stated(text: str) -> bool:
    return not is_absent(text.strip())


def _describes(dataset: Dataset) -> bool:
    return bool(dataset.details.content_types) or _is_stated(dataset.details.description)


def _dates_its_end(dataset: Dataset) -> bool:
    days = [g.generated.end for g in dataset.writers] or [dataset.source.collected.end]
    return _is_stated(dataset.source.collected.end) or all(_is_stated(day) for day in days)


def _dates_both(dataset: Dataset) -> bool:
    return _is_stated(dataset.source.collected.start) and _is_stated(dataset.source.collected.end)


def _is_found(dataset: Dataset) -> bool:
    return _is_stated(dataset.source.url) or (_is_stated(dataset.details.description) and _dates_both(dataset))


def _of_crawlers(dataset: Dataset, field: str) -> bool:
    crawlers = dataset.details.collection.crawlers
    return bool(crawlers) and all(_is_stated(getattr(c, field)) for c in crawlers)


def _names_models(dataset: Dataset) -> bool:
    return bool(dataset.writers) and all(_is_stated(g.provider) and _is_stated(g.model) for g in dataset.writers)


def _everything(judged: JudgedDataset) -> tuple[Dataset, ...]:
    return () if judged.version is None else (judged.version.dataset, *judged.related)


def _crawled(judged: JudgedDataset) -> TriState:
    kinds = {d.source.kind for d in _everything(judged)}
    if SourceKind.WEB_CRAWL in kinds:
        return TriState.YES
    return TriState.UNKNOWN if not kinds or SourceKind.UNKNOWN in kinds or judged.unknown_ancestors else TriState.NO


def _reservations(judged: JudgedDataset) -> TriState:
    """Tell whether opt-outs were honoured, by all that the text comes from: one that was not beats one of which nobody knows."""
    if judged.version is None:
        return TriState.UNKNOWN
    said = {_honoured(checks) for checks in _checks(judged)}
    if TriState.NO in said:
        return TriState.NO
    return TriState.UNKNOWN if TriState.UNKNOWN in said or judged.unknown_ancestors else TriState.YES


def _is_kept(judged: JudgedDataset) -> bool:
    checks = [c for found in _checks(judged) for c in found or (None,)]
    return all(c is not None and is_digest(c.evidence.sha256) for c in checks)


def _checks(judged: JudgedDataset) -> Iterator[tuple[OptOutCheck, ...]]:
    """Yield what each dataset says of opt-outs that has to say it: those that were crawled, or perhaps were, and those that say something."""
    for number, dataset in enumerate(_everything(judged)):
        checks = dataset.details.collection.opt_outs
        is_made_of_others = bool(judged.related) if number == 0 else bool(dataset.derived_from)
        if checks or (dataset.source.kind in {SourceKind.WEB_CRAWL, SourceKind.UNKNOWN} and not is_made_of_others):
            yield checks


def _honoured(checks: Iterable[OptOutCheck]) -> TriState:
    said = {c.honoured for c in checks}
    if TriState.NO in said:
        return TriState.NO
    has_robots = any(c.signal is OptOutSignal.ROBOTS_TXT and c.honoured is TriState.YES for c in checks)
    return TriState.YES if has_robots and said == {TriState.YES} else TriState.UNKNOWN
