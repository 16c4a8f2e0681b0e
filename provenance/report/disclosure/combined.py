"""One document that answers both laws: the fields of the Union's public summary, and those of California's summary where they belong among them, each once.

A field's id tells which law asks for it: ``EU-1.3.b``, ``CA-3``, or both. Answers are those of the two documents, unchanged; what both laws ask has one
answer. Synthetic data are asked for twice, since the questions differ: the Union's leaves out what others published. Yes to the Union's and No to California's deny one
another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from provenance.report.disclosure.eu import due_after
from provenance.report.disclosure.fill import contradicted, said_of
from provenance.report.disclosure.values import Disclosure, Entry, EntrySection, Problem, State

TEMPLATE_ID: Final = "eu-and-ca"
NAME: Final = "Summary of training data for the European Union and California"
SAME: Final = {"1.1.a": "0.a"}
"""Fields of the Union that ask what a field of California asks."""
_IMPLIES: Final = (("2.5.a", "12.a"),)
"""Yes to the first, of the Union, means Yes to the second, of California."""
_PLACES: Final = {
    "1.3": ("2", "3", "4", "10", "11"),
    "2": ("1",),
    "2.2": ("6.a", "6"),
    "2.5": ("12.a", "12.b", "12"),
    "3.1": ("5.a", "5.b", "5"),
    "3.3": ("7.a", "7", "8.a", "8", "9.a", "9"),
}
"""Section of the Union → fields of California that belong there."""
_UNSAID: Final = frozenset({State.MISSING, State.NOT_KNOWN})


def combine(eu: Disclosure, ca: Disclosure) -> Disclosure:
    """Return one document of two on the same audit.

    Args:
        eu: The Union's public summary.
        ca: California's summary.

    Raises:
        ValueError: If they are of different audits.
    """
    if eu.audit != ca.audit:
        raise ValueError("the two documents are of different audits")
    asked, updated = {e.id: e for e in ca.entries}, max(eu.updated, ca.updated)
    against = tuple(_disagreements(eu, asked))
    sections = tuple(replace(s, entries=tuple(_denied(e, against) for e in s.entries)) for s in _sections(eu, ca, asked))
    problems = (*_problems(eu.problems, "EU"), *_problems(ca.problems, "CA"), *against)
    return replace(
        eu,
        template=TEMPLATE_ID,
        name=NAME,
        updated=updated,
        due=due_after(updated),
        release=f"{eu.release}; {ca.release}",
        source=f"{eu.source}. {ca.source}",
        notice=f"{eu.notice} {ca.notice} Each field's number tells which law asks for it.",
        supersedes=None,
        sections=sections,
        problems=problems,
    )


def _sections(eu: Disclosure, ca: Disclosure, asked: dict[str, Entry]) -> Iterator[EntrySection]:
    placed = {field for fields in _PLACES.values() for field in fields} | set(SAME.values())
    for section in eu.sections:
        more = (asked[f] for f in _PLACES.get(section.id, ()) if f in asked)
        entries = (*(_from_union(e, asked) for e in section.entries), *(_named(e, "CA") for e in more))
        yield replace(section, entries=entries)
    for section in ca.sections:
        rest = tuple(_named(e, "CA") for e in section.entries if e.id not in placed)
        if rest:
            yield replace(section, id=f"CA.{section.id}", title=f"California: {section.title}", entries=rest)


def _denied(entry: Entry, against: Iterable[Problem]) -> Entry:
    found = [p.message for p in against if p.field == entry.id]
    return contradicted(entry, found) if found else entry


def _from_union(entry: Entry, asked: dict[str, Entry]) -> Entry:
    """Return a field of the Union; where California asks the same, with its answer where the Union's document has none."""
    other = asked.get(SAME.get(entry.id, ""))
    if other is None:
        return _named(entry, "EU")
    answer = other if entry.state in _UNSAID and other.state not in _UNSAID else entry
    return replace(answer, id=_both(entry, other), label=entry.label, help=entry.help)


def _both(entry: Entry, other: Entry) -> str:
    return f"EU-{entry.id}+CA-{other.id}"


def _named(entry: Entry, law: str) -> Entry:
    return replace(entry, id=f"{law}-{entry.id}")


def _problems(found: Iterable[Problem], law: str) -> Iterator[Problem]:
    shared = SAME if law == "EU" else {ca: eu for eu, ca in SAME.items()}
    for problem in found:
        other = shared.get(problem.field)
        eu, ca = (problem.field, other) if law == "EU" else (other, problem.field)
        yield replace(problem, field=f"{law}-{problem.field}" if other is None else f"EU-{eu}+CA-{ca}")


def _disagreements(eu: Disclosure, asked: dict[str, Entry]) -> Iterator[Problem]:
    own = {e.id: e for e in eu.entries}
    for ours, theirs in _IMPLIES:
        if ours in own and theirs in asked and (said_of(own[ours]), said_of(asked[theirs])) == ("Yes", "No"):
            for field in (f"EU-{ours}", f"CA-{theirs}"):
                yield Problem(field=field, message=f"EU-{ours} says Yes, and CA-{theirs} says No", evidence=(eu.audit,))
