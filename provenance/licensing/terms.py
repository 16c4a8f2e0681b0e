"""The terms catalogue: dated versions of providers' terms, and which of them may have been in force over an interval of days."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_files import catalog_digest, iter_catalog_documents, refuse_unknown
from provenance.model.absence import Absence, is_absent

TERMS_FORMAT = "provenance.terms"
TERMS_VERSION = 1
MAX_QUOTE_WORDS = 25
DECIDING = frozenset({"seen", "secondary"})
"""Confidence of entries that may decide (reading rule 6)."""
EEA = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
        "IS",
        "LI",
        "NO",
    ]
)
EU = EEA - {"IS", "LI", "NO"}
_FIELDS = frozenset({"id", "provider", "service", "kind", "title", "version", "applies_to", "url", "clauses", "source", "confidence"})
_NEEDED = frozenset({"id", "provider", "clauses", "applies_to", "version", "confidence"})
_INNER = {
    "version": frozenset({"effective_from", "effective_to", "observed_from", "observed_to", "precision"}),
    "applies_to": frozenset({"channels", "regions", "models", "not_models", "artifacts", "generated_between"}),
    "clauses": frozenset(
        {
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
        }
    ),
}
"""Known names inside an entry: one that is misspelt would leave a text wider or more silent than it is."""
_CLAUSE = frozenset({"value", "quote", "quote_check"})
_SOURCE = frozenset({"where", "observed"})
_DAY = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One condition in a text."""

    name: str
    value: str
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsVersion:
    """One dated text. A start or end that is known to the month or year only has two days: when it may, and when it surely has happened."""

    id: str
    provider: str
    service: str
    kind: str
    title: str
    url: str
    source: str
    confidence: str
    effective_from: str
    effective_to: str
    starts_possibly: dt.date
    starts_surely: dt.date
    ends_surely: dt.date
    """First day on which it may no longer be in force."""
    ends_possibly: dt.date
    """First day on which it surely is no longer in force."""
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    models: tuple[str, ...]
    not_models: tuple[str, ...]
    clauses: tuple[Clause, ...]

    def clause(self, name: str) -> Clause | None:
        """Return a clause by name."""
        return next((c for c in self.clauses if c.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsCatalog:
    """All versions at hand."""

    version: str
    digest: str
    entries: tuple[TermsVersion, ...]

    def get(self, terms_id: str) -> TermsVersion | None:
        """Return a version by id."""
        return next((e for e in self.entries if e.id == terms_id), None)

    def providers(self) -> tuple[str, ...]:
        """Return all providers, sorted."""
        return tuple(sorted({e.provider for e in self.entries}))


def normalize_provider(name: str) -> str:
    """Return a provider's name as the catalogue spells it: lower case, letters and digits only.

    >>> normalize_provider("Mistral AI"), normalize_provider("OpenAI")
    ('mistral', 'openai')
    """
    folded = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return {
        "mistral-ai": "mistral",
        "google-deepmind": "google",
        "meta-ai": "meta",
        "x-ai": "xai",
        "microsoft-azure": "microsoft",
        "qwen": "alibaba",
    }.get(folded, folded)


def normalize_model(name: str) -> str:
    """Return a model id as globs match it: lower case, without the organisation, spaces as hyphens.

    >>> normalize_model("mistralai/Mistral 7B")
    'mistral-7b'
    """
    return re.sub(r"\s+", "-", name.strip().lower().rsplit("/", 1)[-1])


def region_matches(entry_regions: Sequence[str], region: str) -> bool:
    """Tell whether a regional copy may apply to an account's region; an unknown region may be any."""
    if is_absent(region) or "global" in entry_regions or "row" in entry_regions:
        return True  # "row" depends on the sibling copies, so it stays a candidate everywhere: strictest wins
    code = region.upper().split("-")[0]
    names = {code, *(("EU",) if code in EU else ()), *(("EEA",) if code in EEA else ())}
    if code == "EU":
        names.add("EEA")
    if code == "GB":
        names.add("UK")
    return bool(names & {r.upper() for r in entry_regions}) or (code == "EEA" and "EU" in entry_regions)


def channel_matches(entry_channels: Sequence[str], channel: str) -> bool:
    """Tell whether a text may govern a channel; an unknown channel may be any."""
    return is_absent(channel) or not entry_channels or channel.lower() in entry_channels


def model_matches(entry: TermsVersion, model: str) -> bool:
    """Tell whether a text may govern a model; an unknown model may be any."""
    if is_absent(model):
        return True
    name = normalize_model(model)
    return any(fnmatchcase(name, glob) for glob in entry.models) and not any(fnmatchcase(name, glob) for glob in entry.not_models)


def load_terms(folders: Sequence[Path]) -> TermsCatalog:
    """Load terms catalogues; entries of later folders override earlier ones by id.

    Raises:
        TermsDocumentError: If a document is malformed.
    """
    raw: dict[str, dict[str, Any]] = {}
    releases: dict[str, None] = {}
    for path, document in iter_catalog_documents(folders, format_name=TERMS_FORMAT, version=TERMS_VERSION, fields=("terms",)):
        releases[str(document.get("release", path.stem))] = None
        items = document.get("terms")
        if not isinstance(items, list):
            raise TermsDocumentError(f"{path}: terms must be a list of entries")
        for item in items:
            checked = _checked(item, path)
            raw[checked["id"]] = checked
    entries = tuple(_version(raw[key]) for key in sorted(raw))
    return TermsCatalog(version="+".join(releases), digest=catalog_digest(raw), entries=entries)


def _checked(item: object, path: Path) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise TermsDocumentError(f"{path}: every entry of terms needs an id")
    where = f"{path}: {item['id']}"
    for names, what in ((set(item) - _FIELDS, "unknown field"), (_NEEDED - set(item), "missing field")):
        if names:
            raise TermsDocumentError(f"{where}: {what} {min(names)!r}", hint=f"fields: {', '.join(sorted(_FIELDS))}")
    for place, known in _INNER.items():
        if not isinstance(item[place], dict):
            raise TermsDocumentError(f"{where}: {place} must be an object")
        refuse_unknown(item[place], known, f"{where}: {place}")
    sources = item.get("source", [])
    if not isinstance(sources, list) or not all(isinstance(s, dict) for s in sources):
        raise TermsDocumentError(f"{where}: source must be a list of {{where: …, observed: …}}")
    for source in sources:
        refuse_unknown(source, _SOURCE, f"{where}: source")
    _check_clauses(item["clauses"], where)
    return item


def _check_clauses(clauses: Mapping[str, Any], where: str) -> None:
    if not all(isinstance(c, dict) and isinstance(c.get("value"), str) for c in clauses.values()):
        raise TermsDocumentError(f"{where}: clauses must map names to {{value: …, quote: …}}")
    for name, clause in clauses.items():
        refuse_unknown(clause, _CLAUSE, f"{where}: clauses.{name}")
        if len(str(clause.get("quote", "")).split()) > MAX_QUOTE_WORDS:
            raise TermsDocumentError(f"{where}: the quote of {name} has more than {MAX_QUOTE_WORDS} words", hint="shorten it with …")


def _version(item: Mapping[str, Any]) -> TermsVersion:
    version, applies = item["version"], item["applies_to"]
    start = str(version.get("effective_from") or version.get("observed_from") or Absence.UNKNOWN.value)
    end = str(version.get("effective_to") or Absence.UNKNOWN.value)
    undated_site = is_absent(start) and item.get("kind") in {"site-terms", "host-terms", "notorious-source"}
    # Reading rule 14: a site or host entry without any date is taken as applying; any other undated text covers no day surely.
    from_first, from_last = (dt.date.min, dt.date.min if undated_site else dt.date.max) if is_absent(start) else _days(start, item["id"])
    to_first, to_last = (dt.date.max, dt.date.max) if is_absent(end) else _days(end, item["id"])
    sources = item.get("source") or []
    return TermsVersion(
        id=item["id"],
        provider=normalize_provider(str(item["provider"])),
        service=str(item.get("service", "")),
        kind=str(item.get("kind", "service-terms")),
        title=str(item.get("title", item["id"])),
        url=str(item.get("url", "")),
        source=str(item.get("url") or (sources[0].get("where", "") if sources else "")),
        confidence=str(item["confidence"]),
        effective_from=start,
        effective_to=end,
        starts_possibly=from_first,
        starts_surely=from_last,
        ends_surely=to_first,
        ends_possibly=to_last,
        channels=_texts(applies.get("channels")),
        regions=_texts(applies.get("regions")) or ("global",),
        models=tuple(m.lower() for m in _texts(applies.get("models"))),
        not_models=tuple(m.lower() for m in _texts(applies.get("not_models"))),
        clauses=tuple(Clause(name=name, value=c["value"], quote=str(c.get("quote", ""))) for name, c in sorted(item["clauses"].items())),
    )


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value] if value else []
    return tuple(str(v) for v in items)


def _days(text: str, where: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day that a date of day, month or year precision may mean."""
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
