"""What a fact is: path, type, vocabulary, and what says that it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FactValue = str | int | float | tuple[str, ...]
"""What a fact can be; booleans are ``YES`` or ``NO``."""

UNKNOWN = "UNKNOWN"
USES = ("public-domain", "commercial", "non-commercial", "research-only", "unspecified", "terms-of-use", UNKNOWN)
"""Classes of licences."""
PERMISSIONS = ("ALLOWED", "PROHIBITED", UNKNOWN)


class FactType(StrEnum):
    """Types of the schema."""

    TEXT = "text"
    INT = "int"
    DOUBLE = "double"
    TEXTS = "texts"
    """A list of texts, for messages and ``in``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactField:
    """One fact of the schema."""

    path: str
    """Relative to the subject, such as ``license.use``."""
    type: FactType
    values: tuple[str, ...] = ()
    """The closed vocabulary of an enum; empty for free text."""
    may_be_absent: bool = False
    """A text that may hold ``NOT_STATED``, ``UNREADABLE`` or ``UNKNOWN``."""
    known_by: str = ""
    """Path of the companion that says whether a number is known."""
    evidence: str = ""
    """Kind of the evidence that backs the fact."""
    doc: str

    @property
    def is_tristate(self) -> bool:
        """Tell whether the fact is an enum that can be unknown."""
        return UNKNOWN in self.values


def enum_fact(path: str, *values: str, doc: str, evidence: str = "") -> FactField:
    """Return a text of a closed vocabulary."""
    return FactField(path=path, type=FactType.TEXT, values=values, doc=doc, evidence=evidence)


def tri_fact(path: str, doc: str, evidence: str = "") -> FactField:
    """Return a yes or no that may be unknown."""
    return enum_fact(path, "YES", "NO", UNKNOWN, doc=doc, evidence=evidence)


def text_fact(path: str, doc: str, *, absent: bool = False, evidence: str = "") -> FactField:
    """Return a free text; ``absent``: it may hold a named absence."""
    return FactField(path=path, type=FactType.TEXT, may_be_absent=absent, doc=doc, evidence=evidence)


def number_fact(path: str, doc: str, *, known_by: str = "", evidence: str = "") -> FactField:
    """Return a whole number."""
    return FactField(path=path, type=FactType.INT, known_by=known_by, doc=doc, evidence=evidence)


def share_fact(path: str, doc: str, *, known_by: str = "", evidence: str = "share") -> FactField:
    """Return a share of 1."""
    return FactField(path=path, type=FactType.DOUBLE, known_by=known_by, doc=doc, evidence=evidence)


def texts_fact(path: str, doc: str) -> FactField:
    """Return a list of texts."""
    return FactField(path=path, type=FactType.TEXTS, doc=doc)
