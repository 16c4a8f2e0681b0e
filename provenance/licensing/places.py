"""Where the parts of a YAML or JSON document stand, so that a fault is named with line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

Path = tuple[str | int, ...]
"""Names and positions from the top of a document on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Line and column of every part of one document."""

    file: str
    known: Mapping[Path, tuple[int, int]] = field(default_factory=dict)
    """Both from 1; of a name that stands for a value, where the name is."""

    def of(self, path: Path) -> str:
        """Return ``file:line:column`` of a part, or of the nearest part around it that is known."""
        for length in range(len(path), 0, -1):
            found = self.known.get(path[:length])
            if found is not None:
                return f"{self.file}:{found[0]}:{found[1]}"
        return self.file


def find_places(raw: bytes, *, file: str) -> Places:
    """Return the places of a document's parts; those of a document that YAML cannot read are not known.

    Cost: linear in the document, some microseconds a value: meant for documents in which a fault was found.
    """
    try:
        root = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return Places(file=file)
    known: dict[Path, tuple[int, int]] = {}
    pending: list[tuple[Path, yaml.Node | None]] = [((), root)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                inner = (*path, str(key.value))
                known.setdefault(inner, _place(key))
                pending.append((inner, value))
        elif isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                known[*path, position] = _place(item)
                pending.append(((*path, position), item))
    return Places(file=file, known=known)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
