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
from provenance.report.disclosure.eu_sizes import tell_sizes
from provenance.report.disclosure.eu_sources import large_units, month, opt_out_lines, tell_modalities, tell_sources, units_of
from provenance.report.disclosure.fill import fill
from provenance.report.disclosure.sources import Judged, Unit, category_problems, list_units
from provenance.report.disclosure.template import Template, load_template
from provenance.report.disclosure.values import Disclosure, Entry, Problem, State, Supersedes, Told
from provenance.report.disclosure.views import changes_between
from provenance.report.disclosure.wide import MEMBERS, language
from provenance.report.wording import number

EU_TEMPLATE = "eu-2025-8311"
EU_TEMPLATES = r"eu-\d{4}-\d+"
"""Pattern of the ids of all versions of the template; the combined document has another one."""
_MONTHS_TO_UPDATE = 6
_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """The version before, as the command was told of it."""

    place: str
    document: Disclosure | None
    """``None`` where only its address is known."""
    address: str = ""
    """Where it can be read by everybody; empty where nobody said."""


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
        due=due_after(updated),
        supersedes=superseding(before, filled.entries, updated),
        sections=filled.sections,
        problems=filled.problems,
        domains=domains,
    )


def superseding(before: Superseded | None, entries: tuple[Entry, ...], updated: str) -> Supersedes | None:
    """Return the version before, with what changed since.

    Raises:
        ReportError: If it is younger than this one.
    """
    if before is None:
        return None
    old = before.document
    if old is None:
        return Supersedes(version="the version before", place=before.address or before.place, changes=None)
    if old.updated > updated:
        raise ReportError(
            f"{before.place}: last updated on {old.updated}, after this document ({updated}), which cannot supersede it",
            hint="audit again, or give the answers of today: the last update is the latest day of the audit and the answers",
        )
    version = f"version {old.document_version} of {old.updated}"
    return Supersedes(version=version, place=before.address or before.place, changes=changes_between(old, entries))


def next_version(before: Superseded | None) -> str:
    """Return what the version after another one is called."""
    if before is None:
        return "1"
    said = before.document.document_version if before.document is not None else ""
    return str(int(said) + 1) if said.isdecimal() else "2 or later"


def due_after(day: str) -> str:
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
    yield _version(version, before, audit)
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
        day = planned(run.model.release.date, record)
        yield Told(field="1.2.c", state=State.DRAFTED, lines=(day,), rests_on=audit, because="this is the day of release that the run file plans")
    yield from tell_modalities(units, "1.3.a")
    yield from tell_sizes(record, judged, units, template)
    yield from _latest(judged, units)
    languages = sorted({code for j in judged for code in _languages(j)})
    if languages:
        lacking = [j.summary.dataset.name for j in judged if not _languages(j)]
        lines = tuple(map(language, languages))
        yield Told(
            field="1.3.e", state=State.DRAFTED, lines=lines, rests_on=audit, because=f"no languages of {', '.join(lacking)}" if lacking else ""
        )


def planned(day: str, record: AuditRecord) -> str:
    """Return a day of release, with a word where it had not come when the audit was made."""
    made = record.created[:10]
    return f"{day} (planned, as of {made})" if day > made else day


def _version(version: str, before: Superseded | None, audit: tuple[str, ...]) -> Told:
    """Return the field that names the version and links to the one before."""
    if before is None:
        return Told(field="0.a", state=State.COMPUTED, lines=(version,), rests_on=audit)
    old = before.document
    name = "Previous version" if old is None else f"Previous version: {old.document_version} of {old.updated}"
    lines = (version, f"{name}: {before.address}" if before.address else name)
    because = "" if before.address else "add the link to the previous version: --supersedes URL beside its folder"
    because = because or ("" if old is not None else "say which version this is: --supersedes FOLDER beside its address")
    return Told(field="0.a", state=State.DRAFTED if because else State.COMPUTED, lines=lines, rests_on=audit, because=because)


def _languages(one: Judged) -> tuple[str, ...]:
    return one.summary.dataset.languages or tuple(code for d, _, _ in one.ancestors for code in d.languages)


def _latest(judged: Sequence[Judged], units: Sequence[Unit]) -> Iterator[Told]:
    datasets = {d.name: d for d in (*(u.dataset for u in units if u.dataset is not None), *(j.summary.dataset for j in judged))}
    ends = {d.name: [day for day in (d.source.collected.end, *(g.generated.end for g in d.writers)) if not is_absent(day)] for d in datasets.values()}
    begun = {d.name: d.source.collected.start for d in datasets.values() if not is_absent(d.source.collected.start)}
    unended = {d.name for d in datasets.values() if d.name in begun and is_absent(d.source.collected.end)}  # whatever else has an end
    lacking = [u.name for u in units if not ends.get(u.name) or u.name in unended]
    days = [*(day for found in ends.values() for day in found), *begun.values()]
    rests_on = tuple(j.place for j in judged)
    if lacking or not days:
        known = f"; the latest known is {month(max(days))}" if days else ""
        because = f"no source.collected.to of {', '.join(lacking)}{known}" if lacking else "the audit names no data"
        yield Told(field="1.3.d", state=State.MISSING, because=because, rests_on=rests_on, not_before=month(max(days)) if days else "")
        return
    ongoing = {d.details.collection.ongoing for d in datasets.values()}
    if ongoing == {TriState.NO}:
        lines = (month(max(days)), "No, the collection of every dataset has ended")
        because = "confirm that the model is not trained further on data of a later date"
        yield Told(field="1.3.d", state=State.DRAFTED, lines=lines, rests_on=rests_on, because=because)
        return
    goes_on = "Collection of data goes on." if TriState.YES in ongoing else "Whether collection goes on is not known."
    because = "say whether the model is trained further on new data after this date"
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
        lacking = [u.name for u in units_of(units, "2.3") if u.dataset is not None and not u.dataset.details.collection.opt_outs]
        because = "what was recorded of each signal; add what else was done" + (f"; nothing is recorded of {', '.join(lacking)}" if lacking else "")
        yield Told(field="3.1.b", state=State.DRAFTED, lines=checks, rests_on=rests_on, because=because)
    steps = tuple(dict.fromkeys(f"{d.name}: {step}" for d in datasets for step in d.details.processing))
    if steps:
        yield Told(field="3.2.a", state=State.DRAFTED, lines=steps, rests_on=rests_on, because="keep the steps that remove illegal content")
        yield Told(field="3.3.a", state=State.COMPUTED, lines=steps, rests_on=rests_on)
