"""What the twelve items say of all datasets of a run together, what contradicts the evidence, and when the summary has to be posted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.audit.california import (
    ITEMS,
    NO_RUN_RECORD,
    FirstRead,
    Known,
    Statement,
    dataset_statements,
    output_alarms,
    period_of,
    processing_of,
    range_of,
    work_alarms,
)
from provenance.audit.naming import FROM_NOTHING
from provenance.licensing.public_domain import is_dedication
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord, DatasetSummary

RELEASED_SINCE: Final = "2022-01-01"
"""Systems that were released, or substantially changed, on or after this day are concerned."""
POSTED_SINCE: Final = "2026-01-01"
"""From this day on the summary has to be there before a system is made available."""
_CALIFORNIA: Final = frozenset({"us", "us-ca", "usa", "california", "world", "worldwide", "global", "all"})
"""Markets, in lower case, that Californians are among."""
EXEMPTIONS: Final = (
    "Its sole purpose is to help ensure security and integrity, as § 1798.140(ac) of the Civil Code defines them.",
    "Its sole purpose is to operate aircraft in the national airspace.",
    "It was developed for national security, military or defence, and is made available to a federal entity only.",
)
"""§ 3111(b), in our words. None is ever assumed: whoever relies on one has to say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a document claims of one dataset, by recorded facts or by a person's answer."""

    public_domain: TriState = TriState.UNKNOWN
    """All of it is in the public domain."""
    personal: TriState = TriState.UNKNOWN
    processed: TriState = TriState.UNKNOWN
    synthetic: TriState = TriState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A claim that the evidence speaks against."""

    item: int
    dataset: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerStep:
    """One line of the checklist: when the summary has to be posted."""

    text: str
    met: TriState
    """UNKNOWN where a person has to say it."""
    because: str


def recorded_claims(summary: DatasetSummary) -> Claims:
    """Return what the registry's own facts claim of a dataset."""
    details = summary.dataset.details
    return Claims(
        public_domain=details.rights.public_domain,
        personal=details.personal_data.present,
        processed=TriState.YES if processing_of(summary.dataset) else TriState.UNKNOWN,
        synthetic=summary.dataset.synthetic,
    )


def contradictions(record: AuditRecord, claims: Mapping[str, Claims]) -> tuple[Contradiction, ...]:
    """Return every claim that the evidence speaks against, by item.

    Args:
        record: The audit.
        claims: By dataset; of a dataset that is not among them the recorded ones count.
    """
    found = [c for s in record.datasets for c in _against(record, s, claims.get(s.dataset.name, recorded_claims(s)))]
    return tuple(sorted(found, key=lambda c: (c.item, c.dataset, c.text)))


def _against(record: AuditRecord, summary: DatasetSummary, claims: Claims) -> Iterator[Contradiction]:
    dataset, name = summary.dataset, summary.dataset.name
    if claims.public_domain is TriState.YES:
        for reason in _not_free(record, summary):
            yield Contradiction(item=5, dataset=name, text=f"said to be entirely in the public domain, but {reason}")
    if claims.personal is TriState.NO and dataset.details.personal_data.categories:
        listed = ", ".join(dataset.details.personal_data.categories)
        yield Contradiction(item=7, dataset=name, text=f"said to hold no personal information, but categories of it are recorded: {listed}")
    if claims.processed is TriState.NO and (steps := processing_of(dataset)):
        yield Contradiction(item=9, dataset=name, text=f"said to be unchanged, but these steps are recorded: {'; '.join(steps)}")
    first, last = period_of(dataset)
    if first and last and first > last:
        yield Contradiction(item=10, dataset=name, text=f"said to be collected from {first} to {last}, which runs backwards")
    if claims.synthetic is TriState.NO:
        for reason in _not_human(record, summary):
            yield Contradiction(item=12, dataset=name, text=f"said to hold no synthetic data, but {reason}")


def _not_free(record: AuditRecord, summary: DatasetSummary) -> Iterator[str]:
    dataset = summary.dataset
    protected = [n for n in ("copyright", "trademark", "patent") if getattr(dataset.details.rights, n) is TriState.YES]
    if protected:
        yield f"{' and '.join(protected)} in it are recorded"
    held = dataset.license.effective
    if not is_absent(held) and not is_dedication(held):
        yield f"its licence on record, {held}, rests on a copyright"
    if alarms := work_alarms(record, dataset.name):
        longest = max(alarms, key=lambda m: m.aligned_words)
        yield f"{_passages(len(alarms))} of works that are not known to be free, the longest sharing {longest.aligned_words:,} words with {longest.reference}"


def _not_human(record: AuditRecord, summary: DatasetSummary) -> Iterator[str]:
    makers = [g for g in summary.dataset.generators if g.role != "label"]
    if makers:
        yield f"{len(makers):,} models are recorded that made or rewrote it" if len(makers) > 1 else "a model is recorded that made or rewrote it"
    if alarms := output_alarms(record, summary.dataset.name):
        longest = max(alarms, key=lambda m: m.aligned_words)
        yield f"{_passages(len(alarms))} of recorded outputs of models, the longest sharing {longest.aligned_words:,} words with {longest.reference}"


def _passages(count: int) -> str:
    return "it holds a passage" if count == 1 else f"it holds {count:,} passages"


def whole_statements(record: AuditRecord, firsts: Mapping[str, FirstRead]) -> tuple[Statement, ...]:
    """Return the twelve items for all datasets of a run together, in order.

    Args:
        record: The audit.
        firsts: When each dataset was first used, by name.
    """
    each = {s.dataset.name: dataset_statements(record, s, firsts.get(s.dataset.name, NO_RUN_RECORD)) for s in record.datasets}
    return tuple(_together(item, record, [each[s.dataset.name][item - 1] for s in record.datasets]) for item in ITEMS)


def _together(item: int, record: AuditRecord, stated: Sequence[Statement]) -> Statement:
    if not stated:
        return Statement(item=item, known=Known.NOT_KNOWN, text="not known – the audit names no dataset")
    unknown = [s for s in stated if s.known is Known.NOT_KNOWN]
    if len(unknown) == len(stated):
        reasons = list(dict.fromkeys(s.text.removeprefix("not known – ") for s in stated))
        return Statement(item=item, known=Known.NOT_KNOWN, text=f"not known – {'; '.join(reasons[:3])}")
    lead = _LEADS[item](record) if item in _LEADS else f"Of {_datasets(len(stated))}, {len(stated) - len(unknown):,} say it."
    gap = f" Not known of {len(unknown):,} of {_datasets(len(stated))}." if unknown else ""
    is_whole = not unknown and all(s.known is Known.COMPUTED for s in stated)
    facts = tuple(dict.fromkeys(f for s in stated for f in s.facts))
    return Statement(item=item, known=Known.COMPUTED if is_whole else Known.DRAFTED, text=lead + gap, facts=facts)


def _datasets(count: int) -> str:
    return "1 dataset" if count == 1 else f"{count:,} datasets"


def _lead_sources(record: AuditRecord) -> str:
    counts: dict[str, int] = {}
    for s in record.datasets:
        counts[s.dataset.source.kind.value] = counts.get(s.dataset.source.kind.value, 0) + 1
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items()))
    return f"{_datasets(len(record.datasets))} by kind of source: {kinds}."


def _lead_purpose(record: AuditRecord) -> str:
    use = record.run.purpose.use
    return f"The system is meant for {'a use that is not recorded' if is_absent(use) else use}. What each dataset adds stands with it."


def _lead_points(record: AuditRecord) -> str:
    records, words = sum(s.records for s in record.datasets), sum(s.words for s in record.datasets)
    growing = sum(s.dataset.details.collection.ongoing is TriState.YES for s in record.datasets)
    tail = f" Estimated for {_datasets(growing)} whose collection goes on." if growing else ""
    return f"{range_of(records).capitalize()} data points ({records:,} records, {words:,} words).{tail}"


def _lead_types(record: AuditRecord) -> str:
    kinds = sorted({m.value for s in record.datasets for m in s.dataset.details.modalities})
    languages = sorted({tag for s in record.datasets for tag in s.dataset.languages})
    return f"Kinds of data: {', '.join(kinds) or 'not recorded'}. Languages: {', '.join(languages) or 'not recorded'}."


def _lead_rights(record: AuditRecord) -> str:
    rights = [s.dataset.details.rights for s in record.datasets]
    protected = sum(TriState.YES in {r.copyright, r.trademark, r.patent} for r in rights)
    free = sum(r.public_domain is TriState.YES and TriState.YES not in {r.copyright, r.trademark, r.patent} for r in rights)
    licensed = sum(not is_absent(s.dataset.license.effective) for s in record.datasets)
    total = _datasets(len(rights))
    return f"Of {total}, {protected:,} are stated to hold protected data, {free:,} to be entirely in the public domain; {licensed:,} have a licence on record."


def _lead_acquired(record: AuditRecord) -> str:
    licensed = sum(s.dataset.source.kind.value == "licensed" for s in record.datasets)
    return f"Of {_datasets(len(record.datasets))}, {licensed:,} were licensed by agreement. How the others were acquired stands with each."


def _lead_period(record: AuditRecord) -> str:
    days = [period_of(s.dataset) for s in record.datasets]
    first, last = min((d[0] for d in days if d[0]), default=""), max((d[1] for d in days if d[1]), default="")
    growing = sum(s.dataset.details.collection.ongoing is TriState.YES for s in record.datasets)
    tail = f" Collection is ongoing for {_datasets(growing)}." if growing else ""
    return f"Earliest day {first or 'not known'}, latest day {last or 'not known'}.{tail}"


def _lead_synthetic(record: AuditRecord) -> str:
    made = sum(s.synthetic is TriState.YES for s in record.datasets)
    if made:
        return f"Yes: {made:,} of {_datasets(len(record.datasets))} hold synthetic data."
    return f"None of {_datasets(len(record.datasets))} is stated to hold synthetic data."


_LEADS: Final = {
    1: _lead_sources,
    2: _lead_purpose,
    3: _lead_points,
    4: _lead_types,
    5: _lead_rights,
    6: _lead_acquired,
    10: _lead_period,
    12: _lead_synthetic,
}


def trigger_steps(record: AuditRecord) -> tuple[TriggerStep, ...]:
    """Return the checklist of when the summary has to be posted, answered where the run file tells."""
    release, base = record.run.model.release, record.run.model.base
    markets = ", ".join(release.markets)
    is_there = TriState.YES if {m.casefold() for m in release.markets} & _CALIFORNIA else TriState.UNKNOWN
    dated = not is_absent(release.date)
    is_tuned = base is not None and not is_absent(base) and base != FROM_NOTHING
    return (
        TriggerStep(
            text="The system, or a substantial change of it, is made available to people in California, paid for or not.",
            met=is_there,
            because=f"markets in the run file: {markets}" if markets else "the run file names no markets",
        ),
        TriggerStep(
            text=f"It was released on or after {RELEASED_SINCE}.",
            met=TriState.of(release.date >= RELEASED_SINCE) if dated else TriState.UNKNOWN,
            because=f"day of release in the run file: {release.date}" if dated else "the run file names no day of release",
        ),
        TriggerStep(
            text="This is a new version that changes what the system can do or how well; retraining and fine-tuning count.",
            met=TriState.YES if is_tuned else TriState.UNKNOWN,
            because=f"training starts from {base}; what that model was trained on is for its own developer to publish, and is not in this document"
            if is_tuned
            else "the run file does not tell that it starts from another model",
        ),
        TriggerStep(
            text=f"The summary is on the developer's website before the system is made available (since {POSTED_SINCE}).",
            met=TriState.UNKNOWN,
            because="whoever posts it has to confirm it, with the address",
        ),
        TriggerStep(
            text="Data that were used only to test or validate are in it too: the statute counts that as training.",
            met=TriState.UNKNOWN,
            because="the audit covers the data of the run; others have to be added by hand",
        ),
    )
