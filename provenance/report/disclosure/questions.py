"""What only people know: the open fields of a document, as questions and as an answers file to fill in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from provenance.report.disclosure.answers import ANSWERS_FORMAT, ANSWERS_VERSION
from provenance.report.disclosure.template import Kind
from provenance.report.disclosure.values import Disclosure, Entry, State

_OPEN = frozenset({State.MISSING, State.DRAFTED, State.CONTRADICTED})
_WIDTH = 140


def open_entries(document: Disclosure) -> tuple[Entry, ...]:
    """Return the fields that a person has to answer, to confirm, or to put right."""
    return tuple(e for e in document.entries if e.state in _OPEN)


def questions_yaml(document: Disclosure, unplaced: Sequence[str] = ()) -> str:
    """Return a valid answers file with every open field: a draft stands as the value, to be kept or changed; the rest says that it is not known yet.

    Args:
        document: With its open fields.
        unplaced: Datasets of which nobody knows which section they belong to.
    """
    return "\n".join(_lines(document, unplaced)) + "\n"


def _lines(document: Disclosure, unplaced: Sequence[str]) -> Iterator[str]:
    yield from _comment(f"Answers for: {document.name} ({document.release}), model {document.model}.", "")
    yield from _comment('Fill in value, by (who answers) and on (the day, "2026-12-01"). While by is null, a field counts as not answered.', "")
    yield from _comment("What stays unknown: value: null and because: with the reason. What does not apply: applies: false and because:.", "")
    yield from _comment("Keep this file under version control.", "")
    yield f"format: {ANSWERS_FORMAT}"
    yield f"version: {ANSWERS_VERSION}"
    yield "documents:"
    yield f"  - document: {_quoted(document.template)}"
    yield f"    model: {_quoted(document.model)}"
    if unplaced:
        yield from _comment('categories: the section that each of these datasets belongs to, such as "2.2.2"; take away the # and fill in', "    ")
        for name in unplaced:
            yield from _comment(f'  {_quoted(name)}: "…"', "    ")
    entries = open_entries(document)
    yield "    fields:" if entries else "    fields: {}"
    for entry in entries:
        yield from _field(entry)


def _field(entry: Entry) -> Iterator[str]:
    yield from _comment(f"{entry.id} {entry.label}", "      ")
    yield from _comment(entry.help, "      ")
    yield f"      {_quoted(entry.id)}:"
    if entry.state is State.DRAFTED:
        yield from _comment(
            "drafted from recorded facts" + (f": {entry.because.rstrip('.')}" if entry.because else "") + "; keep it or change it", "        "
        )
        yield f"        value: {json.dumps(_draft(entry), ensure_ascii=False)}"
    elif entry.state is State.CONTRADICTED:
        for line in entry.lines:
            yield from _comment(line, "        ")
        yield from _comment("Put right what is wrong: this answer, or the recorded facts in datasets.yaml.", "        ")
        yield "        value: null"
    else:
        yield from _comment(f"not answered: {entry.because or 'nobody was asked'}", "        ")
        yield "        value: null"
    yield "        by: null"
    yield "        on: null"


def _draft(entry: Entry) -> str | list[str]:
    """Return a draft as it stands in an answers file; of a month the words beside it are for a person to say."""
    if entry.kind is Kind.YES_NO:
        return entry.lines[0]
    says_whether = entry.lines[-1].lower().startswith(("yes", "no"))
    return list(entry.lines[:1] if entry.kind is Kind.MONTH and not says_whether else entry.lines)


def _comment(text: str, indent: str) -> Iterator[str]:
    words = json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').split()
    line = ""
    for word in words:
        if line and len(line) + len(word) >= _WIDTH:
            yield f"{indent}# {line}"
            line = ""
        line = f"{line} {word}".strip()
    if line:
        yield f"{indent}# {line}"


def _quoted(text: str) -> str:
    """Return a text as YAML: JSON texts are YAML texts, and ASCII hides no control character."""
    return json.dumps(text, ensure_ascii=True)
