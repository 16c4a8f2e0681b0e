"""Answers held against the audit's evidence: what a document denies and the data say is a finding of the document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.model.reference import ReferenceKind
from provenance.report.disclosure.sources import Judged, Unit, recorded_section
from provenance.report.disclosure.values import Entry, Problem

_SHOWN = 20
"""Ids that a problem names."""


def check_entries(record: AuditRecord, entries: Sequence[Entry], units: Sequence[Unit], judged: Sequence[Judged]) -> Iterator[Problem]:
    """Yield what the answers deny and the evidence says."""
    said = {e.id: e.lines[0] for e in entries}
    if said.get("2.5.a") == "No":
        yield from _synthetic(record, judged)
    if said.get("2.3.a") == "No":
        yield from _crawled(units)
    if said.get("2.4.a") == said.get("2.4.b") == "No":
        places = tuple(u.place for u in units if u.section == "2.4")
        if places:
            yield Problem(field="2.4.a", message="2.4.a and 2.4.b say No, and data of users are among the sources", evidence=places)
    yield from _days(record, units, judged)


def _synthetic(record: AuditRecord, judged: Sequence[Judged]) -> Iterator[Problem]:
    matches = [e.id for e in record.evidence if e.match.kind is ReferenceKind.API_OUTPUT and not e.match.explained]
    if matches:
        message = f"2.5.a says No, and {len(matches)} passages match known outputs of models"
        yield Problem(field="2.5.a", message=message, evidence=tuple(matches[:_SHOWN]))
    suspects = [f.id for f in record.findings if any(e.kind == "suspects" for e in f.evidence)]
    if suspects:
        yield Problem(field="2.5.a", message="2.5.a says No, and records speak as an assistant", evidence=tuple(suspects[:_SHOWN]))
    written = [j.place for j in judged if j.summary.synthetic is TriState.YES and recorded_section(j.summary.dataset) != "2.1"]
    if written:
        yield Problem(field="2.5.a", message="2.5.a says No, and a model wrote text of these datasets", evidence=tuple(written[:_SHOWN]))


def _crawled(units: Sequence[Unit]) -> Iterator[Problem]:
    found = [u.place for u in units if u.dataset is not None and u.section != "2.1" and u.dataset.details.collection.crawlers]
    if found:
        yield Problem(field="2.3.a", message="2.3.a says No, and crawlers are recorded of these datasets", evidence=tuple(found[:_SHOWN]))


def _days(record: AuditRecord, units: Sequence[Unit], judged: Sequence[Judged]) -> Iterator[Problem]:
    audited = record.created[:10]
    found = [(u.dataset, u.place) for u in units if u.dataset is not None] + [(j.summary.dataset, j.place) for j in judged]
    for dataset, place in {(d.name, p): (d, p) for d, p in found}.values():
        days = [
            d
            for d in (dataset.source.collected.start, dataset.source.collected.end, *(g.generated.end for g in dataset.generators))
            if not is_absent(d)
        ]
        if days and max(days) > audited:
            message = f"{dataset.name!r} was collected until {max(days)}, after the audit of {audited}"
            yield Problem(field="1.3.d", message=message, evidence=(place,))
