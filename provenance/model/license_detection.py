"""Licences found in a dataset's own files, and the conflicts between what its parts say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.model.absence import Absence
from provenance.model.dataset import LicenseClaim

EXCERPT = 240
"""Code points of original wording that are kept with a detection."""


class DetectionMethod(StrEnum):
    """How a licence was found."""

    TAG = "spdx-tag"
    """An ``SPDX-License-Identifier`` line."""
    TEXT = "text"
    """The licence's own text."""
    MODIFIED_TEXT = "modified-text"
    """Text close to a licence, with words added, left out or changed: it is not that licence."""
    NOTICE = "notice"
    """A sentence that puts something under a licence."""
    URL = "url"
    """The address of a licence."""
    NAME = "name"
    """A licence's name where a licence is to be expected: a title, a line by itself, a licence file."""
    CARD = "card-field"
    """A licence field of a card's header."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """A sentence that says that work of somebody is inside, all of whose work is under one licence. It says nothing on the rest."""
    RESTRICTION = "restriction"
    """A sentence that limits the use, whatever licence is named beside it."""
    UNRECOGNISED = "unrecognised"
    """Words that read like terms, and that no known licence explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseDetection:
    """One licence found in one text."""

    expression: str
    """SPDX expression, ``LicenseRef-…``, or ``UNKNOWN``."""
    method: DetectionMethod
    file: str
    start: int
    """First code point of the text in which it stands."""
    end: int
    """Code point after the last."""
    score: float
    """How much of what was compared agrees, 0 to 1: of a text the words shared with the licence, of those that either has; else 1."""
    coverage: float = 1.0
    """Of a text: the part of the licence's words that is there."""
    original: str = ""
    """The wording found, at most ``EXCERPT`` code points of it."""
    near: str = ""
    """Of a modified text: the licence that it is close to."""
    note: str = ""
    """What a reader should know, such as the words that were added."""

    def __post_init__(self) -> None:
        """Refuse a span that runs backwards."""
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span cannot go from {self.start} to {self.end}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLicenses:
    """What one file says on licences."""

    path: str
    expression: str
    """All of it together: ``NOT_STATED`` where nothing was found, ``UNREADABLE`` where the file could not be read."""
    detections: tuple[LicenseDetection, ...] = ()
    sha256: str = Absence.UNKNOWN.value
    """``sha256:<hex>`` of the file's bytes."""
    problem: str = ""
    """Why the file, or some of it, could not be read."""


class ConflictKind(StrEnum):
    """How two statements differ."""

    CONTRADICTS = "contradicts"
    """Each names something that the other does not."""
    ADDS = "adds"
    """One names all that the other does, and more."""
    UNCLEAR = "unclear"
    """One of them could not be told: nobody knows whether they agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseConflict:
    """Two statements on one licence that do not agree."""

    kind: ConflictKind
    first: LicenseClaim
    second: LicenseClaim
    strictest: str
    """The statement that permits least, as far as both are known; both joined by AND where neither is stricter on every axis; ``UNKNOWN`` where neither is known."""

    @property
    def sentence(self) -> str:
        """Return the conflict in words."""
        return f"{self.first.by} says {_said(self.first)}, {self.second.by} says {_said(self.second)}"


def _said(claim: LicenseClaim) -> str:
    return claim.value if claim.value != Absence.UNKNOWN else f"{claim.original[:80]!r} (UNKNOWN)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseShare:
    """The records of a dataset that state one licence."""

    expression: str
    """SPDX expression, ``LicenseRef-…`` or a named absence."""
    records: int
    words: int
    originals: tuple[str, ...] = ()
    """How it was written, a few of the spellings, the most frequent first."""
