"""Which fields of a record hold text that a trainer would see, and which one names it.

Every string that has room for a passage is read, whatever its field is called: a passage hides in an instruction as well as in an answer, and in
``completions`` or ``rationale`` as well as in ``text``. In fields that hold text by convention strings are read however short they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from provenance.ingest.lengths import is_alone, is_passage
from provenance.ingest.walk import FoundTexts

TEXT_FIELDS: tuple[str, ...] = (
    "system",
    "instruction",
    "instructions",
    "context",
    "input",
    "inputs",
    "prompt",
    "query",
    "question",
    "problem",
    "text",
    "content",
    "raw_content",
    "document",
    "body",
    "code",
    "reasoning",
    "thinking",
    "output",
    "outputs",
    "completion",
    "response",
    "answer",
    "answers",
    "solution",
    "target",
    "targets",
    "chosen",
    "rejected",
    "messages",
    "conversation",
    "conversations",
)
"""Names of text fields by convention, in the order their rows are given, before those of other fields."""
ID_FIELDS: tuple[str, ...] = ("doc_id", "id", "uuid")
"""Fields that name a record, the first that has a value wins (FORMATS, match)."""
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """What to take from records that have one set of keys."""

    text: tuple[str, ...]
    """Text fields by convention, in their conventional order."""
    others: tuple[str, ...]
    """All other fields, in the record's order."""
    ids: tuple[str, ...]
    long_keys: tuple[tuple[int, str], ...]
    """Position and name of fields whose very name has room for a passage."""


def plan_fields(keys: tuple[str, ...]) -> FieldPlan:
    """Return what a record's keys say of its fields."""
    have, text = set(keys), frozenset(TEXT_FIELDS)
    return FieldPlan(
        text=tuple(k for k in TEXT_FIELDS if k in have),
        others=tuple(k for k in keys if k not in text),
        ids=tuple(k for k in ID_FIELDS if k in have),
        long_keys=tuple((n, k) for n, k in enumerate(keys) if is_passage(k)),
    )


def id_text(record: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    """Return the record's name as text: of the given fields the first that holds text or a whole number."""
    for name in names:
        value = record[name]
        if isinstance(value, str):
            if value:
                return value
        elif (isinstance(value, int) and not isinstance(value, bool)) or isinstance(value, UUID):
            return str(value)
    return None


def find_chosen(record: Mapping[str, object], text_field: str) -> list[tuple[str, str]]:
    """Return (field path, text) of the rows of the field that the user named: a key, or a dotted path that goes through lists on its way.

    Raises:
        RecursionError: If the value nests deeper than ``MAX_DEPTH``.
        UnicodeDecodeError: If it holds bytes that are no UTF-8.
    """
    found = FoundTexts(every=True)
    for value, path, wild in _chosen(record, text_field):
        found.walk(value, path, wild)
    found.join()
    return found.rows


def find_unread(value: object, name: str, read: Collection[str]) -> set[str]:
    """Return where a field holds text that could raise an alarm alone, beside what was read, as paths with ``[*]`` for every index.

    Args:
        value: What the field holds.
        name: Its name.
        read: Paths of the rows that were read.

    Raises:
        RecursionError: If the value nests deeper than ``MAX_DEPTH``.
    """
    found = FoundTexts(every=False)
    found.walk(value, name, name)
    found.join()
    return {wild_path(path) for path, text in found.rows if path not in read and is_alone(text)}


def wild_path(path: str) -> str:
    """Return a field path with ``[*]`` for every index."""
    return _INDEX.sub("[*]", path)


def chosen_text(record: Mapping[str, object], text_field: str) -> str:
    """Return all strings of the field that the user named as one text, a blank line between two.

    Raises:
        RecursionError: If the value nests deeper than ``MAX_DEPTH``.
        UnicodeDecodeError: If it holds bytes that are no UTF-8.
    """
    found = FoundTexts(every=True, keys=False)
    for value, path, wild in _chosen(record, text_field):
        found.walk(value, path, wild)
    return "\n\n".join(text for _, text in found.rows)


def _chosen(record: Mapping[str, object], text_field: str) -> Iterator[tuple[object, str, str]]:
    if text_field in record:
        yield record[text_field], text_field, text_field
    else:
        yield from _follow(record, text_field.split("."), "", "")


def _follow(value: object, steps: list[str], path: str, wild: str) -> Iterator[tuple[object, str, str]]:
    """Yield (value, path, path with ``[*]`` for every index) of what a dotted path leads to."""
    if not steps:
        yield value, path, wild
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if not steps[0].isdigit() or int(steps[0]) == i:
                yield from _follow(item, steps[1:] if steps[0].isdigit() else steps, f"{path}[{i}]", f"{wild}[*]")
    elif isinstance(value, Mapping) and steps[0] in value:
        key = f".{steps[0]}" if path else steps[0]
        yield from _follow(value[steps[0]], steps[1:], path + key, wild + key)
