"""Where the parts of a YAML or JSON document stand, so that a fault is named with line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from provenance.documents import mark_places

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
        return Places(file=file, known=mark_places(raw))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return Places(file=file)
