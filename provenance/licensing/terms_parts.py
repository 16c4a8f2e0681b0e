"""Reading the parts of a catalogue entry. A name or a word that nobody knows is refused: it would leave a text wider or more silent than it is."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from provenance.documents import nearest
from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_files import refuse_unknown
from provenance.licensing.terms_values import Clause, Duty, ExceptionCase, LimitTest

MAX_QUOTE_WORDS = 25
CLAUSE_NAMES = (
    "train_any_model",
    "competing_models",
    "distillation",
    "limits",
    "exceptions",
    "downstream",
    "naming_attribution",
    "output_ownership",
    "automated_extraction",
    "reverse_engineering",
    "redistribution",
)
OBJECTS = ("any-model", "other-llm", "foundation-models", "similar-service", "competing-service")
CASE_KINDS = (
    "same-family",
    "model-kind",
    "evaluation",
    "grounded",
    "third-party-content",
    "output-type",
    "inherits",
    "similar-model",
    "third-party-terms",
    "platform-tuning",
    "service-permits",
    "outputs-free",
    "named-purposes",
    "api",
)
LIMIT_KINDS = (
    "non-commercial",
    "non-commercial-model",
    "research-only",
    "evaluation-only",
    "non-production",
    "no-commercial-use",
    "threshold",
    "territory",
    "output-type",
    "conduct",
)
DUTY_TIMES = ("always", "distribute-weights", "derivative", "materials", "commercial", "exception", "approval", "distribute-data", "collection")
CONDITIONS = ("no-distribution", "not-offered")
DUTY_CODES = (
    "name-prefix",
    "badge",
    "badge-docs",
    "ui-badge",
    "notice-file",
    "flow-down",
    "ai-disclosure",
    "attribution",
    "share-alike",
    "written-approval",
    "no-distribution",
    "name-ban",
    "extra-licence",
    "aup-compliance",
    "reciprocity-waiver",
    "robots-txt",
    "content-rights-separate",
    "strip-pg-boilerplate",
    "no-redistribution-of-data",
)
"""What stands before the colon of an obligation's code."""
_CHOICES = {
    "clause.object": OBJECTS,
    "cases.kind": CASE_KINDS,
    "cases.conditions": CONDITIONS,
    "cases.effect": ("", "prohibited", "prohibited-if-competing"),
    "tests.kind": LIMIT_KINDS,
    "tests.metric": ("", "monthly-active-users", "revenue"),
    "tests.effect": ("extra-licence", "no-licence", "ui-badge"),
    "tests.scope": ("", "model-as-a-service"),
    "tests.period": ("month", "year"),
    "tests.currency": ("USD", "CNY"),
    "obligations.when": DUTY_TIMES,
}
_CLAUSE_FIELDS = frozenset({"value", "quote", "quote_check", "summary", "object", "covers", "permits", "cases", "tests"})
_CASE_FIELDS = frozenset({"kind", "kinds", "conditions", "outputs", "effect", "models", "terms"})
_TEST_FIELDS = frozenset({"kind", "metric", "value", "currency", "period", "tested_when", "effect", "scope", "code", "regions", "outputs", "models"})
_DUTY_FIELDS = frozenset({"code", "when", "summary", "clause", "tested_when", "models"})
SITE = re.compile(r"(?!www\.)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[a-z0-9._-]+)*")
"""A site: a host in lower case, at will with the first parts of a path."""
_DAY = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def parse_clauses(clauses: Mapping[str, Any], where: str) -> tuple[Clause, ...]:
    """Return the clauses of an entry.

    Raises:
        TermsDocumentError: If one has another shape, or says something that this program does not know.
    """
    if not all(isinstance(c, dict) and isinstance(c.get("value"), str) for c in clauses.values()):
        raise TermsDocumentError(f"{where}: clauses must map names to {{value: …, quote: …}}")
    return tuple(_clause(name, clauses[name], f"{where}: clauses.{name}") for name in sorted(clauses))


def _clause(name: str, clause: Mapping[str, Any], where: str) -> Clause:
    refuse_unknown(clause, _CLAUSE_FIELDS, where)
    quote = str(clause.get("quote", ""))
    if len(quote.split()) > MAX_QUOTE_WORDS:
        raise TermsDocumentError(f"{where}: the quote of {name} has more than {MAX_QUOTE_WORDS} words", hint="shorten it with …")
    return Clause(
        name=name,
        value=clause["value"],
        quote=quote,
        summary=str(clause.get("summary", "")),
        object=_choice(str(clause.get("object", "any-model")), "clause.object", where),
        covers=texts(clause.get("covers")),
        permits=texts(clause.get("permits")),
        cases=tuple(_case(c, where) for c in _objects(clause.get("cases"), _CASE_FIELDS, f"{where}.cases")),
        tests=tuple(_test(t, where) for t in _objects(clause.get("tests"), _TEST_FIELDS, f"{where}.tests")),
    )


def _case(case: Mapping[str, Any], where: str) -> ExceptionCase:
    for condition in texts(case.get("conditions")):
        _choice(condition, "cases.conditions", where)
    return ExceptionCase(
        kind=_choice(str(case.get("kind", "")), "cases.kind", where),
        kinds=texts(case.get("kinds")),
        conditions=texts(case.get("conditions")),
        outputs=texts(case.get("outputs")),
        effect=_choice(str(case.get("effect", "")), "cases.effect", where),
        models=tuple(m.lower() for m in texts(case.get("models"))),
        terms=texts(case.get("terms")),
    )


def _test(test: Mapping[str, Any], where: str) -> LimitTest:
    value = test.get("value", 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TermsDocumentError(f"{where}: value {value!r} is no whole number", hint="write the threshold in plain digits")
    if str(test.get("kind")) == "threshold" and not (value and test.get("metric")):
        raise TermsDocumentError(f"{where}: a threshold needs metric and value")
    return LimitTest(
        kind=_choice(str(test.get("kind", "")), "tests.kind", where),
        metric=_choice(str(test.get("metric", "")), "tests.metric", where),
        value=value,
        currency=_choice(str(test.get("currency", "USD")), "tests.currency", where),
        period=_choice(str(test.get("period", "year")), "tests.period", where),
        tested_when=str(test.get("tested_when", "always")),
        effect=_choice(str(test.get("effect", "extra-licence")), "tests.effect", where),
        scope=_choice(str(test.get("scope", "")), "tests.scope", where),
        code=str(test.get("code", "")),
        regions=texts(test.get("regions")),
        models=tuple(m.lower() for m in texts(test.get("models"))),
        outputs=texts(test.get("outputs")),
    )


def parse_duties(value: object, where: str) -> tuple[Duty, ...]:
    """Return what an entry asks in return.

    Raises:
        TermsDocumentError: If one has another shape, or a code that nobody knows.
    """
    found = []
    for item in _objects(value, _DUTY_FIELDS, f"{where}: obligations"):
        code = str(item.get("code", ""))
        if code.partition(":")[0] not in DUTY_CODES:
            raise TermsDocumentError(f"{where}: unknown obligation code {code!r}", hint=nearest(code.partition(":")[0], set(DUTY_CODES)))
        found.append(
            Duty(
                code=code,
                when=_choice(str(item.get("when", "always")), "obligations.when", where),
                summary=str(item.get("summary", "")),
                clause=str(item.get("clause", "")),
                tested_when=str(item.get("tested_when", "")),
                models=tuple(m.lower() for m in texts(item.get("models"))),
            )
        )
    return tuple(found)


def parse_sites(value: object, where: str) -> tuple[str, ...]:
    """Return the hosts of a site.

    Raises:
        TermsDocumentError: If one is written in another way than a host: it would be found by no address.
    """
    found = texts(value)
    wrong = next((s for s in found if SITE.fullmatch(s) is None), None)
    if wrong is not None:
        hint = "write the host in lower case, as in nytimes.com, without https:// and www."
        raise TermsDocumentError(f"{where}: applies_to.sites: {wrong!r} is no host", hint=hint)
    return found


def _choice(value: str, place: str, where: str) -> str:
    if value not in _CHOICES[place]:
        raise TermsDocumentError(f"{where}: {place.partition('.')[2]} {value!r} is not known", hint=nearest(value, set(_CHOICES[place])))
    return value


def _objects(value: object, known: Iterable[str], where: str) -> list[dict[str, Any]]:
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
        raise TermsDocumentError(f"{where} must be a list of objects")
    for item in items:
        refuse_unknown(item, known, where)
    return items


def texts(value: object) -> tuple[str, ...]:
    """Return one text or a list of them as texts."""
    items = value if isinstance(value, list) else [value] if value else []
    return tuple(str(v) for v in items)


def date_range(text: str, where: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day that a date of day, month or year precision may mean.

    Raises:
        TermsDocumentError: If it is no date.
    """
    found = _DAY.fullmatch(text)
    if found is None:
        raise TermsDocumentError(f"{where}: {text!r} is no date", hint="write YYYY, YYYY-MM or YYYY-MM-DD")
    try:
        year, month, day = int(found[1]), int(found[2] or 0), int(found[3] or 0)
        if day:
            return (dt.date(year, month, day),) * 2
        last = month or 12
        return dt.date(year, month or 1, 1), dt.date(year, last, calendar.monthrange(year, last)[1])
    except ValueError as err:
        raise TermsDocumentError(f"{where}: {text!r} is no date", hint="write YYYY, YYYY-MM or YYYY-MM-DD") from err
