"""The terms catalogue: dated versions of providers' terms, read from folders of documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_files import catalog_digest, iter_catalog_documents, refuse_unknown
from provenance.licensing.terms_names import EEA, EU, channel_matches, normalize_model, normalize_provider, region_matches
from provenance.licensing.terms_parts import CLAUSE_NAMES, MAX_QUOTE_WORDS, date_range, parse_clauses, parse_duties, parse_sites, texts
from provenance.licensing.terms_values import CONTRACTS, DECIDING, Clause, Duty, ExceptionCase, LimitTest, TermsCatalog, TermsVersion
from provenance.model.absence import Absence, is_absent

__all__ = [
    "CLAUSE_NAMES",
    "CONTRACTS",
    "DECIDING",
    "EEA",
    "EU",
    "MAX_QUOTE_WORDS",
    "TERMS_FORMAT",
    "TERMS_VERSION",
    "Clause",
    "Duty",
    "ExceptionCase",
    "LimitTest",
    "TermsCatalog",
    "TermsVersion",
    "channel_matches",
    "load_terms",
    "normalize_model",
    "normalize_provider",
    "region_matches",
]

TERMS_FORMAT = "provenance.terms"
TERMS_VERSION = 1
_FIELDS = frozenset(
    {"id", "provider", "service", "kind", "title", "version", "applies_to", "url", "clauses", "source", "confidence", "bound", "obligations"}
)
_NEEDED = frozenset({"id", "provider", "clauses", "applies_to", "version", "confidence"})
_INNER = {
    "version": frozenset({"effective_from", "effective_to", "observed_from", "observed_to", "published", "precision"}),
    "applies_to": frozenset({"channels", "regions", "models", "not_models", "artifacts", "generated_between", "access", "sites"}),
    "clauses": frozenset(CLAUSE_NAMES),
}
"""Known names inside an entry: one that is misspelt would leave a text wider or more silent than it is."""
_SOURCE = frozenset({"where", "observed"})
_UNDATED_APPLY = frozenset({"site-terms", "host-terms", "notorious-source"})


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
    parse_sites(item["applies_to"].get("sites"), where)
    sources = item.get("source", [])
    if not isinstance(sources, list) or not all(isinstance(s, dict) for s in sources):
        raise TermsDocumentError(f"{where}: source must be a list of {{where: …, observed: …}}")
    for source in sources:
        refuse_unknown(source, _SOURCE, f"{where}: source")
    parse_clauses(item["clauses"], where)
    parse_duties(item.get("obligations"), where)
    return item


def _read_source(sources: Sequence[Mapping[str, Any]], url: str) -> str:
    """Return what was read, not today's address, where another text may stand by now; a second-hand source is named as one."""
    where = next((text for s in sources if (text := str(s.get("where", ""))) and text != "none"), "")
    return f"{where} on {url}" if where == "secondary source" and url else where or url


def _version(item: Mapping[str, Any]) -> TermsVersion:
    version, applies = item["version"], item["applies_to"]
    start = str(version.get("effective_from") or version.get("observed_from") or Absence.UNKNOWN.value)
    end = str(version.get("effective_to") or Absence.UNKNOWN.value)
    undated_site = is_absent(start) and item.get("kind") in _UNDATED_APPLY
    # RR14: a site or host entry without any date is taken as applying; any other undated text covers no day surely.
    from_first, from_last = (dt.date.min, dt.date.min if undated_site else dt.date.max) if is_absent(start) else date_range(start, item["id"])
    to_first, to_last = (dt.date.max, dt.date.max) if is_absent(end) else date_range(end, item["id"])
    sources = item.get("source") or []
    return TermsVersion(
        id=item["id"],
        provider=normalize_provider(str(item["provider"])),
        service=str(item.get("service", "")),
        kind=str(item.get("kind", "service-terms")),
        title=str(item.get("title", item["id"])),
        url=str(item.get("url", "")),
        source=_read_source(sources, str(item.get("url") or "")),
        confidence=str(item["confidence"]),
        effective_from=start,
        effective_to=end,
        starts_possibly=from_first,
        starts_surely=from_last,
        ends_surely=to_first,
        ends_possibly=to_last,
        channels=texts(applies.get("channels")),
        regions=texts(applies.get("regions")) or ("global",),
        models=tuple(m.lower() for m in texts(applies.get("models"))),
        not_models=tuple(m.lower() for m in texts(applies.get("not_models"))),
        clauses=parse_clauses(item["clauses"], item["id"]),
        artifacts=texts(applies.get("artifacts")),
        access=texts(applies.get("access")),
        sites=texts(applies.get("sites")),
        published=str(version.get("published", "")),
        observed=not version.get("effective_from"),
        bound=str(item.get("bound", "")),
        duties=parse_duties(item.get("obligations"), item["id"]),
    )
