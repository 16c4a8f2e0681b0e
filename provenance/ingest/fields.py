"""Which fields of a record hold text that a trainer would see, and which one names it.

Every text field is read, the prompt's side too: a passage hides in an instruction as well as in an answer. Inside a conventional field all strings
count except the labels of chat formats, so that a format's new key is read rather than missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

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
"""Names of text fields by convention, in the order their rows are given."""
ID_FIELDS: tuple[str, ...] = ("doc_id", "id", "uuid")
"""Fields that name a record, the first that has a value wins (FORMATS, match)."""
LABEL_KEYS: frozenset[str] = frozenset({"role", "from", "type", "id", "name", "url", "image_url", "tool_call_id", "weight"})
"""Keys inside chat turns that hold labels, not text."""
MAX_DEPTH = 32
"""Nesting inside one text field beyond which a record counts as unreadable."""


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """What to take from records that have one set of keys."""

    text: tuple[str, ...]
    ids: tuple[str, ...]


def plan_fields(keys: tuple[str, ...]) -> FieldPlan:
    """Return the text fields and id fields among a record's keys, in their conventional order."""
    have = set(keys)
    return FieldPlan(tuple(k for k in TEXT_FIELDS if k in have), tuple(k for k in ID_FIELDS if k in have))


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


def iter_texts(value: object, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (field path, text) for every string inside a text field's value: ``messages[0].content``, ``chosen[1].content[0].text``.

    Numbers, booleans and nulls hold no text.

    Raises:
        RecursionError: If the value nests deeper than ``MAX_DEPTH``.
    """
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, (list, tuple, dict)):
        if depth >= MAX_DEPTH:
            raise RecursionError(f"field {path[:80]!r} nests deeper than {MAX_DEPTH} levels")
        if not isinstance(value, dict):  # Arrow gives map columns as tuples
            for i, item in enumerate(value):
                yield from iter_texts(item, f"{path}[{i}]", depth + 1)
        else:
            for key, item in value.items():
                if key not in LABEL_KEYS:
                    yield from iter_texts(item, f"{path}.{key}", depth + 1)


def iter_chosen(record: Mapping[str, object], text_field: str) -> Iterator[tuple[str, str]]:
    """Yield (field path, text) of the field that the user named: a key, or a dotted path that goes through lists on its way.

    Raises:
        RecursionError: If the value nests deeper than ``MAX_DEPTH``.
    """
    if text_field in record:
        yield from iter_texts(record[text_field], text_field)
    else:
        yield from _follow(record, text_field.split("."), "")


def _follow(value: object, steps: list[str], path: str) -> Iterator[tuple[str, str]]:
    if not steps:
        yield from iter_texts(value, path)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            if not steps[0].isdigit() or int(steps[0]) == i:
                yield from _follow(item, steps[1:] if steps[0].isdigit() else steps, f"{path}[{i}]")
    elif isinstance(value, Mapping) and steps[0] in value:
        yield from _follow(value[steps[0]], steps[1:], f"{path}.{steps[0]}" if path else steps[0])
