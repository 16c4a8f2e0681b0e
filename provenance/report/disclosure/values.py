"""What a disclosure document is made of: entries with the state of their answers, problems, and what changed since the version before."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provenance.report.disclosure.template import Kind

DISCLOSURE_FORMAT, DISCLOSURE_VERSION = "provenance.disclosure", 1
SECTIONS = ("2.1", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6")
"""Sections of the Union's template that a dataset can stand in."""


class State(StrEnum):
    """Where the answer to a field is from, or why there is none."""

    COMPUTED = "computed"
    """From recorded facts."""
    DRAFTED = "drafted"
    """From recorded facts, to be confirmed by a person."""
    ANSWERED = "answered"
    """By a person, in the answers file."""
    NOT_KNOWN = "not-known"
    """A person says that it is not known, and why."""
    NOT_APPLICABLE = "not-applicable"
    """The template does not ask for it, and it says why."""
    LEFT_OPEN = "left-open"
    """Optional, and nobody said anything."""
    MISSING = "missing"
    """Nobody has answered yet: an error."""
    CONTRADICTED = "contradicted"
    """What it says, and an answer or the evidence, deny one another: an error. It says neither Yes nor No until that is put right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What recorded facts tell of a field."""

    field: str
    state: State
    """``COMPUTED``, ``DRAFTED``, or ``MISSING`` where they do not tell."""
    lines: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    """The facts behind it: ``dataset@sha256:…``, an audit's id."""
    because: str = ""
    """Why it cannot be told, or only drafted."""
    not_before: str = ""
    """Of a month: ``MM/YYYY`` that is recorded, so that an earlier one cannot be true; empty where nothing rules one out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person said of a field."""

    field: str
    lines: tuple[str, ...] = ()
    """Empty where it is said to be not known, or not to apply."""
    applies: bool = True
    by: str = ""
    on: str = ""
    evidence: str = ""
    because: str = ""
    """Why it is not known, or does not apply."""
    where: str = ""
    """File, line and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field with its answer."""

    id: str
    label: str
    help: str
    kind: Kind
    state: State
    lines: tuple[str, ...]
    """The answer, a line for each item; never empty: where there is no answer it says why."""
    rests_on: tuple[str, ...] = ()
    by: str = ""
    on: str = ""
    evidence: str = ""
    because: str = ""
    recorded: tuple[str, ...] = ()
    """What recorded facts say, where a person's answer stands in its place or beside it."""
    claimed: tuple[str, ...] = ()
    """Of a contradicted field: the answer that something speaks against. Its ``lines`` say what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySection:
    """One heading with its entries."""

    id: str
    title: str
    intro: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An answer or a fact that contradicts another: the document cannot be filed so."""

    field: str
    message: str
    evidence: tuple[str, ...]
    """Ids of what says otherwise: audit, findings, matches, ``dataset@sha256:…``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field whose answer is another than in the version before."""

    field: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supersedes:
    """The version before."""

    version: str
    place: str
    """File name or address."""
    changes: tuple[Change, ...] | None
    """``None`` where it could not be compared: only its address is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A document with its answers: the truth that pages and tables are views of."""

    template: str
    name: str
    release: str
    source: str
    notice: str
    model: str
    audit: str
    """Id of the audit record."""
    document_version: str
    updated: str
    """``YYYY-MM-DD``."""
    due: str
    """Day of the next update; empty where the law sets none."""
    supersedes: Supersedes | None
    sections: tuple[EntrySection, ...]
    problems: tuple[Problem, ...]
    domains: tuple[str, ...] = ()
    """Registrable domains that the document lists, the largest first."""
    format: str = field(default=DISCLOSURE_FORMAT)
    version: int = field(default=DISCLOSURE_VERSION)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Return all entries in their order."""
        return tuple(e for s in self.sections for e in s.entries)

    def count(self, state: State) -> int:
        """Return how many entries are in a state."""
        return sum(e.state is state for e in self.entries)

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing is missing, to be confirmed, or contradicted."""
        return not self.problems and not self.count(State.MISSING) and not self.count(State.DRAFTED)
