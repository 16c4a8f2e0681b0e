"""What a registry tells of the twelve items of California's Civil Code, section 3111(a), for one dataset of a run.

Rules this module keeps: a statement rests on recorded facts alone and names them; what is not recorded is said to be not known, with the reason; what only a
person can judge (whether information is personal as California defines it) is at most a draft. The items' labels are ours, not the statute's words.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provenance.licensing.public_domain import is_dedication
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import Dataset, Generator, SourceKind
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind

ITEMS: Final = tuple(range(1, 13))
"""Numbers of the items, in the statute's order."""
INHERITED: Final = frozenset({1, 5, 6, 7, 10, 12})
"""Items of which what a dataset was made from tells as well: who owns it, rights, how it was acquired, people in it, days, models that wrote it."""
PUBLIC_DOMAIN_HOLDER: Final = "PUBLIC-DOMAIN"
_RANGES: Final = (0, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
"""Bounds of the general ranges, in data points: the statute lets ranges be given, and leaves them to the developer."""
RIGHTS: Final = ("copyright", "trademark", "patent")
"""Fields of a dataset's rights, in the statute's order."""
_NOT_RECORDED: Final = "not recorded"
_SOURCES: Final = {
    SourceKind.WEB_CRAWL: "collected from websites",
    SourceKind.PUBLIC_DATASET: "a dataset that others published",
    SourceKind.LICENSED: "licensed from others",
    SourceKind.USER_DATA: "from users of services",
    SourceKind.SYNTHETIC: "made by models",
    SourceKind.OWN: "the developer's own",
    SourceKind.OTHER: "from another kind of source",
}
_ROLES: Final = {"generate": "text made by", "rewrite": "text rewritten by"}


class Known(StrEnum):
    """How far recorded facts answer an item."""

    COMPUTED = "computed"
    """They answer it."""
    DRAFTED = "drafted"
    """They answer a part, or propose an answer that a person has to confirm."""
    NOT_KNOWN = "not-known"
    """Nothing that is recorded answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is known of one item."""

    item: int
    known: Known
    text: str
    """A sentence or two; what is not known says why."""
    facts: tuple[str, ...] = ()
    """Fields of the audit record or the registry that it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRead:
    """When a dataset was first used, as run records tell it."""

    sentence: str
    """Never empty."""
    is_known: bool


NO_RUN_RECORD: Final = FirstRead(sentence="not known – no run record", is_known=False)


def dataset_statements(record: AuditRecord, summary: DatasetSummary, first: FirstRead = NO_RUN_RECORD) -> tuple[Statement, ...]:
    """Return the twelve items for one dataset of an audit, in order.

    Args:
        record: The audit.
        summary: One of its datasets.
        first: When it was first used.
    """
    makers: Mapping[int, Callable[[], Statement]] = {
        1: lambda: _sources(summary.dataset, record),
        2: lambda: _purpose(summary.dataset, record),
        3: lambda: _points(record, summary),
        4: lambda: _types(summary.dataset),
        5: lambda: _rights(summary.dataset),
        6: lambda: _acquired(summary.dataset),
        7: lambda: _personal(summary.dataset),
        8: lambda: _not_known(8, "whether it includes aggregate consumer information is not recorded; a person has to say it"),
        9: lambda: _processing(summary.dataset),
        10: lambda: _period(summary.dataset, record),
        11: lambda: _first_used(first),
        12: lambda: _synthetic(summary.dataset, summary.synthetic),
    }
    return tuple(makers[item]() for item in ITEMS)


def inherited_statement(item: int, dataset: Dataset, record: AuditRecord) -> Statement:
    """Return what one of the items that are ``INHERITED`` says of a dataset that another was made from.

    Args:
        item: Its number.
        dataset: The ancestor's facts.
        record: The audit.
    """
    makers: Mapping[int, Callable[[], Statement]] = {
        1: lambda: _sources(dataset, record),
        5: lambda: _rights(dataset),
        6: lambda: _acquired(dataset),
        7: lambda: _personal(dataset),
        10: lambda: _period(dataset, record),
        12: lambda: _synthetic(dataset, dataset.synthetic),
    }
    return makers[item]()


def work_alarms(record: AuditRecord, dataset: str) -> tuple[Match, ...]:
    """Return the unexplained passages of a dataset that it shares with works which somebody holds rights in, or may hold."""
    return tuple(
        e.match
        for e in record.evidence
        if e.dataset == dataset
        and not e.match.explained
        and e.reference.kind is ReferenceKind.WORK
        and e.reference.holder != PUBLIC_DOMAIN_HOLDER
        and not is_dedication(e.reference.license)
    )


def output_alarms(record: AuditRecord, dataset: str) -> tuple[Match, ...]:
    """Return the unexplained passages of a dataset that it shares with recorded outputs of models."""
    return tuple(e.match for e in record.evidence if e.dataset == dataset and not e.match.explained and e.reference.kind is ReferenceKind.API_OUTPUT)


def range_of(points: int) -> str:
    """Return the general range that a number of data points lies in.

    >>> range_of(0), range_of(24_444), range_of(10_000), range_of(2_000_000_000)
    ('none', '10,000 to 100,000', '10,000 to 100,000', 'more than 1,000,000,000')
    """
    if points == 0:
        return "none"
    for low, high in itertools.pairwise(_RANGES):
        if low <= points < high:
            return f"fewer than {high:,}" if low == 0 else f"{low:,} to {high:,}"
    return f"more than {_RANGES[-1]:,}"


def _not_known(item: int, why: str) -> Statement:
    return Statement(item=item, known=Known.NOT_KNOWN, text=f"not known – {why}")


def _said(item: int, text: str, *facts: str, is_draft: bool = False) -> Statement:
    return Statement(item=item, known=Known.DRAFTED if is_draft else Known.COMPUTED, text=text, facts=facts)


def _sources(dataset: Dataset, record: AuditRecord) -> Statement:
    source, details = dataset.source, dataset.details
    owners = [
        ("published by", details.publisher),
        ("made by", ", ".join(details.creators)),
        ("rights held by", ", ".join(details.rights.holders)),
        ("owned by", record.run.organization.name if source.kind is SourceKind.OWN else ""),
        ("outputs of", ", ".join(dict.fromkeys(_model_name(g) for g in dataset.writers if not is_absent(g.provider)))),
        ("collected by", "" if "@" in source.collector else source.collector),  # a person's address is not for publishing
        ("found at", source.url),
        ("made from", ", ".join(dataset.derived_from)),
    ]
    named = [f"{words} {value}" for words, value in owners if not is_absent(value)]
    kind = _SOURCES.get(source.kind, "")
    if not named:
        return _not_known(
            1, f"{kind}; neither owner nor address is recorded" if kind else "neither its kind of source, its owner nor its address is recorded"
        )
    return _said(1, _sentence("; ".join([kind or "kind of source not known", *named])), "source", "details.creators", is_draft=not kind)


def _purpose(dataset: Dataset, record: AuditRecord) -> Statement:
    use, own = record.run.purpose.use, dataset.details.purposes
    parts = [
        "" if is_absent(use) else f"the system is meant for {use}",
        f"the dataset is meant for {', '.join(own)}" if own else "",
        "" if is_absent(dataset.domain) else f"it covers {dataset.domain}",
    ]
    if not own and is_absent(dataset.domain):
        return _not_known(2, "how it furthers the purpose is not recorded; a person has to say it")
    return _said(2, _sentence("; ".join(p for p in parts if p)), "run.purpose.use", "details.purposes", "domain", is_draft=True)


def _points(record: AuditRecord, summary: DatasetSummary) -> Statement:
    uncounted = sum(s.dataset == summary.dataset.name and s.records is None for s in record.shards)
    if not summary.records and (uncounted or summary.shards):
        return _not_known(3, f"no record of its {_counted(summary.shards, 'shard')} was counted")
    points = f"{range_of(summary.records)} ({_counted(summary.records, 'record')}, {_counted(summary.words, 'word')})"
    ongoing = summary.dataset.details.collection.ongoing
    if ongoing is TriState.YES:
        points = f"estimated: {points} on {record.created[:10]}, and growing, since collection goes on"
    if uncounted:
        points += f"; at least, since {uncounted:,} of {_counted(summary.shards, 'shard')} {'was' if uncounted == 1 else 'were'} not counted"
    if summary.unread_records:
        points += f"; {_counted(summary.unread_records, 'more record')} could not be read"
    return _said(3, _sentence(points), "records", "words", "details.collection.ongoing", is_draft=bool(uncounted))


def _types(dataset: Dataset) -> Statement:
    details = dataset.details
    labels = [_model_name(g) for g in dataset.generators if g.is_labeller]
    parts = [
        f"kinds of data: {', '.join(m.value for m in details.modalities)}" if details.modalities else "",
        f"content: {', '.join(details.content_types)}" if details.content_types else "",
        f"languages: {', '.join(dataset.languages)}" if dataset.languages else "",
        "" if is_absent(dataset.domain) else f"subject: {dataset.domain}",
        f"labels were made by {', '.join(dict.fromkeys(labels))}" if labels else "whether it is labelled, and with which labels, is not recorded",
    ]
    if not (details.modalities or details.content_types or labels):
        return _not_known(4, "neither its types of content nor its labels are recorded")
    return _said(4, _sentence("; ".join(p for p in parts if p)), "details.modalities", "details.content_types", "languages", is_draft=True)


def _rights(dataset: Dataset) -> Statement:
    rights, held = dataset.details.rights, dataset.license.effective
    protected = [n for n in RIGHTS if getattr(rights, n) is TriState.YES]
    free = [n for n in RIGHTS if getattr(rights, n) is TriState.NO]
    license_ = "no licence is recorded" if is_absent(held) else f"licence on record: {held}"
    if protected:
        holders = f", held by {', '.join(rights.holders)}" if rights.holders else ""
        return _said(5, _sentence(f"yes, protected by {listed(protected)}{holders}; {license_}"), "details.rights", "license")
    if rights.public_domain is TriState.YES:
        return _said(5, _sentence(f"stated to be entirely in the public domain; {license_}"), "details.rights.public_domain", "license")
    if len(free) == len(RIGHTS):
        return _said(5, _sentence(f"stated to be protected by neither copyright, trademark nor patent; {license_}"), "details.rights", "license")
    if is_absent(held):
        return _not_known(5, "neither rights in it nor a licence are recorded")
    if is_dedication(held):
        return _said(5, f"Given to the public domain under {held}; trademarks and patents are {_NOT_RECORDED}.", "license", is_draft=True)
    return _said(
        5, f"Probably protected by copyright, since it is under a licence: {held}. Rights themselves are {_NOT_RECORDED}.", "license", is_draft=True
    )


def _acquired(dataset: Dataset) -> Statement:
    held, kind = dataset.license.effective, dataset.source.kind
    under = "" if is_absent(held) else f" under {held}"
    if kind is SourceKind.LICENSED:
        return _said(6, f"Licensed{under}.", "source.kind", "license")
    if kind is SourceKind.OWN:
        return _said(6, "Neither bought nor licensed: the developer's own.", "source.kind")
    if kind is SourceKind.PUBLIC_DATASET and under:
        return _said(
            6,
            f"Used under the licence of its publication, {held}. Whether it was bought is {_NOT_RECORDED}.",
            "source.kind",
            "license",
            is_draft=True,
        )
    if kind in {SourceKind.WEB_CRAWL, SourceKind.USER_DATA, SourceKind.SYNTHETIC}:
        text = f"{_SOURCES[kind].capitalize()}{f', licence on record: {held}' if under else ', no licence is recorded'}. Whether it was bought is {_NOT_RECORDED}."
        return _said(6, text, "source.kind", "license", is_draft=True)
    return _not_known(6, "how it was acquired is not recorded")


def _personal(dataset: Dataset) -> Statement:
    found = dataset.details.personal_data
    if found.present is TriState.UNKNOWN:
        return _not_known(7, "whether it includes personal information is not recorded; a person has to say it")
    if found.present is TriState.NO:
        return _said(
            7,
            "Stated to hold no personal data. California's definition is its own: a person has to confirm it.",
            "details.personal_data",
            is_draft=True,
        )
    parts = [
        "stated to hold personal data",
        f"categories: {', '.join(found.categories)}" if found.categories else "",
        "sensitive ones among them" if found.sensitive is TriState.YES else "",
        f"measures: {', '.join(found.measures)}" if found.measures else "",
    ]
    return _said(
        7,
        _sentence("; ".join(p for p in parts if p)) + " California's definition is its own: a person has to confirm it.",
        "details.personal_data",
        is_draft=True,
    )


def processing_of(dataset: Dataset) -> tuple[str, ...]:
    """Return the steps on record that changed a dataset."""
    rewritten = [f"rewritten by {_model_name(g)}" for g in dataset.generators if g.role == "rewrite"]
    labelled = [f"labelled by {_model_name(g)}" for g in dataset.generators if g.is_labeller]
    made = [f"made from {', '.join(dataset.derived_from)}"] if dataset.derived_from else []
    return tuple(dict.fromkeys([*dataset.details.processing, *dataset.details.personal_data.measures, *rewritten, *labelled, *made]))


def _processing(dataset: Dataset) -> Statement:
    steps = processing_of(dataset)
    if not steps:
        return _not_known(9, "no cleaning, processing or other change is recorded, nor that there was none")
    return _said(
        9,
        _sentence(f"yes: {'; '.join(steps)}") + " What each step was for has to be added.",
        "details.processing",
        "derived_from",
        "generators",
        is_draft=True,
    )


def _period(dataset: Dataset, record: AuditRecord) -> Statement:
    first, last = period_of(dataset)
    ongoing = dataset.details.collection.ongoing
    if not first and not last:
        return _not_known(10, "the days from which to which it was collected are not recorded")
    if not first or (not last and ongoing is not TriState.YES):
        told = f"From {first}; until when is {_NOT_RECORDED}" if first else f"Until {last}; from when is {_NOT_RECORDED}"
        goes_on = {
            TriState.YES: "Collection is ongoing",
            TriState.NO: "Collection has ended",
            TriState.UNKNOWN: f"Whether collection goes on is {_NOT_RECORDED}",
        }
        return _said(10, f"{told}. {goes_on[ongoing]}.", "source.collected", "details.collection.ongoing", is_draft=True)
    if ongoing is TriState.YES:
        return _said(10, f"From {first}. Collection is ongoing, as of {record.created[:10]}.", "source.collected", "details.collection.ongoing")
    if ongoing is TriState.NO:
        return _said(10, f"From {first} to {last}. Collection has ended.", "source.collected", "details.collection.ongoing")
    return _said(10, f"From {first} to {last}. Whether collection goes on is {_NOT_RECORDED}.", "source.collected", is_draft=True)


def period_of(dataset: Dataset) -> tuple[str, str]:
    """Return the first and the last day of collection, or of the making by models where no collection is dated; empty where a day is not known."""
    ranges = [dataset.source.collected]
    if is_absent(ranges[0].start) and is_absent(ranges[0].end):
        ranges = [g.generated for g in dataset.writers]
    starts, ends = [r.start for r in ranges], [r.end for r in ranges]
    first = "" if not starts or any(is_absent(s) for s in starts) else min(starts)
    return first, "" if not ends or any(is_absent(e) for e in ends) else max(ends)


def _first_used(first: FirstRead) -> Statement:
    known = Known.COMPUTED if first.is_known else Known.NOT_KNOWN
    return Statement(
        item=11, known=known, text=_sentence(first.sentence) if first.is_known else first.sentence, facts=("runs",) if first.is_known else ()
    )


def _synthetic(dataset: Dataset, synthetic: TriState) -> Statement:
    made = [f"{_ROLES.get(g.role, 'changed by')} {_model_name(g)}" for g in dataset.writers]
    labels = _labels_note(dataset)
    if synthetic is TriState.YES:
        models = "; ".join(dict.fromkeys(made)) or "by models that nobody named"
        return _said(12, _sentence(f"yes, holds synthetic data: {models}") + labels, "synthetic", "generators", is_draft=not made)
    if synthetic is TriState.NO:
        return _said(12, f"Stated to hold no synthetic data.{labels}", "synthetic", *(["generators"] if labels else []))
    return _not_known(12, f"whether it holds synthetic data is not recorded{'.' if labels else ''}{labels}")


def _labels_note(dataset: Dataset) -> str:
    """Return the sentence on labels by models: they are no synthetic data in themselves, and a reader may want to know of them here."""
    models = dict.fromkeys(_model_name(g) for g in dataset.generators if g.is_labeller)
    return f" Labels beside the text were made by {listed(list(models))}." if models else ""


def _model_name(generator: Generator) -> str:
    known = [v for v in (generator.provider, generator.model) if not is_absent(v)]
    return " ".join(known) or "a model that nobody named"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def listed(words: list[str]) -> str:
    """Return words as a list in a sentence: ``copyright, trademark and patent``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _sentence(text: str) -> str:
    shown = text[:1].upper() + text[1:]
    return shown if shown.endswith((".", "!", "?")) else f"{shown}."
