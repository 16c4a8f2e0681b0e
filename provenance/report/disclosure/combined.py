"""One document that answers both laws: the fields of the Union's public summary, and those of California's summary where they belong among them, each once.

A field's id tells which law asks for it: ``EU-1.3.b``, ``CA-3``, or both. Answers are those of the two documents, unchanged; a question that both laws ask has one
answer, and two different ones are a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from provenance.report.disclosure.values import Disclosure, Entry, EntrySection, Problem, State

TEMPLATE_ID: Final = "eu-and-ca"
NAME: Final = "Summary of training data for the European Union and California"
SAME: Final = {"1.1.a": "0.a", "2.5.a": "12.a"}
"""Fields of the Union that ask what a field of California asks."""
_MUST_AGREE: Final = frozenset({"2.5.a"})
"""Those of them with a yes-or-no answer."""
_PLACES: Final = {
    "1.3": ("2", "3", "4", "10", "11"),
    "2": ("1",),
    "2.2": ("6.a", "6"),
    "2.5": ("12",),
    "3.1": ("5.a", "5"),
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
    asked = {e.id: e for e in ca.entries}
    sections = tuple(_sections(eu, ca, asked))
    problems = (*_problems(eu.problems, "EU"), *_problems(ca.problems, "CA"), *_disagreements(eu, asked))
    return replace(
        eu,
        template=TEMPLATE_ID,
        name=NAME,
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


def _from_union(entry: Entry, asked: dict[str, Entry]) -> Entry:
    """Return a field of the Union; where California asks the same, with its answer where the Union's document has none."""
    other = asked.get(SAME.get(entry.id, ""))
    if other is None:
        return _named(entry, "EU")
    answer = other if entry.id in _MUST_AGREE and entry.state in _UNSAID and other.state not in _UNSAID else entry
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
    for entry in eu.entries:
        other = asked.get(SAME.get(entry.id, ""))
        if other is None or entry.id not in _MUST_AGREE or {entry.state, other.state} & _UNSAID:
            continue
        if entry.lines[:1] != other.lines[:1]:
            message = f"answered “{entry.lines[0]}” for the Union and “{other.lines[0]}” for California"
            yield Problem(field=_both(entry, other), message=message, evidence=(eu.audit,))
