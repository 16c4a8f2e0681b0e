"""The parts of a condition, and which of them decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.policy.conditions import Condition, Token, parse_condition, tokens_of
from provenance.policy.facts import FactField, FactValue
from provenance.policy.outcomes import Holding, holding_of
from provenance.policy.rules import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A condition or a part of it, with what is known of it."""

    text: str
    holding: Holding
    joined: str = ""
    """``&&`` or ``||`` between its own parts; empty of a single comparison."""
    parts: tuple[Part, ...] = ()
    decided: bool = True
    """Whether the whole is as it is because of this part."""

    @property
    def deciding(self) -> tuple[Part, ...]:
        """Return the single comparisons that decided, in order."""
        if not self.parts:
            return (self,)
        return tuple(d for part in self.parts if part.decided for d in part.deciding)


def split_condition(check: Check, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> Part:
    """Return a condition's parts with what is known of each on some values."""
    text = check.condition.text
    whole = _Splitter(check, values, fields).split(tokens_of(text, _nowhere))
    return replace(whole, text=" ".join(text.split()), holding=holding_of(check, values, fields))


class _Splitter:
    def __init__(self, check: Check, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> None:
        self._check, self._values, self._fields = check, values, fields

    def split(self, tokens: Sequence[Token]) -> Part:
        """Return the part that some tokens are."""
        while tokens[0].text == "(" and _end(tokens) == len(tokens) - 1:
            tokens = tokens[1:-1]
        for joined in ("||", "&&"):  # the one that binds less first
            pieces = _pieces(tokens, joined)
            if len(pieces) > 1:
                return self._join(tokens, joined, [self.split(piece) for piece in pieces])
        return Part(text=self._text(tokens), holding=self._holding(self._text(tokens)))

    def _join(self, tokens: Sequence[Token], joined: str, parts: Sequence[Part]) -> Part:
        holding = self._holding(self._text(tokens))
        quick = Holding.FAILS if joined == "&&" else Holding.HOLDS
        marked = [replace(p, decided=p.holding is holding or (holding is not quick and holding is not Holding.OPEN)) for p in parts]
        if not any(p.decided for p in marked):  # only together they are so
            marked = [replace(p, decided=True) for p in marked]
        return Part(text=self._text(tokens), holding=holding, joined=joined, parts=tuple(marked))

    def _text(self, tokens: Sequence[Token]) -> str:
        last = tokens[-1]
        return self._check.condition.text[tokens[0].column - 1 : last.column - 1 + len(last.text)]

    def _holding(self, text: str) -> Holding:
        paths = {p: self._fields.get(p) for p in self._check.condition.paths}
        compiled = self._check.compiled.compiler.compile(text, where=_nowhere)
        if not any(t.kind == "path" for t in tokens_of(text, _nowhere)):
            return {True: Holding.HOLDS, False: Holding.FAILS}.get(compiled.holds({}) is True, Holding.OPEN)
        condition: Condition = parse_condition(text, where=_nowhere, paths=paths)
        return holding_of(Check(condition=condition, compiled=compiled), self._values, self._fields)


def _pieces(tokens: Sequence[Token], joined: str) -> list[Sequence[Token]]:
    found, depth, start = list[Sequence[Token]](), 0, 0
    for i, token in enumerate(tokens):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(token.text, 0) if token.kind == "op" else 0
        if depth == 0 and token.kind == "op" and token.text == joined:
            found.append(tokens[start:i])
            start = i + 1
    return [*found, tokens[start:]]


def _end(tokens: Sequence[Token]) -> int:
    """Return where the parenthesis ends that the first token opens."""
    depth = 0
    for i, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
        if depth == 0:
            return i
    return -1


def _nowhere(offset: int) -> str:
    return f"character {offset + 1}"
