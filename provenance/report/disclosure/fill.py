"""Filling a template: recorded facts, people's answers and conditions become entries; an answer may add to a computed one and never contradict it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from provenance.model.absence import TriState
from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.conditions import Condition, holds, parse_condition
from provenance.report.disclosure.template import Answerer, Field, Kind, Row, Template
from provenance.report.disclosure.values import Answer, Entry, EntrySection, Problem, State, Told

_SET_LIKE = frozenset({Kind.MODALITIES, Kind.LIST})
"""Kinds of which an answer must hold every computed line."""
_ONE_LIKE = frozenset({Kind.YES_NO, Kind.DATE, Kind.MONTH, Kind.PERIOD})
_NOT_TOLD = {
    Answerer.REGISTRY: "the registry does not say",
    Answerer.DRAFT: "the registry holds nothing to draft it from",
    Answerer.PERSON: "only people know it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A template's sections with their answers."""

    sections: tuple[EntrySection, ...]
    problems: tuple[Problem, ...]
    """Contradictions between answers and recorded facts."""


def fill(template: Template, told: Iterable[Told], answers: Answers, facts: Mapping[str, TriState], *, audit: str) -> Filled:
    """Return the entries of a document.

    Args:
        template: Its fields.
        told: What recorded facts tell, at most one for a field.
        answers: What people said.
        facts: What conditions read, by name; answers to yes-or-no fields are added as they become known.
        audit: Id of the audit, named as the evidence of contradictions that rest on nothing else.
    """
    filling = _Filling(told={t.field: t for t in told}, answers=answers, facts=dict(facts), audit=audit)
    sections = []
    for section in template.sections:
        entries = tuple(filling.entry(f, section.rows) for f in section.fields)
        sections.append(EntrySection(id=section.id, title=section.title, intro=section.intro, entries=entries))
    return Filled(sections=tuple(sections), problems=tuple(filling.problems))


@dataclass(slots=True, kw_only=True)
class _Filling:
    told: Mapping[str, Told]
    answers: Answers
    facts: dict[str, TriState]
    audit: str
    problems: list[Problem] = field(default_factory=list)

    def entry(self, asked: Field, rows: tuple[Row, ...]) -> Entry:
        told, answer = self.told.get(asked.id), self.answers.fields.get(asked.id)
        has_told = told is not None and told.state is not State.MISSING
        needed, why = holds(_condition(asked), self.facts)
        if needed is TriState.NO and not _condition(asked).is_optional:
            made = self._not_needed(asked, answer, why)
        elif answer is not None:
            made = self._answered(asked, told if has_told else None, answer, needed, rows)
        elif told is not None and has_told:
            made = _entry(asked, told.state, told.lines, rests_on=told.rests_on, because=told.because)
        elif _condition(asked).is_optional:
            made = _entry(asked, State.LEFT_OPEN, ("No further statement (optional field).",))
        else:
            reasons = [told.because if told and told.because else _NOT_TOLD[asked.by]]
            reasons += [f"whether it applies is open ({why})"] if needed is TriState.UNKNOWN else []
            reason = "; ".join(reasons)
            made = _entry(asked, State.MISSING, (f"not known – {reason}",), rests_on=told.rests_on if told else (), because=reason)
        if asked.kind is Kind.YES_NO:
            self.facts[asked.id] = _truth(made)
        return made

    def _not_needed(self, asked: Field, answer: Answer | None, why: str) -> Entry:
        if answer is not None and answer.lines:
            self._contradict(asked, answer, f"it does not apply ({why})", (self.audit,))
        return _entry(asked, State.NOT_APPLICABLE, (f"Not applicable – {why}.",), because=why)

    def _answered(self, asked: Field, told: Told | None, answer: Answer, needed: TriState, rows: tuple[Row, ...]) -> Entry:
        computed = told if told is not None and told.state is State.COMPUTED else None
        if not answer.lines:
            return self._without_value(asked, computed, answer, needed)
        if computed is None:
            recorded = told.lines if told is not None else ()
            return _entry(asked, State.ANSWERED, answer.lines, rests_on=told.rests_on if told else (), recorded=recorded, answer=answer)
        if _contradicts(asked.kind, computed.lines, answer.lines, rows):
            self._contradict(asked, answer, f"recorded facts say {_quoted(computed.lines)}", computed.rests_on)
            return _entry(asked, State.COMPUTED, computed.lines, rests_on=computed.rests_on, recorded=computed.lines)
        more = tuple(line for line in answer.lines if line not in computed.lines)
        return _entry(asked, State.COMPUTED, (*computed.lines, *more), rests_on=computed.rests_on, recorded=computed.lines, answer=answer)

    def _without_value(self, asked: Field, computed: Told | None, answer: Answer, needed: TriState) -> Entry:
        if computed is not None:
            words = "not known" if answer.applies else "not applicable"
            self._contradict(asked, answer, f"recorded facts say {_quoted(computed.lines)}", computed.rests_on, said=words)
            return _entry(asked, State.COMPUTED, computed.lines, rests_on=computed.rests_on, recorded=computed.lines)
        if answer.applies:
            return _entry(asked, State.NOT_KNOWN, (f"not known – {answer.because}",), answer=answer)
        if needed is TriState.YES:
            self._contradict(asked, answer, "the template asks for it", (self.audit,), said="not applicable")
            return _entry(asked, State.MISSING, ("not known – it was left out as not applicable, and the template asks for it",))
        return _entry(asked, State.NOT_APPLICABLE, (f"Not applicable – {answer.because}",), answer=answer)

    def _contradict(self, asked: Field, answer: Answer, other: str, evidence: tuple[str, ...], *, said: str = "") -> None:
        words = said or _quoted(answer.lines)
        message = f"{answer.by} answered {words} on {answer.on} ({answer.where}), and {other}"
        self.problems.append(Problem(field=asked.id, message=message, evidence=evidence or (self.audit,)))


def _condition(asked: Field) -> Condition:
    return parse_condition(asked.when)


def _truth(entry: Entry) -> TriState:
    return {"Yes": TriState.YES, "No": TriState.NO}.get(entry.lines[0], TriState.UNKNOWN)


def _quoted(lines: tuple[str, ...]) -> str:
    return "“" + "; ".join(lines) + "”"


def _contradicts(kind: Kind, computed: tuple[str, ...], said: tuple[str, ...], rows: tuple[Row, ...]) -> bool:
    """Tell whether a person's answer denies a computed one. Free words are added beside it and deny nothing that can be told."""
    if kind in _ONE_LIKE:
        return said[0] != computed[0] or any(_first_word(a) != _first_word(b) for a, b in zip(said[1:], computed[1:], strict=False))
    if kind in _SET_LIKE:
        return not {line.casefold() for line in computed} <= {line.casefold() for line in said}
    if kind is Kind.SIZES:
        return any(_bracket(row, said) not in {"", _bracket(row, computed)} for row in rows)
    return False


def _first_word(line: str) -> str:
    return line.split(maxsplit=1)[0].strip(".,;").casefold()


def _bracket(row: Row, lines: tuple[str, ...]) -> str:
    """Return the bracket that lines name for a modality, all of them where there are several, empty where there is none."""
    own = [line for line in lines if re.match(rf"{re.escape(row.name)}\b", line, re.IGNORECASE)]
    return "; ".join(b for b in row.brackets if any(b.casefold() in line.casefold() for line in own))


def _entry(
    asked: Field,
    state: State,
    lines: tuple[str, ...],
    *,
    rests_on: tuple[str, ...] = (),
    recorded: tuple[str, ...] = (),
    because: str = "",
    answer: Answer | None = None,
) -> Entry:
    said = answer or Answer(field=asked.id, because=because)
    return Entry(
        id=asked.id,
        label=asked.label,
        help=asked.help,
        kind=asked.kind,
        state=state,
        lines=lines,
        rests_on=rests_on,
        recorded=recorded,
        by=said.by,
        on=said.on,
        evidence=said.evidence,
        because=said.because,
    )
