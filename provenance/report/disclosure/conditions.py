"""Conditions of fields, such as ``2.1.a=Yes and any large``: alternatives of facts that must all hold. What is unknown is never taken for "does not apply"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from provenance.model.absence import TriState

ALWAYS, NEVER = "always", "never"
_YES = re.compile(r"([0-9A-Za-z][0-9A-Za-z.]*)=Yes")
_FACT = re.compile(r"[A-Za-z][A-Za-z/ -]*")
_WORDS = {
    "provider outside EU": ("the provider is established outside the Union", "the provider is established in the Union"),
    "fine-tuned/modified": ("the model was made from another one", "the model was trained from nothing, not made from another one"),
    "text/video/speech present": ("there is text, speech or video", "there is no text, speech or video"),
    "any large": ("there are large public datasets", "no public dataset is large"),
    "any not large": ("there are public datasets that are not large", "every public dataset is large and listed above"),
    "any publicly known": ("some of them are publicly known", "none of them is publicly known"),
    "any not publicly known": ("some of them are not publicly known", "all of them are publicly known"),
    "generator on market": ("a model that made them is on the market", "no model that made them is on the market"),
    "generator not on market": ("a model that made them is not on the market", "every model that made them is on the market"),
}
"""What it means that a fact holds, and that it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a field must be answered."""

    text: str
    alternatives: tuple[tuple[str, ...], ...]
    """Names of facts; ``2.1.a`` is the answer of that field. One alternative must hold whole; none at all = optional."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields whose answers it reads."""
        return tuple(m.group(1) for part in re.split(r" and | or ", self.text) if (m := _YES.fullmatch(part)))

    @property
    def is_optional(self) -> bool:
        """Tell whether a blank is always allowed."""
        return not self.alternatives


def parse_condition(text: str) -> Condition:
    """Return the condition that a text states.

    Raises:
        ValueError: If it is none.
    """
    if text == ALWAYS:
        return Condition(text=text, alternatives=((),))
    if text == NEVER:
        return Condition(text=text, alternatives=())
    return Condition(text=text, alternatives=tuple(tuple(_name(part) for part in one.split(" and ")) for one in text.split(" or ")))


def _name(part: str) -> str:
    found = _YES.fullmatch(part)
    if found:
        return found.group(1)
    if not _FACT.fullmatch(part):
        raise ValueError(f"condition {part[:60]!r}: expected 'FIELD=Yes' or the name of a fact")
    return part


def holds(condition: Condition, facts: Mapping[str, TriState]) -> tuple[TriState, str]:
    """Return whether a field must be answered, and in words what decides it: empty of one that always must.

    Args:
        condition: Of the field.
        facts: By name; what is not among them is not known.
    """
    outcomes = [_all(names, facts) for names in condition.alternatives]
    states = {state for state, _ in outcomes}
    if TriState.YES in states:
        return next(o for o in outcomes if o[0] is TriState.YES)
    wanted = TriState.UNKNOWN if TriState.UNKNOWN in states else TriState.NO
    return wanted, ", and ".join(dict.fromkeys(why for state, why in outcomes if state is wanted))


def _all(names: tuple[str, ...], facts: Mapping[str, TriState]) -> tuple[TriState, str]:
    states = [(facts.get(name, TriState.UNKNOWN), name) for name in names]
    for wanted, words in ((TriState.NO, "No"), (TriState.UNKNOWN, "not known")):
        found = [name for state, name in states if state is wanted]
        if found:
            return wanted, _said(found[0], words)
    return TriState.YES, " and ".join(_said(name, "Yes") for _, name in states)


def _said(name: str, answer: str) -> str:
    """Return in words what is known of a fact: the answer of a field, or a sentence."""
    if name[:1].isdigit():
        return f"field {name}: {answer}"
    yes, no = _WORDS.get(name, (f"“{name}”: Yes", f"“{name}”: No"))
    return {"Yes": yes, "No": no}.get(answer, f"not known whether {yes}")
