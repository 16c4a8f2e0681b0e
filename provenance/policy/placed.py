"""Puts line and column into what is said of a YAML document: its readers name the part that is wrong, and this looks up where that part stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from provenance.documents import PlacedDocument, parse_placed, read_document
from provenance.policy.places import Path as Steps
from provenance.policy.places import Places

_STEP = re.compile(r"(?:[.:]? ?)(?:\[(?P<position>\d+)\]|(?P<key>\w+))")
_KEY = re.compile(r"unknown (?:key|field) '(?P<key>[^']*)'")


def load_placed(path: Path, *, max_bytes: int) -> PlacedDocument:
    """Return the value that a YAML file holds, with the places of its parts.

    Raises:
        DocumentError: If the file is missing, unreadable, too large, or not strict YAML.
    """
    return parse_placed(read_document(path, max_bytes=max_bytes), where=str(path))


def with_place(message: str, document: PlacedDocument, *, where: str) -> str:
    """Return a message with line and column after the file's name.

    Args:
        message: Such as ``run.yaml: data[0]: unknown key 'wieght'`` or ``run.yaml.model.name: expected str``: the file, then the way to what is wrong.
        document: What the file holds.
        where: The file's name as the message begins; another message is returned as it is.
    """
    if not message.startswith(where) or re.match(r":\d+", message[len(where) :]):
        return message
    rest = message.removeprefix(where)
    value: Any = document.value
    steps, at = list[str | int](), 0
    while (found := _STEP.match(rest, at)) is not None:
        step: str | int = found["key"] if found["position"] is None else int(found["position"])
        if not _has(value, step):
            break
        value = value[step]
        steps.append(step)
        at = found.end()
    line, column = _place(tuple(steps), rest[at:], Places(document))
    return f"{where}:{line}:{column}: {rest.lstrip('.: ')}"


def _has(value: object, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _place(steps: Steps, rest: str, places: Places) -> tuple[int, int]:
    unknown = _KEY.match(rest.lstrip(".: "))
    return places.of(steps) if unknown is None else places.of_key((*steps, unknown["key"]))
