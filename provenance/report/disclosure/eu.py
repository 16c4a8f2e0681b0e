"""The public summary of training content, Article 53(1)(d) of the AI Act, from an audit record, its registry and people's answers."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from provenance.errors import ReportError
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.checks import check_entries
from provenance.report.disclosure.domains import load_domains, load_suffixes, top_domains
from provenance.report.disclosure.eu_sources import large_units, month, opt_out_lines, tell_modalities, tell_sources, units_of
from provenance.report.disclosure.fill import fill
from provenance.report.disclosure.sizes import Span, brackets_of, tokens_of
from provenance.report.disclosure.sources import Judged, Unit, category_problems, list_units
from provenance.report.disclosure.template import Row, Template, load_template
from provenance.report.disclosure.values import Disclosure, Entry, Problem, State, Supersedes, Told
from provenance.report.disclosure.views import changes_between
from provenance.report.disclosure.wide import CONVERSION, MEMBERS, OFFICIAL
from provenance.report.wording import number

EU_TEMPLATE = "eu-2025-8311"
_MONTHS_TO_UPDATE = 6
_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """The version before, as the command was told of it."""

    place: str
    document: Disclosure | None
    """``None`` where only its address is known."""


def eu_template() -> Template:
    """Return the template in force."""
    return load_template(EU_TEMPLATE)


def make_eu_summary(
    record: AuditRecord, judged: Sequence[Judged], answers: Answers, *, is_small: bool = False, before: Superseded | None = None
) -> Disclosure:
    """Return the summary of a model's training content. A modified model reports its own data only, and names its base (point 28 of the notice).

    Args:
        record: The audit.
        judged: Its datasets with what they come from.
        answers: What people said.
        is_small: Of a small or medium-sized enterprise: fewer domains are listed.
        before: The version that it supersedes.

    Raises:
        DocumentError: If the file of domains cannot be used.
        ReportError: If the record's day is none.
    """
    template, units = eu_template(), list_units(judged, answers.categories)
    updated = max([record.created[:10], *(a.on for a in answers.fields.values())])
    version = next_version(before)
    domains, domain_told = _domains(answers, units, is_small=is_small)
    told = (
        *_general(record, judged, units, template, version, updated, before),
        *tell_sources(record, units, judged),
        *domain_told,
        *_processing(judged, units),
    )

    def check(entries: Sequence[Entry]) -> Iterator[Problem]:
        yield from category_problems(units, answers.categories, record.id)
        yield from check_entries(record, entries, units, judged)

    filled = fill(template, told, answers, _facts(record, units), audit=record.id, check=check)
    return Disclosure(
        template=template.id,
        name=template.name,
        release=template.release,
        source=template.source,
        notice=template.notice,
        model=record.run.model.name,
        audit=record.id,
        document_version=version,
        updated=updated,
        due=_later(updated),
        supersedes=superseding(before, filled.entries),
        sections=filled.sections,
        problems=filled.problems,
        domains=domains,
    )


def superseding(before: Superseded | None, entries: tuple[Entry, ...]) -> Supersedes | None:
    """Return the version before, with what changed since."""
    if before is None:
        return None
    if before.document is None:
        return Supersedes(version="the version before", place=before.place, changes=None)
    changes = changes_between(before.document, entries)
    return Supersedes(version=f"version {before.document.document_version}", place=before.place, changes=changes)


def next_version(before: Superseded | None) -> str:
    """Return what the version after another one is called."""
    if before is None:
        return "1"
    said = before.document.document_version if before.document is not None else ""
    return str(int(said) + 1) if said.isdecimal() else "2 or later"


def _later(day: str) -> str:
    """Return the day six months later, the last of its month where that is shorter."""
    try:
        start = date.fromisoformat(day)
    except ValueError as err:
        raise ReportError(f"the audit record was made on {day!r}, which is no day", hint="audit again: provenance audit run.yaml") from err
    years, month_number = divmod(start.month - 1 + _MONTHS_TO_UPDATE, _MONTHS)
    year, month_number = start.year + years, month_number + 1
    return date(year, month_number, min(start.day, calendar.monthrange(year, month_number)[1])).isoformat()


def _facts(record: AuditRecord, units: Sequence[Unit]) -> dict[str, TriState]:
    organization, base = record.run.organization, record.run.model.base
    large = set(large_units(record, units_of(units, "2.1")).values())
    modalities = {m for u in units for m in u.modalities}
    is_known = bool(units) and all(u.modalities for u in units)
    country = organization.established_in.upper()
    return {
        "provider outside EU": TriState.UNKNOWN if is_absent(organization.established_in) else TriState.of(country not in MEMBERS),
        "fine-tuned/modified": TriState.UNKNOWN if base is None or is_absent(base) else TriState.of(base.casefold() != "none"),
        "text/video/speech present": TriState.YES if modalities & {"Text", "Video", "Audio"} else TriState.of(None if not is_known else False),
        "any large": _any(large, TriState.YES, TriState.NO),
        "any not large": _any(large, TriState.NO, TriState.YES),
    }


def _any(states: set[TriState], wanted: TriState, other: TriState) -> TriState:
    return TriState.YES if wanted in states else TriState.NO if states == {other} else TriState.UNKNOWN


def _general(
    record: AuditRecord, judged: Sequence[Judged], units: Sequence[Unit], template: Template, version: str, updated: str, before: Superseded | None
) -> Iterator[Told]:
    run, audit = record.run, (record.id,)
    yield Told(
        field="0.a", state=State.COMPUTED, lines=(version, *(() if before is None else (f"Previous version: {before.place}",))), rests_on=audit
    )
    yield Told(field="0.b", state=State.COMPUTED, lines=(f"{updated[8:10]}/{updated[5:7]}/{updated[2:4]}",), rests_on=audit)
    if not is_absent(run.organization.name):
        contact = run.organization.contact
        because = "" if not is_absent(contact) else "organization.contact is not stated: add the contact details"
        lines = (run.organization.name, *(() if is_absent(contact) else (contact,)))
        yield Told(field="1.1.a", state=State.DRAFTED, lines=lines, rests_on=audit, because=because)
    yield Told(field="1.2.a", state=State.DRAFTED, lines=(run.model.name,), rests_on=audit, because="give the unique identifier of the model version")
    if run.model.base is not None and not is_absent(run.model.base):
        yield Told(
            field="1.2.b", state=State.DRAFTED, lines=(run.model.base,), rests_on=audit, because="add a link to its summary where there is one"
        )
    if not is_absent(run.model.release.date):
        yield Told(field="1.2.c", state=State.DRAFTED, lines=(run.model.release.date,), rests_on=audit, because="this is the planned day of release")
    yield from tell_modalities(units, "1.3.a")
    yield from _sizes(record, judged, units, template)
    yield from _latest(judged, units)
    languages = sorted({code for j in judged for code in _languages(j)})
    if languages:
        lacking = [j.summary.dataset.name for j in judged if not _languages(j)]
        lines = tuple(f"{code} (official language of the Union)" if code.partition("-")[0].lower() in OFFICIAL else code for code in languages)
        yield Told(
            field="1.3.e", state=State.DRAFTED, lines=lines, rests_on=audit, because=f"no languages of {', '.join(lacking)}" if lacking else ""
        )


def _languages(one: Judged) -> tuple[str, ...]:
    return one.summary.dataset.languages or tuple(code for d, _, _ in one.ancestors for code in d.languages)


def _sizes(record: AuditRecord, judged: Sequence[Judged], units: Sequence[Unit], template: Template) -> Iterator[Told]:
    rows = {r.name: r for s in template.sections for r in s.rows}
    held = [name for name in rows if any(name in u.modalities for u in units)]
    content = tuple(f"{name}: {what}" for name in held if (what := _content(name, judged, units)))
    if content:
        yield Told(field="1.3.c", state=State.DRAFTED, lines=content, rests_on=tuple(j.place for j in judged))
    others, lacking = [n for n in held if n != "Text"], [u.name for u in units if not u.modalities]
    if "Text" not in held:
        because = f"nobody measured {', '.join(others)}" if others else f"no details.modalities of {', '.join(lacking)}"
        yield Told(field="1.3.b", state=State.MISSING, because=because)
        return
    total, estimated = Span(low=0, high=0), False
    for one in judged:
        size, tokenizer = tokens_of(record, one.summary)
        total, estimated = total + size, estimated or not tokenizer
    found, rests_on = brackets_of(rows["Text"], total), tuple(j.place for j in judged)
    lines = (_bracket_line(rows["Text"], found, total, estimated=estimated),)
    because = "; ".join(
        p
        for p in (
            "name one bracket: the estimate reaches over several" if len(found) > 1 else "",
            f"add the sizes of {', '.join(others)}: nobody measured them" if others else "",
            f"no details.modalities of {', '.join(lacking)}" if lacking else "",
        )
        if p
    )
    yield Told(field="1.3.b", state=State.DRAFTED if because else State.COMPUTED, lines=lines, rests_on=rests_on, because=because)
    if estimated:
        yield Told(field="1.3.g", state=State.COMPUTED, lines=(CONVERSION,), rests_on=rests_on)


def _bracket_line(row: Row, found: tuple[str, ...], size: Span, *, estimated: bool) -> str:
    high = "no known upper end" if size.high is None else number(size.high)
    how = (
        f"estimated from words: {number(size.low)} to {high} tokens"
        if estimated
        else f"counted: {number(size.low)}" + ("" if size.high == size.low else f" to {high}") + " tokens"
    )
    return f"{row.name}: {' or '.join(found)} ({how})"


def _content(modality: str, judged: Sequence[Judged], units: Sequence[Unit]) -> str:
    datasets = [u.dataset for u in units if u.dataset is not None and modality in u.modalities] + [j.summary.dataset for j in judged]
    said = [t for d in datasets for t in d.details.content_types]
    said = said or [d.details.description for d in datasets if not is_absent(d.details.description)]
    return ", ".join(dict.fromkeys(said))


def _latest(judged: Sequence[Judged], units: Sequence[Unit]) -> Iterator[Told]:
    datasets = {d.name: d for d in (*(u.dataset for u in units if u.dataset is not None), *(j.summary.dataset for j in judged))}
    ends = {
        d.name: [day for day in (d.source.collected.end, *(g.generated.end for g in d.generators)) if not is_absent(day)] for d in datasets.values()
    }
    lacking = [u.name for u in units if not ends.get(u.name)]
    days = [day for found in ends.values() for day in found]
    rests_on = tuple(j.place for j in judged)
    if lacking or not days:
        known = f"; the latest known is {month(max(days))}" if days else ""
        yield Told(field="1.3.d", state=State.MISSING, because=f"no source.collected.to of {', '.join(lacking)}{known}", rests_on=rests_on)
        return
    ongoing = {d.details.collection.ongoing for d in datasets.values()}
    if ongoing == {TriState.NO}:
        lines = (month(max(days)), "No, no collection goes on after this date")
        yield Told(field="1.3.d", state=State.COMPUTED, lines=lines, rests_on=rests_on)
        return
    goes_on = "Collection of data goes on." if TriState.YES in ongoing else "Whether collection goes on is not known."
    because = "say whether the model is trained on with new data after this date"
    yield Told(field="1.3.d", state=State.DRAFTED, lines=(month(max(days)), goes_on), rests_on=rests_on, because=because)


def _domains(answers: Answers, units: Sequence[Unit], *, is_small: bool) -> tuple[tuple[str, ...], tuple[Told, ...]]:
    given = answers.domains
    if given is None:
        because = "records carry no addresses: give domains: with a file of bytes by domain in the answers"
        return (), (Told(field="2.3.h", state=State.MISSING, because=because),)
    suffixes = load_suffixes(given.suffixes) if given.suffixes is not None else None
    sizes = load_domains(given.file, suffixes)
    names = top_domains(sizes, is_small=is_small)
    rule = "the lower of 5 % of all names and 1 000 names, for a small or medium-sized enterprise" if is_small else "the top 10 % of all names"
    by = "registrable domain, by a list of public suffixes" if suffixes is not None else "name as supplied: no list of public suffixes was given"
    lines = (f"{number(len(names))} of {number(len(sizes))} domains in domains.csv: {rule}, by bytes scraped, counted by {by}.",)
    rests_on = (f"{given.file.name}, {given.by}, {given.on}",)
    if not units_of(units, "2.3"):
        return (), (Told(field="2.3.h", state=State.MISSING, because="a file of domains is given, and no data were crawled"),)
    return names, (Told(field="2.3.h", state=State.COMPUTED, lines=lines, rests_on=rests_on),)


def _processing(judged: Sequence[Judged], units: Sequence[Unit]) -> Iterator[Told]:
    datasets = list({d.name: d for d in (*(u.dataset for u in units if u.dataset is not None), *(j.summary.dataset for j in judged))}.values())
    rests_on = tuple(j.place for j in judged)
    checks = opt_out_lines(datasets)
    if checks:
        yield Told(
            field="3.1.b", state=State.DRAFTED, lines=checks, rests_on=rests_on, because="what was recorded of each signal; add what else was done"
        )
    steps = tuple(dict.fromkeys(f"{d.name}: {step}" for d in datasets for step in d.details.processing))
    if steps:
        yield Told(field="3.2.a", state=State.DRAFTED, lines=steps, rests_on=rests_on, because="keep the steps that remove illegal content")
        yield Told(field="3.3.a", state=State.COMPUTED, lines=steps, rests_on=rests_on)
