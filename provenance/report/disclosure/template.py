"""The template of a disclosure document: sections and fields as the authority words them, each with the condition under which a blank is an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from provenance.config import shipped
from provenance.documents import parse_document, read_document
from provenance.errors import DocumentError, WireFormatError
from provenance.model.wire import read_value
from provenance.report.disclosure.conditions import Condition, parse_condition

TEMPLATE_FORMAT, TEMPLATE_VERSION = "provenance.disclosure-template", 1


class Kind(StrEnum):
    """What an answer looks like: it decides when two answers contradict one another."""

    TEXT = "text"
    DATE = "date"
    MONTH = "month"
    """``MM/YYYY``, then in words whether it goes on."""
    PERIOD = "period"
    YES_NO = "yesno"
    MODALITIES = "modalities"
    SIZES = "sizes"
    """A line for each modality: ``Text: Less than 1 billion tokens``."""
    ROWS = "rows"
    """A line for each modality, in free words."""
    LIST = "list"
    DOMAINS = "domains"


class Answerer(StrEnum):
    """Who can answer a field."""

    REGISTRY = "registry"
    DRAFT = "draft"
    """The registry drafts, a person confirms."""
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a template."""

    id: str
    label: str
    """Verbatim."""
    help: str = ""
    kind: Kind = Kind.TEXT
    when: str = "always"
    """Condition under which a blank is an error (``conditions``); ``never`` = optional."""
    by: Answerer = Answerer.PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A modality that sizes are stated of."""

    name: str
    brackets: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper end of every bracket but the last."""
    unit: str = ""
    alternative: str = ""
    examples: str = ""
    footnote: str = ""
    size_help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One heading with its fields."""

    id: str
    title: str
    intro: str = ""
    fields: tuple[Field, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A disclosure document without its answers."""

    id: str
    name: str
    release: str
    """What its authority calls this version."""
    date: str
    source: str
    notice: str
    """Under which terms its words are reused."""
    sections: tuple[Section, ...]
    format: str = field(default=TEMPLATE_FORMAT)
    version: int = field(default=TEMPLATE_VERSION)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Return all fields in their order."""
        return tuple(f for s in self.sections for f in s.fields)

    @property
    def conditions(self) -> dict[str, Condition]:
        """Return the condition of every field, by its id."""
        return {f.id: parse_condition(f.when) for f in self.fields}


def load_template(name: str) -> Template:
    """Return a shipped template by its id, such as ``eu-2025-8311``.

    Raises:
        DocumentError: If it is missing or malformed.
    """
    return read_template(shipped("reports") / "disclosures" / f"{name}.yaml")


def read_template(path: Path) -> Template:
    """Return the template that a file holds.

    Raises:
        DocumentError: If the file is missing or malformed, names a field twice, or has a condition on a field that does not stand before it.
    """
    raw = parse_document(read_document(path), where=str(path))
    if not isinstance(raw, dict) or raw.get("format") != TEMPLATE_FORMAT or raw.get("version") != TEMPLATE_VERSION:
        raise DocumentError(f"{path}: expected format {TEMPLATE_FORMAT!r} version {TEMPLATE_VERSION}, got something else")
    try:
        found = read_value(Template, raw, where=str(path))
    except WireFormatError as err:
        raise DocumentError(str(err)) from err
    _check(found, path)
    return found


def _check(template: Template, path: Path) -> None:
    seen: dict[str, Kind] = {}
    for one in template.fields:
        if one.id in seen:
            raise DocumentError(f"{path}: field {one.id!r} is given twice")
        try:
            condition = parse_condition(one.when)
        except ValueError as err:
            raise DocumentError(f"{path}: field {one.id}: {err}") from err
        for other in condition.fields:
            if seen.get(other) is not Kind.YES_NO:
                raise DocumentError(f"{path}: field {one.id}: its condition names {other!r}, which is no yes-or-no field before it")
        seen[one.id] = one.kind
    for section in template.sections:
        for row in section.rows:
            if row.brackets and len(row.bounds) != len(row.brackets) - 1:
                raise DocumentError(f"{path}: {row.name}: {len(row.brackets)} brackets need {len(row.brackets) - 1} bounds, got {len(row.bounds)}")
