"""California's training data summary (Civil Code, section 3111(a)) as fields of a disclosure document: what recorded facts tell, and what contradicts them.

A line for all datasets together comes first, then a line for each dataset. The template is ``reports/disclosures/ca-ab2013.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from provenance.audit.california import ITEMS, NO_RUN_RECORD, RIGHTS, FirstRead, Known, Statement, output_alarms, processing_of, work_alarms
from provenance.audit.california_ancestry import (
    Ancestries,
    Ancestry,
    ancestry_of,
    base_note,
    family_of,
    has_personal,
    has_synthetic,
    is_protected,
    joined_states,
    statements_with_ancestors,
)
from provenance.audit.california_evidence import Claims, Contradiction, contradictions, recorded_claims
from provenance.audit.california_whole import trigger_steps, whole_statements
from provenance.licensing.public_domain import is_dedication
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Dataset, SourceKind
from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.eu import Superseded, next_version, planned, superseding
from provenance.report.disclosure.fill import fill, said_of
from provenance.report.disclosure.sources import Judged
from provenance.report.disclosure.template import load_template
from provenance.report.disclosure.values import Disclosure, Entry, Problem, State, Told

TEMPLATE_ID: Final = "ca-ab2013"
_STATES: Final = {Known.COMPUTED: State.COMPUTED, Known.DRAFTED: State.DRAFTED, Known.NOT_KNOWN: State.MISSING}
_ANSWERS: Final = {TriState.YES: "Yes", TriState.NO: "No"}
_CLAIMS: Final = {7: "7.a", 9: "9.a", 12: "12.a"}
"""The yes-or-no field that makes a claim of each item."""
_NAMED: Final = 8
_MORE: Final = 500
"""Datasets that have a line of their own; further ones are counted, and stand in the audit."""


def california_told(record: AuditRecord, firsts: Mapping[str, FirstRead], ancestries: Ancestries | None = None) -> tuple[Told, ...]:
    """Return what recorded facts tell of each field.

    Args:
        record: The audit.
        firsts: When each dataset was first used, by name.
        ancestries: What each was made from, by name; what is not among them is not known.
    """
    return (*_head(record), *_questions(record, ancestries or {}), *_items(record, firsts, ancestries or {}))


def ancestries_of(judged: Iterable[Judged]) -> dict[str, Ancestry]:
    """Return what datasets were made from, by name."""
    return {j.summary.dataset.name: Ancestry(datasets=tuple(d for d, _, _ in j.ancestors), unknown=j.unknown) for j in judged}


def california_problems(record: AuditRecord, entries: Iterable[Entry], ancestries: Ancestries | None = None) -> tuple[Problem, ...]:
    """Return every claim of a filled document that the evidence speaks against, in the field that makes it.

    Args:
        record: The audit.
        entries: Of the document, answers included.
        ancestries: What each dataset was made from, by name.
    """
    entries = tuple(entries)
    said = {e.id: _said(e) for e in entries}
    is_reasoned = any(e.id == "7.a" and e.evidence for e in entries)
    claims = {s.dataset.name: _claims(recorded_claims(s), said, is_reasoned=is_reasoned) for s in record.datasets}
    found = contradictions(record, claims, ancestries or {})
    return (*(_problem(record, c, said) for c in found), *_both_ways(record, said))


def _problem(record: AuditRecord, found: Contradiction, said: Mapping[str, TriState]) -> Problem:
    if found.item != 5:  # noqa: PLR2004  # the item's number in the statute
        field = _CLAIMS.get(found.item, str(found.item))
    elif found.is_of_rights:
        field = "5.b" if said.get("5.b") is TriState.NO else "5"
    else:
        field = "5.a" if said.get("5.a") is TriState.YES else "5"
    return Problem(field=field, message=f"{found.dataset} is {found.text}", evidence=_evidence(record, found.dataset, found.item))


def _both_ways(record: AuditRecord, said: Mapping[str, TriState]) -> Iterator[Problem]:
    if said.get("5.a") is said.get("5.b") is TriState.YES:
        message = "5.a says that the data are entirely in the public domain, and 5.b that a right protects some of them"
        yield from (Problem(field=field, message=message, evidence=(record.id,)) for field in ("5.a", "5.b"))


def _claims(recorded: Claims, said: Mapping[str, TriState], *, is_reasoned: bool) -> Claims:
    """Return what a document claims of a dataset: an answer for all of them binds each one."""
    return Claims(
        public_domain=TriState.YES if said.get("5.a") is TriState.YES else recorded.public_domain,
        denied=frozenset(RIGHTS) if said.get("5.b") is TriState.NO else recorded.denied,
        personal=TriState.NO if said.get("7.a") is TriState.NO else recorded.personal,
        is_reasoned=is_reasoned,
        processed=TriState.NO if said.get("9.a") is TriState.NO else recorded.processed,
        synthetic=TriState.NO if said.get("12.a") is TriState.NO else recorded.synthetic,
    )


def _said(entry: Entry) -> TriState:
    """Return a yes-or-no answer, whoever gave it, contradicted or not."""
    first = said_of(entry)
    return next((state for state, word in _ANSWERS.items() if word == first), TriState.UNKNOWN)


def _evidence(record: AuditRecord, dataset: str, item: int) -> tuple[str, ...]:
    matches = {5: work_alarms, 12: output_alarms}.get(item)
    alarms = () if matches is None else matches(record, dataset)
    ids = [e.id for e in record.evidence if e.match in alarms]
    roots = [f"{s.dataset.name}@{s.root_digest}" for s in record.datasets if s.dataset.name == dataset]
    return (record.id, *roots, *ids[:5])


def _items(record: AuditRecord, firsts: Mapping[str, FirstRead], ancestries: Ancestries) -> Iterator[Told]:
    roots = tuple(f"{s.dataset.name}@{s.root_digest}" for s in record.datasets[:_MORE])
    each = [
        (s.dataset.name, statements_with_ancestors(record, s, ancestry_of(s, ancestries), firsts.get(s.dataset.name, NO_RUN_RECORD)))
        for s in record.datasets
    ]
    denied = {(c.item, c.dataset): f" Contradicted: {c.text}." for c in contradictions(record, {}, ancestries) if c.item in _CLAIMS}
    for item, whole in zip(ITEMS, whole_statements(record, firsts, ancestries), strict=True):
        lines = [f"{name}: {stated[item - 1].text}{denied.get((item, name), '')}" for name, stated in each[:_MORE]]
        if len(each) > _MORE:
            lines.append(f"{len(each) - _MORE:,} more datasets stand in audit {record.id}.")
        is_open = any(number == item for number, _ in denied)
        yield _told(whole, lines, (record.id, *roots), is_open=is_open)


def _told(whole: Statement, lines: list[str], rests_on: tuple[str, ...], *, is_open: bool) -> Told:
    state = State.DRAFTED if is_open and whole.known is Known.COMPUTED else _STATES[whole.known]
    if state is State.MISSING:
        return Told(field=str(whole.item), state=state, rests_on=rests_on, because=whole.text.removeprefix("not known – "))
    because = "a person has to confirm it, or to add what is not known" if state is State.DRAFTED else ""
    return Told(field=str(whole.item), state=state, lines=(whole.text, *lines), rests_on=rests_on, because=because)


def _questions(record: AuditRecord, ancestries: Ancestries) -> Iterator[Told]:
    """Yield the yes-or-no questions as far as facts of all datasets, and of what they were made from, answer them."""
    datasets, base = record.datasets, base_note(record)
    families = [d for s in datasets for d in family_of(s, ancestries)]
    unknown = sorted({name for s in datasets for name in ancestry_of(s, ancestries).unknown})
    untold = f"nobody has registered what the data were made from: {', '.join(unknown[:_NAMED])}" if unknown else ""
    is_right = any(is_protected(s, ancestries) for s in datasets)
    is_free = bool(datasets) and not unknown and all(d.details.rights.public_domain is TriState.YES for d in families)
    no_right = bool(datasets) and not unknown and all(getattr(d.details.rights, n) is TriState.NO for d in families for n in RIGHTS)
    why = untold or "rights in the datasets are not recorded"
    sign = "" if is_right else _sign_of_rights(record, families)
    free, right = TriState.of(is_free or None), TriState.of(False if no_right else None)
    if is_right or (sign and TriState.UNKNOWN is free is right):
        free, right = TriState.NO, TriState.YES
    yield _question(record, "5.a", free, why, draft="" if is_right else sign or base)
    yield _question(record, "5.b", right, why, draft="" if is_right else sign or base)
    kinds = {d.source.kind for d in families}
    is_own = kinds == {SourceKind.OWN} and not unknown
    acquired = TriState.YES if SourceKind.LICENSED in kinds else TriState.of(False if is_own else None)
    yield _question(record, "6.a", acquired, untold or "no dataset is recorded as licensed by agreement, and purchases are not recorded")
    personal = joined_states([has_personal(s, ancestries) for s in datasets])
    draft = " ".join(p for p in ("The registry knows personal data as other laws define them.", base if personal is TriState.NO else "") if p)
    yield _question(record, "7.a", personal, "not recorded for every dataset", draft=draft)
    yield _question(record, "8.a", TriState.UNKNOWN, "it is not recorded; only people know it")
    processed = TriState.YES if any(processing_of(s.dataset) for s in datasets) else TriState.UNKNOWN
    yield _question(record, "9.a", processed, "no step is recorded, nor that there was none")
    synthetic = joined_states([has_synthetic(s, ancestries) for s in datasets])
    draft = (
        ""
        if synthetic is TriState.YES
        else f"Recorded of the datasets alone: confirm that nothing was generated during training either. {base}".strip()
    )
    yield _question(record, "12.a", synthetic, untold or "not recorded for every dataset", draft=draft)
    yield _question(record, "12.b", TriState.UNKNOWN, "whether synthetic data go on being used is not recorded; only people know it")


def _sign_of_rights(record: AuditRecord, families: Sequence[Dataset]) -> str:
    """Return what makes it likely that a right protects data, where no right is recorded; empty where nothing does."""
    for dataset in families:
        held = dataset.license.effective
        if not is_absent(held) and not is_dedication(held):
            return f"The licence of {dataset.name}, {held}, rests on a copyright."
        if work_alarms(record, dataset.name):
            return f"{dataset.name} holds passages of works that are not known to be free."
    return ""


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
        yield Told(field="0.c", state=State.DRAFTED, lines=(planned(day, record),), rests_on=(run.digest,), because="as planned in the run file")
    if changed.met is TriState.YES:
        line = changed.because[:1].upper() + changed.because[1:] + "."
        yield Told(
            field="0.d", state=State.DRAFTED, lines=(line,), rests_on=(run.digest,), because="what changed since the version before has to be added"
        )
    else:
        yield Told(field="0.d", state=State.MISSING, rests_on=(run.digest,), because=changed.because)


def california_document(
    record: AuditRecord,
    firsts: Mapping[str, FirstRead],
    answers: Answers,
    *,
    judged: Sequence[Judged] = (),
    before: Superseded | None = None,
) -> Disclosure:
    """Return California's summary of an audit.

    Args:
        record: The audit.
        firsts: When each dataset was first used, by name.
        answers: What people said.
        judged: Its datasets with what they were made from; of those that are not among them, nobody knows more than the names they give.
        before: The version that it takes the place of.

    Raises:
        DocumentError: If the shipped template is missing or malformed.
    """
    updated = max([record.created[:10], *(a.on for a in answers.fields.values())])
    template, ancestries = load_template(TEMPLATE_ID), ancestries_of(judged)

    def check(entries: Sequence[Entry]) -> tuple[Problem, ...]:
        return california_problems(record, entries, ancestries)

    found = fill(template, california_told(record, firsts, ancestries), answers, {}, audit=record.id, check=check)
    return Disclosure(
        template=template.id,
        name=template.name,
        release=template.release,
        source=template.source,
        notice=template.notice,
        model=record.run.model.name,
        audit=record.id,
        document_version=next_version(before),
        updated=updated,
        due="",
        supersedes=superseding(before, found.entries, updated),
        sections=found.sections,
        problems=found.problems,
    )
