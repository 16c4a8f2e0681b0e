"""The eighteen rules by which dated terms are read. Each answer cites those that it rests on; docs/rules has a page for each."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

READING_RULES = MappingProxyType(
    {
        "RR01": "a version counts from its first day to the day before its last; generation days are inclusive",
        "RR02": "silence decides nothing; where no text speaks the answer is UNKNOWN",
        "RR03": "all texts that apply count; PROHIBITED beats UNKNOWN beats ALLOWED; disagreements are listed",
        "RR04": "days under several versions are under all of them; a day that no version covers is UNKNOWN; a split is offered",
        "RR05": "with a day, region, channel or model unknown, every version that might apply has to agree",
        "RR06": "only texts of confidence seen or secondary decide",
        "RR07": "a bar on competing models depends on whether the model competes; an exception counts once its conditions are known to hold",
        "RR08": "a bar that an approval lifts stands until the approval is recorded, which is then kept as evidence",
        "RR09": "a bar reaches only the object that its clause names",
        "RR10": "a permission under conditions carries them as obligations, and fails where the facts show that one fails",
        "RR11": "purpose and means are separate answers",
        "RR12": "a model's licence follows the model id, not the calendar; of several dated texts the one of the day counts",
        "RR13": "host, provider and model licence all apply; one that nobody knows is an unknown layer",
        "RR14": "a text known by observation counts from its first observation; an undated site or host text counts always",
        "RR15": "without an end a version holds until a successor is catalogued",
        "RR16": "a text that is no contract never loosens one that is",
        "RR17": "the licence's class decides; share-alike with a silent outputs clause leaves releasing weights UNKNOWN",
        "RR18": "a notorious source is prohibited, whatever licence it carries",
    }
)
"""Rule → what it says, in one line."""


def rule_lines(rules: Iterable[str]) -> tuple[str, ...]:
    """Return each rule with what it says, in order.

    >>> rule_lines(["RR02"])[0][:13]
    'RR02: silence'
    """
    return tuple(f"{rule}: {READING_RULES[rule]}" for rule in sorted(set(rules)))
