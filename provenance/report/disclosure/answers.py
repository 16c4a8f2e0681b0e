"""The answers file: what only people know of a model's training, with who said so and when (docs/formats/answers.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NoReturn

from provenance.documents import mark_places, nearest, parse_document, read_document
from provenance.errors import DocumentError
from provenance.report.disclosure.template import Field, Kind, Template
from provenance.report.disclosure.values import Answer

ANSWERS_FORMAT, ANSWERS_VERSION = "provenance.answers", 1
_DOCUMENT_KEYS = ("document", "model", "fields", "categories", "domains")
_FIELD_KEYS = ("value", "applies", "by", "on", "evidence", "because")
_DOMAIN_KEYS = ("file", "suffixes", "by", "on")
_YES_NO = {"yes": "Yes", "no": "No"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
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


def load_answers(path: Path, template: Template, model: str) -> Answers:
    """Return what a file answers for a document on a model; answers for other documents and models are read as strictly, and left aside.

    Raises:
        DocumentError: If the file is missing or malformed, or answers nothing for this document and model; with line and column.
    """
    reader = _Reader(path, template)
    found = [answers for name, model_name, answers in reader.read() if (name, model_name) == (template.id, model)]
    if not found:
        raise DocumentError(
            f"{path}: no answers for document {template.id!r} of model {model!r}",
            hint="documents: lists them, each with document and model; --questions -f yaml writes a file to fill in",
        )
    return found[0]


class _Reader:
    def __init__(self, path: Path, template: Template) -> None:
        self._path = path
        raw = read_document(path)
        self._value = parse_document(raw, where=str(path))
        self._places = mark_places(raw)
        self._template = template
        self._known = {f.id: f for f in template.fields}

    def read(self) -> list[tuple[str, str, Answers]]:
        top = self._object(self._value, (), ("format", "version", "documents"))
        if top.get("format") != ANSWERS_FORMAT or top.get("version") != ANSWERS_VERSION:
            self._fail((), f"expected format {ANSWERS_FORMAT!r} version {ANSWERS_VERSION}, got something else")
        documents = top.get("documents")
        if not isinstance(documents, list) or not documents:
            self._fail(("documents",), "expected a list of documents")
        found = [self._document(one, ("documents", n)) for n, one in enumerate(documents)]
        for number, (name, model, _) in enumerate(found):
            if (name, model) in [(other, of) for other, of, _ in found[:number]]:
                self._fail(("documents", number), f"document {name!r} of model {model!r} is given twice")
        return found

    def _document(self, raw: object, at: _Path) -> tuple[str, str, Answers]:
        one = self._object(raw, at, _DOCUMENT_KEYS)
        name, model = (self._text(one.get(key), (*at, key)) for key in ("document", "model"))
        is_ours = name == self._template.id
        fields = self._object(one.get("fields", {}), (*at, "fields"), tuple(self._known) if is_ours else None)
        given = ((key, self._answer(key, value, (*at, "fields", key))) for key, value in fields.items())
        read = {key: answer for key, answer in given if answer is not None}
        categories = self._object(one.get("categories", {}), (*at, "categories"), None)
        sections = {key: self._text(value, (*at, "categories", key)) for key, value in categories.items()}
        domains = self._domains(one["domains"], (*at, "domains")) if "domains" in one else None
        return name, model, Answers(file=str(self._path), fields=read, categories=sections, domains=domains)

    def _answer(self, key: str, raw: object, at: _Path) -> Answer | None:
        """Return an answer, ``None`` where nobody has put a name to it yet (``by: null``)."""
        one = self._object(raw, at, _FIELD_KEYS)
        lines = self._lines(self._known.get(key), one.get("value"), (*at, "value"))
        applies = one.get("applies", True)
        if not isinstance(applies, bool):
            self._fail((*at, "applies"), "expected true or false")
        texts = {name: self._text(one[name], (*at, name)) if one.get(name) is not None else "" for name in ("by", "on", "evidence", "because")}
        if "by" in one and one["by"] is None:
            return None
        if not texts["by"] or not texts["on"]:
            self._fail(at, "an answer says who gave it and when: by, on")
        self._day(texts["on"], (*at, "on"))
        if not lines and not texts["because"]:
            self._fail(at, "without a value it says why: because")
        if lines and not applies:
            self._fail(at, "it has a value and does not apply: give one of value and applies")
        return Answer(field=key, lines=lines, applies=applies, where=self._place(at), **texts)

    def _lines(self, asked: Field | None, raw: object, at: _Path) -> tuple[str, ...]:
        if raw is None:
            return ()
        if asked is not None and asked.kind is Kind.YES_NO:
            said = {True: "Yes", False: "No"}.get(raw) if isinstance(raw, bool) else _YES_NO.get(str(raw).strip().lower())
            return (said,) if said else self._fail(at, f"expected yes or no, got {str(raw)[:40]!r}")
        items = raw if isinstance(raw, list) else [raw]
        lines = tuple(self._text(item, (*at, n) if isinstance(raw, list) else at) for n, item in enumerate(items))
        return lines or self._fail(at, "an empty list is no answer: give value: null and because")

    def _domains(self, raw: object, at: _Path) -> DomainFile:
        one = self._object(raw, at, _DOMAIN_KEYS)
        texts = {key: self._text(one[key], (*at, key)) for key in _DOMAIN_KEYS if key in one}
        if not {"file", "by", "on"} <= set(texts):
            self._fail(at, "expected file, by and on")
        self._day(texts["on"], (*at, "on"))
        suffixes = self._path.parent / texts["suffixes"] if "suffixes" in texts else None
        return DomainFile(file=self._path.parent / texts["file"], suffixes=suffixes, by=texts["by"], on=texts["on"])

    def _object(self, raw: object, at: _Path, known: tuple[str, ...] | None) -> Mapping[str, object]:
        if not isinstance(raw, dict):
            self._fail(at, "expected keys with values")
        for key in raw:
            if known is not None and key not in known:
                self._fail((*at, key), f"{key!r} is not known", hint=nearest(key, known))
        return raw

    def _text(self, raw: object, at: _Path) -> str:
        if not isinstance(raw, str) or not raw.strip():
            self._fail(at, "expected a text that is not empty" + ("" if raw is None or isinstance(raw, str) else ": put it in quotes"))
        return raw.strip()

    def _day(self, text: str, at: _Path) -> None:
        try:
            is_day = bool(_DAY.fullmatch(text) and date.fromisoformat(text))
        except ValueError:
            is_day = False
        if not is_day:
            self._fail(at, f"expected a day such as 2026-12-01, got {text[:40]!r}")

    def _place(self, at: _Path) -> str:
        while at and at not in self._places:
            at = at[:-1]
        line, column = self._places.get(at, (1, 1))
        return f"{self._path}:{line}:{column}"

    def _fail(self, at: _Path, message: str, *, hint: str | None = None) -> NoReturn:
        where = ".".join(str(part) for part in at)
        raise DocumentError(f"{self._place(at)}: {where + ': ' if where else ''}{message}", hint=hint)
