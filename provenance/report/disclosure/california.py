"""California's training data summary (Civil Code, section 3111(a)) as fields of a disclosure document: what recorded facts tell, and what contradicts them.

A line for all datasets together comes first, then a line for each dataset. The template is ``reports/disclosures/ca-ab2013.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from provenance.audit.california import (
    ITEMS,
    NO_RUN_RECORD,
    FirstRead,
    Known,
    Statement,
    dataset_statements,
    output_alarms,
    processing_of,
    work_alarms,
)
from provenance.audit.california_whole import Claims, contradictions, recorded_claims, trigger_steps, whole_statements
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.model.dataset import SourceKind
from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.eu import Superseded, next_version, superseding
from provenance.report.disclosure.fill import fill
from provenance.report.disclosure.template import load_template
from provenance.report.disclosure.values import Disclosure, Entry, Problem, State, Told

TEMPLATE_ID: Final = "ca-ab2013"
_STATES: Final = {Known.COMPUTED: State.COMPUTED, Known.DRAFTED: State.DRAFTED, Known.NOT_KNOWN: State.MISSING}
_ANSWERS: Final = {TriState.YES: "Yes", TriState.NO: "No"}
_CLAIMS: Final = {"5": "5.a", "7": "7.a", "9": "9.a", "12": "12.a"}
"""The yes-or-no field that makes a claim of each item."""
_MORE: Final = 500
"""Datasets that have a line of their own; further ones are counted, and stand in the audit."""


def california_told(record: AuditRecord, firsts: Mapping[str, FirstRead]) -> tuple[Told, ...]:
    """Return what recorded facts tell of each field.

    Args:
        record: The audit.
        firsts: When each dataset was first used, by name.
    """
    return (*_head(record), *_questions(record), *_items(record, firsts))


def california_problems(record: AuditRecord, entries: Iterable[Entry]) -> tuple[Problem, ...]:
    """Return every claim of a filled document that the evidence speaks against, by field.

    Args:
        record: The audit.
        entries: Of the document, answers included.
    """
    said = {e.id: _said(e) for e in entries}
    claims = {s.dataset.name: _claims(recorded_claims(s), said) for s in record.datasets}
    found = contradictions(record, claims)
    return tuple(
        Problem(field=_CLAIMS.get(str(c.item), str(c.item)), message=f"{c.dataset}: {c.text}", evidence=_evidence(record, c.dataset, c.item))
        for c in found
    )


def _claims(recorded: Claims, said: Mapping[str, TriState]) -> Claims:
    """Return what a document claims of a dataset: an answer for all of them binds each one."""
    return Claims(
        public_domain=TriState.YES if said.get("5.a") is TriState.YES else recorded.public_domain,
        personal=TriState.NO if said.get("7.a") is TriState.NO else recorded.personal,
        processed=TriState.NO if said.get("9.a") is TriState.NO else recorded.processed,
        synthetic=TriState.NO if said.get("12.a") is TriState.NO else recorded.synthetic,
    )


def _said(entry: Entry) -> TriState:
    """Return a yes-or-no answer, whoever gave it."""
    first = entry.lines[0] if entry.lines else ""
    return next((state for state, word in _ANSWERS.items() if word == first), TriState.UNKNOWN)


def _evidence(record: AuditRecord, dataset: str, item: int) -> tuple[str, ...]:
    matches = {5: work_alarms, 12: output_alarms}.get(item)
    alarms = () if matches is None else matches(record, dataset)
    ids = [e.id for e in record.evidence if e.match in alarms]
    roots = [f"{s.dataset.name}@{s.root_digest}" for s in record.datasets if s.dataset.name == dataset]
    return (record.id, *roots, *ids[:5])


def _items(record: AuditRecord, firsts: Mapping[str, FirstRead]) -> Iterator[Told]:
    roots = tuple(f"{s.dataset.name}@{s.root_digest}" for s in record.datasets[:_MORE])
    each = [(s.dataset.name, dataset_statements(record, s, firsts.get(s.dataset.name, NO_RUN_RECORD))) for s in record.datasets]
    for item, whole in zip(ITEMS, whole_statements(record, firsts), strict=True):
        lines = [f"{name}: {stated[item - 1].text}" for name, stated in each[:_MORE]]
        if len(each) > _MORE:
            lines.append(f"{len(each) - _MORE:,} more datasets stand in audit {record.id}.")
        yield _told(whole, lines, (record.id, *roots))


def _told(whole: Statement, lines: list[str], rests_on: tuple[str, ...]) -> Told:
    state = _STATES[whole.known]
    if state is State.MISSING:
        return Told(field=str(whole.item), state=state, rests_on=rests_on, because=whole.text.removeprefix("not known – "))
    because = "a person has to confirm it, or to add what is not known" if state is State.DRAFTED else ""
    return Told(field=str(whole.item), state=state, lines=(whole.text, *lines), rests_on=rests_on, because=because)


def _questions(record: AuditRecord) -> Iterator[Told]:
    """Yield the yes-or-no questions as far as facts of all datasets answer them."""
    datasets = [s.dataset for s in record.datasets]
    rights = [d.details.rights for d in datasets]
    is_protected = any(TriState.YES in {r.copyright, r.trademark, r.patent} for r in rights)
    is_free = bool(rights) and all(r.public_domain is TriState.YES for r in rights)
    yield _question(
        record, "5.a", TriState.NO if is_protected else TriState.YES if is_free else TriState.UNKNOWN, "rights in the datasets are not recorded"
    )
    kinds = {d.source.kind for d in datasets}
    acquired = TriState.YES if SourceKind.LICENSED in kinds else TriState.NO if kinds == {SourceKind.OWN} else TriState.UNKNOWN
    yield _question(record, "6.a", acquired, "no dataset is recorded as licensed by agreement, and purchases are not recorded")
    personal = _joined(d.details.personal_data.present for d in datasets)
    yield _question(record, "7.a", personal, "not recorded for every dataset", draft="the registry knows personal data as other laws define them")
    yield _question(record, "8.a", TriState.UNKNOWN, "it is not recorded; only people know it")
    processed = TriState.YES if any(processing_of(d) for d in datasets) else TriState.UNKNOWN
    yield _question(record, "9.a", processed, "no step is recorded, nor that there was none")
    yield _question(record, "12.a", _joined(s.synthetic for s in record.datasets), "not recorded for every dataset")


def _joined(states: Iterable[TriState]) -> TriState:
    """Return YES where one is, NO where all are."""
    found = set(states)
    return TriState.YES if TriState.YES in found else TriState.NO if found == {TriState.NO} else TriState.UNKNOWN


def _question(record: AuditRecord, field: str, state: TriState, why: str, *, draft: str = "") -> Told:
    if state is TriState.UNKNOWN:
        return Told(field=field, state=State.MISSING, rests_on=(record.id,), because=why)
    return Told(field=field, state=State.DRAFTED if draft else State.COMPUTED, lines=(_ANSWERS[state],), rests_on=(record.id,), because=draft)


def _head(record: AuditRecord) -> Iterator[Told]:
    run, (offered, released, changed, *_) = record.run, trigger_steps(record)
    owner = "a developer whom the run file does not name" if is_absent(run.organization.name) else run.organization.name
    yield Told(
        field="0.a",
        state=State.DRAFTED,
        lines=(f"{owner}, {run.model.name}",),
        rests_on=(run.digest,),
        because="the version has to be added where the name lacks it",
    )
    if offered.met is TriState.YES:
        yield Told(field="0.b", state=State.DRAFTED, lines=("Yes",), rests_on=(run.digest,), because=offered.because)
    else:
        yield Told(field="0.b", state=State.MISSING, rests_on=(run.digest,), because=offered.because)
    day = run.model.release.date
    if is_absent(day):
        yield Told(field="0.c", state=State.MISSING, rests_on=(run.digest,), because=released.because)
    else:
        yield Told(field="0.c", state=State.DRAFTED, lines=(day,), rests_on=(run.digest,), because="as planned in the run file")
    if changed.met is TriState.YES:
        line = changed.because[:1].upper() + changed.because[1:] + "."
        yield Told(
            field="0.d", state=State.DRAFTED, lines=(line,), rests_on=(run.digest,), because="what changed since the version before has to be added"
        )
    else:
        yield Told(field="0.d", state=State.MISSING, rests_on=(run.digest,), because=changed.because)


def california_document(record: AuditRecord, firsts: Mapping[str, FirstRead], answers: Answers, *, before: Superseded | None = None) -> Disclosure:
    """Return California's summary of an audit.

    Args:
        record: The audit.
        firsts: When each dataset was first used, by name.
        answers: What people said.
        before: The version that it takes the place of.

    Raises:
        DocumentError: If the shipped template is missing or malformed.
    """
    template = load_template(TEMPLATE_ID)
    found = fill(template, california_told(record, firsts), answers, {}, audit=record.id)
    entries = tuple(e for s in found.sections for e in s.entries)
    return Disclosure(
        template=template.id,
        name=template.name,
        release=template.release,
        source=template.source,
        notice=template.notice,
        model=record.run.model.name,
        audit=record.id,
        document_version=next_version(before),
        updated=max([record.created[:10], *(a.on for a in answers.fields.values())]),
        due="",
        supersedes=superseding(before, entries),
        sections=found.sections,
        problems=(*found.problems, *california_problems(record, entries)),
    )
