"""Which fields of a record hold text that a trainer would see, and which one names it.

Every string that has room for a passage is read, whatever its field is called: a passage hides in an instruction as well as in an answer, and in
``completions`` or ``rationale`` as well as in ``text``. In fields that hold text by convention strings are read however short they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from provenance.ingest.lengths import is_alone, is_passage
from provenance.ingest.walk import HOLDERS, FoundTexts, extend

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
_MAX_INDEX_DIGITS = 10
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


def find_unread(record: Mapping[str, object], text_field: str | None) -> dict[str, bool]:
    """Return where a record holds text with room for a passage, beside the field that is read (``None``: beside none), and whether one could alarm alone.

    Fields are paths with ``[*]`` for every index.

    Raises:
        RecursionError: If a value nests deeper than ``MAX_DEPTH``.
    """
    steps = [] if text_field is None else [text_field] if text_field in record else text_field.split(".")
    found = FoundTexts(every=False)
    for n, (name, value) in enumerate(record.items()):
        if name != text_field and is_passage(name):
            found.rows.append((f"{{{n}}}", name))
        rest = _without(value, steps[1:]) if steps[:1] == [name] else value
        if type(rest) in HOLDERS:
            path = extend("", name)
            found.walk(rest, path, path)
            found.join()
    unread: dict[str, bool] = {}
    for path, text in found.rows:
        field = wild_path(path)
        unread[field] = unread.get(field, False) or is_alone(text)
    return unread


def wild_path(path: str) -> str:
    """Return a field path with ``[*]`` for every index."""
    return _INDEX.sub("[*]", path)


def _without(value: object, steps: list[str]) -> object:
    """Return a value with ``None`` in the place of what a dotted path leads to; the rest stays where it is."""
    if not steps:
        return None
    if isinstance(value, list):
        index = _index_of(steps[0])
        return [_without(item, steps if index is None else steps[1:]) if index in (None, i) else item for i, item in enumerate(value)]
    if isinstance(value, Mapping) and steps[0] in value:
        return {**value, steps[0]: _without(value[steps[0]], steps[1:])}
    return value


def _index_of(step: str) -> int | None:
    return int(step) if step.isascii() and step.isdecimal() and len(step) < _MAX_INDEX_DIGITS else None


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
        index = _index_of(steps[0])
        for i, item in enumerate(value):
            if index in (None, i):
                yield from _follow(item, steps if index is None else steps[1:], extend(path, f"[{i}]"), extend(wild, "[*]"))
    elif isinstance(value, Mapping) and steps[0] in value:
        key = f".{steps[0]}" if path else steps[0]
        yield from _follow(value[steps[0]], steps[1:], extend(path, key), extend(wild, key))
