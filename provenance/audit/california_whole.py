"""What the twelve items say of all datasets of a run together, and when the summary has to be posted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.audit.california import ITEMS, NO_RUN_RECORD, FirstRead, Known, Statement, period_of, range_of
from provenance.audit.california_ancestry import (
    Ancestries,
    ancestry_of,
    base_note,
    family_of,
    has_synthetic,
    is_protected,
    statements_with_ancestors,
)
from provenance.audit.naming import FROM_NOTHING
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.model.dataset import SourceKind

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


_KINDS: Final = {
    SourceKind.PUBLIC_DATASET: "published by others",
    SourceKind.LICENSED: "licensed from others",
    SourceKind.WEB_CRAWL: "collected from websites",
    SourceKind.USER_DATA: "from users of services",
    SourceKind.SYNTHETIC: "made by models",
    SourceKind.OWN: "the developer's own",
    SourceKind.OTHER: "from other sources",
    SourceKind.UNKNOWN: "from a source that is not recorded",
}
_WITH_BASE: Final = frozenset({1, 5, 6, 7, 12})
"""Items that say whose data are told of: those of the model that training starts from are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerStep:
    """One line of the checklist: when the summary has to be posted."""

    text: str
    met: TriState
    """UNKNOWN where a person has to say it."""
    because: str


def whole_statements(record: AuditRecord, firsts: Mapping[str, FirstRead], ancestries: Ancestries) -> tuple[Statement, ...]:
    """Return the twelve items for all datasets of a run together, in order.

    Args:
        record: The audit.
        firsts: When each dataset was first used, by name.
        ancestries: What each was made from, by name.
    """
    each = [statements_with_ancestors(record, s, ancestry_of(s, ancestries), firsts.get(s.dataset.name, NO_RUN_RECORD)) for s in record.datasets]
    return tuple(_together(item, record, [stated[item - 1] for stated in each], ancestries) for item in ITEMS)


def _together(item: int, record: AuditRecord, stated: Sequence[Statement], ancestries: Ancestries) -> Statement:
    if not stated:
        return Statement(item=item, known=Known.NOT_KNOWN, text="not known – the audit names no dataset")
    unknown = [s for s in stated if s.known is Known.NOT_KNOWN]
    if len(unknown) == len(stated):
        reasons = list(dict.fromkeys(s.text.removeprefix("not known – ") for s in stated))
        return Statement(item=item, known=Known.NOT_KNOWN, text=f"not known – {'; '.join(reasons[:3])}")
    lead = _LEADS[item](record, ancestries) if item in _LEADS else f"Recorded of {len(stated) - len(unknown):,} of {_datasets(len(stated))}."
    gap = f" Not known of {len(unknown):,} of {_datasets(len(stated))}." if unknown and item in _LEADS else ""
    is_whole = not unknown and all(s.known is Known.COMPUTED for s in stated)
    facts = tuple(dict.fromkeys(f for s in stated for f in s.facts))
    base = base_note(record) if item in _WITH_BASE else ""
    text = lead + gap + (f" {base}" if base else "")
    return Statement(item=item, known=Known.COMPUTED if is_whole else Known.DRAFTED, text=text, facts=facts)


def _datasets(count: int) -> str:
    return "1 dataset" if count == 1 else f"{count:,} datasets"


def _lead_sources(record: AuditRecord, _: Ancestries) -> str:
    counts = Counter(s.dataset.source.kind for s in record.datasets)
    kinds = ", ".join(f"{counts[kind]:,} {words}" for kind, words in _KINDS.items() if counts[kind])
    return f"{_datasets(len(record.datasets))}: {kinds}."


def _lead_purpose(record: AuditRecord, _: Ancestries) -> str:
    use = record.run.purpose.use
    return f"The system is meant for {'a use that is not recorded' if is_absent(use) else use}. What each dataset adds is said at each."


def _lead_points(record: AuditRecord, _: Ancestries) -> str:
    records, words = sum(s.records for s in record.datasets), sum(s.words for s in record.datasets)
    growing = sum(s.dataset.details.collection.ongoing is TriState.YES for s in record.datasets)
    tail = f" Estimated for {_datasets(growing)} whose collection goes on." if growing else ""
    return f"{range_of(records).capitalize()} data points ({records:,} records, {words:,} words).{tail}"


def _lead_types(record: AuditRecord, _: Ancestries) -> str:
    kinds = sorted({m.value for s in record.datasets for m in s.dataset.details.modalities})
    languages = sorted({tag for s in record.datasets for tag in s.dataset.languages})
    return f"Kinds of data: {', '.join(kinds) or 'not recorded'}. Languages: {', '.join(languages) or 'not recorded'}."


def _lead_rights(record: AuditRecord, ancestries: Ancestries) -> str:
    protected = [is_protected(s, ancestries) for s in record.datasets]
    free = sum(s.dataset.details.rights.public_domain is TriState.YES and not p for s, p in zip(record.datasets, protected, strict=True))
    licensed = sum(not is_absent(s.dataset.license.effective) for s in record.datasets)
    total = _datasets(len(protected))
    return (
        f"Recorded to hold protected data, or made from such data: {sum(protected):,} of {total}. "
        f"Entirely in the public domain: {free:,}. With a licence on record: {licensed:,}."
    )


def _lead_acquired(record: AuditRecord, ancestries: Ancestries) -> str:
    licensed = sum(any(d.source.kind is SourceKind.LICENSED for d in family_of(s, ancestries)) for s in record.datasets)
    return f"Licensed by agreement, or made from such data: {licensed:,} of {_datasets(len(record.datasets))}. How the others were acquired is said at each."


def _lead_period(record: AuditRecord, ancestries: Ancestries) -> str:
    families = [d for s in record.datasets for d in family_of(s, ancestries)]
    days = [period_of(d) for d in families]
    first, last = min((d[0] for d in days if d[0]), default=""), max((d[1] for d in days if d[1]), default="")
    growing = len({d.name for d in families if d.details.collection.ongoing is TriState.YES})
    tail = f" Collection is ongoing for {_datasets(growing)}." if growing else ""
    return f"Earliest day {first or 'not known'}, latest day {last or 'not known'}.{tail}"


def _lead_synthetic(record: AuditRecord, ancestries: Ancestries) -> str:
    made = sum(has_synthetic(s, ancestries) is TriState.YES for s in record.datasets)
    if made:
        return f"Yes. Synthetic data are recorded in {made:,} of {_datasets(len(record.datasets))}."
    return f"Synthetic data are recorded in none of {_datasets(len(record.datasets))}."


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
            because=f"training starts from {base}; what that model was trained on is not in this document: see the summary of its own developer, where there is one"
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
