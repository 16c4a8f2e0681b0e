"""A filled document held against the audit's evidence: what it denies and the data say is a contradiction, shown in the field that denies it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.model.details import Crawler
from provenance.model.reference import ReferenceKind
from provenance.report.disclosure.fill import claim_of, said_of
from provenance.report.disclosure.sources import Judged, Unit, recorded_section
from provenance.report.disclosure.values import Entry, Problem, State
from provenance.report.wording import count

_SHOWN = 20
"""Ids that a problem names."""
_OF_THIRD_PARTIES = frozenset({"2.1", "2.2.1", "2.2.2"})
"""Sections of data that others collected: crawlers of theirs are none of the provider."""


def check_entries(record: AuditRecord, entries: Sequence[Entry], units: Sequence[Unit], judged: Sequence[Judged]) -> Iterator[Problem]:
    """Yield what the entries deny and the evidence says."""
    by_id = {e.id: e for e in entries}
    denied = {e.id for e in entries if e.state is not State.CONTRADICTED and said_of(e) == "No"}
    if "2.5.a" in denied:
        yield from _synthetic(record, claim_of(by_id["2.5.a"]), judged)
    if "2.3.a" in denied:
        yield from _crawled(record, claim_of(by_id["2.3.a"]), units)
    if {"2.4.a", "2.4.b"} <= denied:
        places = tuple(u.place for u in units if u.section == "2.4")
        if places:
            for field in ("2.4.a", "2.4.b"):
                message = f"{claim_of(by_id[field])}, 2.4.a and 2.4.b alike, and data of users are among the sources"
                yield Problem(field=field, message=message, evidence=places)
    yield from _days(record, units, judged)


def _synthetic(record: AuditRecord, claim: str, judged: Sequence[Judged]) -> Iterator[Problem]:
    disclosed = {
        s.dataset.name for s in record.datasets if recorded_section(s.dataset) == "2.1" and TriState.YES in {s.synthetic, s.dataset.synthetic}
    }
    found = [e for e in record.evidence if e.match.kind is ReferenceKind.API_OUTPUT and not e.match.explained and e.dataset not in disclosed]
    if found:
        names = ", ".join(dict.fromkeys(e.dataset for e in found))
        matches = "passage matches" if len(found) == 1 else "passages match"
        message = f"{claim}, and {len(found):,} {matches} known outputs of models, in {names}"
        yield Problem(field="2.5.a", message=message, evidence=tuple(e.id for e in found[:_SHOWN]))
    suspects = [f.id for f in record.findings if any(e.kind == "suspects" for e in f.evidence)]
    if suspects:
        yield Problem(field="2.5.a", message=f"{claim}, and records speak as an assistant does", evidence=tuple(suspects[:_SHOWN]))
    written = [j for j in judged if j.summary.synthetic is TriState.YES and recorded_section(j.summary.dataset) != "2.1"]
    if written:
        names = ", ".join(j.summary.dataset.name for j in written)
        message = f"{claim}, and a model wrote text of {count(len(written), 'dataset')}: {names}"
        yield Problem(field="2.5.a", message=message, evidence=tuple(j.place for j in written[:_SHOWN]))


def _crawled(record: AuditRecord, claim: str, units: Sequence[Unit]) -> Iterator[Problem]:
    own = record.run.organization.name
    found = [u for u in units if u.dataset is not None and any(_is_of_provider(c, own, u.section) for c in u.dataset.details.collection.crawlers)]
    if found:
        message = f"{claim}, and crawlers are recorded of {', '.join(u.name for u in found)}"
        yield Problem(field="2.3.a", message=message, evidence=tuple(u.place for u in found[:_SHOWN]))


def _is_of_provider(crawler: Crawler, own: str, section: str) -> bool:
    """Tell whether a crawler was the provider's, or may have been: one without operator counts as theirs unless others published the data."""
    if is_absent(crawler.operator):
        return section not in _OF_THIRD_PARTIES
    return crawler.operator.casefold() == own.casefold() or section not in _OF_THIRD_PARTIES


def _days(record: AuditRecord, units: Sequence[Unit], judged: Sequence[Judged]) -> Iterator[Problem]:
    audited = record.created[:10]
    found = [(u.dataset, u.place) for u in units if u.dataset is not None] + [(j.summary.dataset, j.place) for j in judged]
    for dataset, place in {(d.name, p): (d, p) for d, p in found}.values():
        days = [
            d for d in (dataset.source.collected.start, dataset.source.collected.end, *(g.generated.end for g in dataset.writers)) if not is_absent(d)
        ]
        if days and max(days) > audited:
            message = f"{dataset.name!r} is recorded as collected until {max(days)}, which is after the audit of {audited}"
            yield Problem(field="1.3.d", message=message, evidence=(place,))
