"""The answers file: what only people know of a model's training, with who said so and when (docs/formats/answers.md). All its faults are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provenance.config import shipped
from provenance.documents import mark_places, nearest, parse_document, read_document
from provenance.errors import DocumentError
from provenance.report.disclosure.answer_values import HOW_TO_LEAVE_OPEN, AnswerValueError, day_of, is_placeholder, is_reason, lines_of_kind
from provenance.report.disclosure.template import Field, Row, Template, load_template
from provenance.report.disclosure.values import SECTIONS, Answer

ANSWERS_FORMAT, ANSWERS_VERSION = "provenance.answers", 1
_DOCUMENT_KEYS = ("document", "model", "fields", "categories", "domains")
_OF_UNION = "eu-"
"""Begins the ids of templates whose answers place datasets and name domains."""
_FIELD_KEYS = ("value", "applies", "by", "on", "evidence", "because")
_DOMAIN_KEYS = ("file", "suffixes", "by", "on")
_MOST_FAULTS = 50
_LAST_DAY = "9999-12-31"
"""Stands for a day that has a fault, so that the value is looked at all the same."""
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFile:
    """Where the sizes of what was scraped from each domain stand."""

    file: Path
    suffixes: Path | None = None
    """A list of public suffixes, in the form of publicsuffix.org; ``None`` = names are taken as they are."""
    by: str = ""
    on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What people answered for one document on one model."""

    file: str = ""
    fields: Mapping[str, Answer] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    """Section of a dataset, by its name, such as ``2.2.2``."""
    domains: DomainFile | None = None


def load_answers(path: Path, template: Template, model: str, *, today: str = "") -> Answers:
    """Return what a file answers for a document on a model; answers for other documents and models are read as strictly, and left aside.

    Args:
        path: The file.
        template: Of the document.
        model: Name of the model.
        today: ``YYYY-MM-DD``; an answer of a later day is a fault. Empty = days are not compared with it.

    Raises:
        DocumentError: If the file is missing or malformed, or answers nothing for this document and model; every fault in a line of its own, with place, field and
            what to do.
    """
    reader = _Reader(path, template, today)
    found = [answers for name, model_name, answers in reader.read() if (name, model_name) == (template.id, model)]
    if not found:
        raise DocumentError(
            f"{path}: no answers for document {template.id!r} of model {model!r}",
            hint="documents: lists them, each with document and model; --questions -f yaml writes a file to fill in",
        )
    return found[0]


class _Reader:
    """Reads one file; faults are kept, and raised together at the end."""

    def __init__(self, path: Path, template: Template, today: str) -> None:
        self._path = path
        raw = read_document(path)
        self._value = parse_document(raw, where=str(path))
        self._places = mark_places(raw)
        self._today = today
        self._templates = {template.id: template}
        self._faults: list[tuple[int, int, str]] = []

    def read(self) -> list[tuple[str, str, Answers]]:
        top = self._object(self._value, (), ("format", "version", "documents"))
        if top.get("format") != ANSWERS_FORMAT or top.get("version") != ANSWERS_VERSION:
            self._fault((), f"expected format {ANSWERS_FORMAT!r} version {ANSWERS_VERSION}, got something else")
            self._raise()
        documents = top.get("documents")
        if not isinstance(documents, list) or not documents:
            self._fault(("documents",), "expected a list of documents")
        found = [self._document(one, ("documents", n)) for n, one in enumerate(documents if isinstance(documents, list) else [])]
        for number, (name, model, _) in enumerate(found):
            if (name, model) in [(other, of) for other, of, _ in found[:number]]:
                self._fault(("documents", number), f"document {name!r} of model {model!r} is given twice")
        self._raise()
        return found

    def _document(self, raw: object, at: _Path) -> tuple[str, str, Answers]:
        one = self._object(raw, at, _DOCUMENT_KEYS)
        name, model = (self._text(one.get(key), (*at, key)) for key in ("document", "model"))
        template = self._template(name, (*at, "document")) if name else None
        known = {f.id: (f, s.rows) for s in template.sections for f in s.fields} if template else {}
        fields = self._object(one.get("fields", {}), (*at, "fields"), tuple(known) if template else None)
        given = ((key, self._answer(key, value, (*at, "fields", key), known.get(key))) for key, value in fields.items() if known.get(key))
        read = {key: answer for key, answer in given if answer is not None}
        sections = self._categories(one.get("categories", {}), (*at, "categories"))
        domains = self._domains(one["domains"], (*at, "domains")) if "domains" in one else None
        for key in ("categories", "domains"):
            if template is not None and key in one and not name.startswith(_OF_UNION):
                self._fault((*at, key), f"only the Union's summary reads {key}: move it to the document whose id begins with {_OF_UNION!r}")
        return name, model, Answers(file=str(self._path), fields=read, categories=sections, domains=domains)

    def _template(self, name: str, at: _Path) -> Template | None:
        if name not in self._templates:
            shipped_ids = sorted(f.stem for f in (shipped("reports") / "disclosures").glob("*.yaml"))
            if name not in shipped_ids:
                self._fault(at, f"{name[:60]!r} is no document that can be answered: {nearest(name, shipped_ids)}")
                return None
            self._templates[name] = load_template(name)
        return self._templates[name]

    def _answer(self, key: str, raw: object, at: _Path, asked: tuple[Field, tuple[Row, ...]] | None) -> Answer | None:
        """Return an answer, ``None`` where nobody has put a name to it yet (``by: null``), or where it has a fault."""
        before = len(self._faults)
        one = self._object(raw, at, _FIELD_KEYS)
        applies = one.get("applies", True)
        if not isinstance(applies, bool):
            self._fault((*at, "applies"), "expected true or false")
        texts = {name: self._said(one[name], (*at, name)) if one.get(name) is not None else "" for name in ("by", "on", "evidence", "because")}
        if "by" in one and one["by"] is None:
            return None
        if one.get("by") is None or one.get("on") is None:
            self._fault(at, "an answer says who gave it and when: add by: and on:")
        is_dated = bool(texts["on"]) and self._day(texts["on"], (*at, "on"))
        lines = self._lines(asked, one.get("value"), (*at, "value"), texts["on"] if is_dated else _LAST_DAY)
        self._agree(at, has_value=one.get("value") is not None, applies=bool(applies), because=texts["because"])
        if len(self._faults) > before:
            return None
        return Answer(field=key, lines=lines, applies=bool(applies), where=":".join([self._path.name, *map(str, self._spot(at))]), **texts)

    def _agree(self, at: _Path, *, has_value: bool, applies: bool, because: str) -> None:
        if not has_value and not because:
            self._fault(at, f"without a value it says why: {HOW_TO_LEAVE_OPEN}")
        if not has_value and because and not is_placeholder(because) and not is_reason(because):
            self._fault((*at, "because"), f"{because[:40]!r} is no reason: say in a few words why it is not known, or does not apply")
        if has_value and not applies:
            self._fault(at, "it has a value and does not apply: give one of value and applies")

    def _lines(self, asked: tuple[Field, tuple[Row, ...]] | None, raw: object, at: _Path, on: str) -> tuple[str, ...]:
        if raw is None:
            return ()
        items = raw if isinstance(raw, list) else [raw]
        if not items:
            self._fault(at, f"an empty list is no answer: {HOW_TO_LEAVE_OPEN}")
        before = len(self._faults)
        given = ["yes" if item is True else "no" if item is False else self._text(item, at) for item in items]
        if asked is None or not items or len(self._faults) > before:
            return ()
        try:
            return lines_of_kind(*asked, given, on)
        except AnswerValueError as err:
            self._fault(at, str(err))
            return ()

    def _categories(self, raw: object, at: _Path) -> Mapping[str, str]:
        sections = {key: self._text(value, (*at, key)) for key, value in self._object(raw, at, None).items()}
        for key, section in sections.items():
            if section and section not in SECTIONS:
                self._fault((*at, key), f"{section[:40]!r} is no section that a dataset can stand in; those are {', '.join(SECTIONS)}")
        return sections

    def _domains(self, raw: object, at: _Path) -> DomainFile | None:
        one = self._object(raw, at, _DOMAIN_KEYS)
        texts = {key: self._said(one[key], (*at, key)) for key in _DOMAIN_KEYS if key in one}
        if not {"file", "by", "on"} <= set(texts):
            self._fault(at, "expected file:, by: and on:")
            return None
        self._day(texts["on"], (*at, "on"))
        suffixes = self._path.parent / texts["suffixes"] if "suffixes" in texts else None
        return DomainFile(file=self._path.parent / texts["file"], suffixes=suffixes, by=texts["by"], on=texts["on"])

    def _object(self, raw: object, at: _Path, known: tuple[str, ...] | None) -> Mapping[str, object]:
        if not isinstance(raw, dict):
            self._fault(at, "expected keys with values")
            return {}
        for key in raw:
            if known is not None and key not in known:
                self._fault((*at, key), f"{key[:60]!r} is not known: {nearest(key, known)}")
        return raw

    def _text(self, raw: object, at: _Path) -> str:
        if isinstance(raw, str) and raw.strip():
            return raw.strip()
        self._fault(at, "expected a text that is not empty" + ("" if raw is None or isinstance(raw, str) else ": put it in quotes"))
        return ""

    def _said(self, raw: object, at: _Path) -> str:
        """Return a text that somebody has to have thought of."""
        text = self._text(raw, at)
        if text and is_placeholder(text):
            self._fault(at, f"{text[:40]!r} says nothing: write it out, or leave it away")
        return text

    def _day(self, text: str, at: _Path) -> bool:
        if day_of(text) is None:
            self._fault(at, f"expected a day such as 2026-12-01, got {text[:40]!r}")
            return False
        if self._today and text > self._today:
            self._fault(at, f"{text} has not come yet (today is {self._today}): give the day on which it was answered")
            return False
        return True

    def _spot(self, at: _Path) -> tuple[int, int]:
        while at and at not in self._places:
            at = at[:-1]
        return self._places.get(at, (1, 1))

    def _fault(self, at: _Path, message: str) -> None:
        where = ".".join(str(part) for part in at)
        line, column = self._spot(at)
        self._faults.append((line, column, f"{self._path}:{line}:{column}: {where + ': ' if where else ''}{message}"))

    def _raise(self) -> None:
        if not self._faults:
            return
        more = [f"… and {len(self._faults) - _MOST_FAULTS} more"] if len(self._faults) > _MOST_FAULTS else []
        raise DocumentError("\n".join([*(text for _, _, text in sorted(self._faults)[:_MOST_FAULTS]), *more]))
