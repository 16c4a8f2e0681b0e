"""Filling a template: recorded facts, people's answers and conditions become entries; an answer may add to a computed one and never contradict it.

What contradicts a field, be it an answer or the evidence, is shown in the field's place, and the field decides nothing: what depends on it stays open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provenance.model.absence import TriState
from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.conditions import Condition, holds, parse_condition
from provenance.report.disclosure.template import Answerer, Field, Kind, Row, Template
from provenance.report.disclosure.values import Answer, Entry, EntrySection, Problem, State, Told

Check = Callable[[Sequence[Entry]], Iterable[Problem]]
"""Holds filled entries against the evidence."""
_SET_LIKE = frozenset({Kind.MODALITIES, Kind.LIST})
"""Kinds of which an answer must hold every computed line."""
_ONE_LIKE = frozenset({Kind.YES_NO, Kind.DATE, Kind.MONTH, Kind.PERIOD})
_WORDY = frozenset({Kind.TEXT, Kind.ROWS, Kind.LIST, Kind.DOMAINS})
"""Kinds of which a contradiction speaks against a part: the rest stands beside it."""
_UNSAID = frozenset({State.MISSING, State.NOT_KNOWN, State.NOT_APPLICABLE, State.LEFT_OPEN})
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
    """Contradictions between answers, recorded facts and the evidence."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return all entries in their order."""
        return tuple(e for s in self.sections for e in s.entries)


def fill(
    template: Template, told: Iterable[Told], answers: Answers, facts: Mapping[str, TriState], *, audit: str, check: Check | None = None
) -> Filled:
    """Return the entries of a document.

    Args:
        template: Its fields.
        told: What recorded facts tell, at most one for a field.
        answers: What people said.
        facts: What conditions read, by name; answers to yes-or-no fields are added as they become known.
        audit: Id of the audit, named as the evidence of contradictions that rest on nothing else.
        check: Finds what the evidence speaks against. A field that it names is contradicted, and its dependants are open.
    """
    by_field = {t.field: t for t in told}
    first = _fill(template, _Filling(told=by_field, answers=answers, facts=dict(facts), audit=audit))
    against = tuple(check(first.entries)) if check is not None else ()
    if not against:
        return first
    again = _fill(template, _Filling(told=by_field, answers=answers, facts=dict(facts), audit=audit, against=against))
    return replace(again, problems=(*again.problems, *against))


def _fill(template: Template, filling: _Filling) -> Filled:
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
    against: tuple[Problem, ...] = ()
    """What the evidence speaks against."""
    problems: list[Problem] = field(default_factory=list)
    contradicted: set[str] = field(default_factory=set)

    def entry(self, asked: Field, rows: tuple[Row, ...]) -> Entry:
        """Return a field's entry; call it in the order of the template."""
        known = len(self.problems)
        made = self._made(asked, rows)
        found = [p.message for p in (*self.problems[known:], *(p for p in self.against if p.field == asked.id))]
        if found:
            made = contradicted(made, found)
            self.contradicted.add(asked.id)
        if asked.kind is Kind.YES_NO:
            self.facts[asked.id] = _truth(made)
        return made

    def _made(self, asked: Field, rows: tuple[Row, ...]) -> Entry:
        told, answer = self.told.get(asked.id), self.answers.fields.get(asked.id)
        has_told = told is not None and told.state is not State.MISSING
        condition = parse_condition(asked.when)
        needed, why = holds(condition, self.facts)
        if needed is TriState.NO and not condition.is_optional:
            return self._not_needed(asked, answer, why)
        if answer is not None:
            return self._answered(asked, told if has_told else None, answer, needed, rows)
        if told is not None and has_told:
            return _entry(asked, told.state, told.lines, rests_on=told.rests_on, because=told.because)
        if condition.is_optional:
            return _entry(asked, State.LEFT_OPEN, ("No further statement (optional field).",))
        reasons = [told.because if told and told.because else _NOT_TOLD[asked.by]]
        reasons += [f"whether it applies is open ({self._open(condition, why)})"] if needed is TriState.UNKNOWN else []
        reason = "; ".join(reasons)
        return _entry(asked, State.MISSING, (f"not known – {reason}",), rests_on=told.rests_on if told else (), because=reason)

    def _open(self, condition: Condition, why: str) -> str:
        """Return why it is open whether a field applies, with contradictions told from what nobody knows."""
        for name in self._denied(condition):
            why = why.replace(f"field {name}: not known", f"field {name} is contradicted")
        return why

    def _denied(self, condition: Condition) -> tuple[str, ...]:
        return tuple(name for name in condition.fields if name in self.contradicted)

    def _not_needed(self, asked: Field, answer: Answer | None, why: str) -> Entry:
        if answer is not None and answer.lines:
            self._contradict(asked, answer, f"it does not apply ({why})", (self.audit,))
            return _entry(asked, State.ANSWERED, answer.lines, answer=answer)
        return _entry(asked, State.NOT_APPLICABLE, (f"Not applicable – {why}.",), because=why)

    def _answered(self, asked: Field, told: Told | None, answer: Answer, needed: TriState, rows: tuple[Row, ...]) -> Entry:
        computed = told if told is not None and told.state is State.COMPUTED else None
        if not answer.lines:
            return self._without_value(asked, computed, answer, needed)
        known = self.told.get(asked.id)
        if known is not None and known.not_before and _month_key(answer.lines[0]) < _month_key(known.not_before):
            self._contradict(asked, answer, f"recorded facts say that data were collected in {known.not_before}", known.rests_on)
        if computed is None:
            recorded, rests_on = (told.lines, told.rests_on) if told is not None else ((), ())
            if told is not None and _is_ruled_out(asked.kind, recorded, answer.lines, rows):
                self._contradict(asked, answer, f"recorded facts say {_quoted(recorded)}", rests_on)
            return _entry(asked, State.ANSWERED, answer.lines, rests_on=rests_on, recorded=recorded, answer=answer)
        if _contradicts(asked.kind, computed.lines, answer.lines, rows):
            self._contradict(asked, answer, f"recorded facts say {_quoted(computed.lines)}", computed.rests_on)
            return _entry(asked, State.ANSWERED, answer.lines, rests_on=computed.rests_on, recorded=computed.lines, answer=answer)
        more = tuple(line for line in answer.lines if line not in computed.lines and not _is_said(asked.kind, line, computed.lines, rows))
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
        elif denied := self._denied(parse_condition(asked.when)):
            return self._left_open(asked, f"field {denied[0]}, which decides that, is contradicted")
        elif needed is TriState.UNKNOWN and (undecided := self._undecided(parse_condition(asked.when))):
            return self._left_open(asked, f"whether it applies is decided by field {undecided[0]}, which nobody has answered yes or no")
        return _entry(asked, State.NOT_APPLICABLE, (f"Not applicable – {answer.because}",), answer=answer)

    def _undecided(self, condition: Condition) -> tuple[str, ...]:
        return tuple(name for name in condition.fields if self.facts.get(name, TriState.UNKNOWN) is TriState.UNKNOWN)

    @staticmethod
    def _left_open(asked: Field, why: str) -> Entry:
        because = f"it was left out as not applicable, and {why}"
        return _entry(asked, State.MISSING, (f"not known – {because}",), because=because)

    def _contradict(self, asked: Field, answer: Answer, other: str, evidence: tuple[str, ...], *, said: str = "") -> None:
        words, place = said or _quoted(answer.lines), f" ({answer.where})" if answer.where else ""
        message = f"{answer.by} answered {words} on {answer.on}{place}, and {other}"
        self.problems.append(Problem(field=asked.id, message=message, evidence=evidence or (self.audit,)))


def contradicted(made: Entry, messages: Sequence[str]) -> Entry:
    """Return the entry of a field that something speaks against: no view shows its answer alone."""
    told = tuple(f"contradicted – {m}" for m in dict.fromkeys(messages))
    if made.state is State.CONTRADICTED:
        return replace(made, lines=(*told, *made.lines))
    claimed = () if made.state in _UNSAID else made.lines
    beside = tuple(line for line in claimed if made.kind in _WORDY and not any(line in m for m in messages))
    return replace(made, state=State.CONTRADICTED, lines=(*told, *beside), claimed=claimed, because="")


def claim_of(entry: Entry) -> str:
    """Return in words who says what an entry says."""
    said = _quoted(entry.claimed or entry.lines)
    return f"{entry.by} answered {said} on {entry.on}" if entry.by and entry.lines != entry.recorded else f"recorded facts say {said}"


def said_of(entry: Entry) -> str:
    """Return the first line of what an entry says, contradicted or not; empty where nobody has said anything."""
    if entry.state in _UNSAID:
        return ""
    lines = entry.claimed if entry.state is State.CONTRADICTED else entry.lines
    return lines[0] if lines else ""


def _truth(entry: Entry) -> TriState:
    return {"Yes": TriState.YES, "No": TriState.NO}.get(entry.lines[0], TriState.UNKNOWN)


def _quoted(lines: tuple[str, ...]) -> str:
    return "“" + "; ".join(lines) + "”"


def _contradicts(kind: Kind, computed: tuple[str, ...], said: tuple[str, ...], rows: tuple[Row, ...]) -> bool:
    """Tell whether a person's answer denies a computed one. Free words are added beside it and deny nothing that can be told."""
    if kind in _ONE_LIKE:
        return said[0] != computed[0] or any(_first_word(a) != _first_word(b) for a, b in zip(said[1:], computed[1:], strict=False))
    if kind in _SET_LIKE:
        return not {_item(kind, line) for line in computed} <= {_item(kind, line) for line in said}
    return kind is Kind.SIZES and not _is_possible(computed, said, rows)


def _item(kind: Kind, line: str) -> str:
    """Return what is compared of a line: of ``Other: 3D meshes`` the modality."""
    return (line.partition(":")[0] if kind is Kind.MODALITIES else line).strip().casefold()


def _is_ruled_out(kind: Kind, drafted: tuple[str, ...], said: tuple[str, ...], rows: tuple[Row, ...]) -> bool:
    """Tell whether an answer cannot be, by what a draft rests on: a size range that counts rule out, a month before the latest that is recorded."""
    if kind is Kind.MONTH:
        return _month_key(said[0]) < _month_key(drafted[0])
    return kind is Kind.SIZES and not _is_possible(drafted, said, rows)


def _month_key(line: str) -> tuple[str, str]:
    return line[3:7], line[:2]


def _is_possible(computed: tuple[str, ...], said: tuple[str, ...], rows: tuple[Row, ...]) -> bool:
    """Tell whether every bracket that an answer names is among those that were computed of its modality; where none was computed, all are."""
    return all(not (found := _brackets(row, computed)) or _brackets(row, said) <= found for row in rows)


def _is_said(kind: Kind, line: str, computed: tuple[str, ...], rows: tuple[Row, ...]) -> bool:
    """Tell whether a computed line names the bracket of an answer's line, which would only stand there twice."""
    return kind is Kind.SIZES and any(line == f"{row.name}: {b}" for row in rows for b in _brackets(row, computed))


def _first_word(line: str) -> str:
    return line.split(maxsplit=1)[0].strip(".,;:").casefold()


def _brackets(row: Row, lines: tuple[str, ...]) -> set[str]:
    """Return the brackets that lines name for a modality."""
    own = [line for line in lines if re.match(rf"{re.escape(row.name)}\b", line, re.IGNORECASE)]
    return {b for b in row.brackets if any(b.casefold() in line.casefold() for line in own)}


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
