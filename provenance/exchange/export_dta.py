"""Data Provenance Standards 1.0.0 of the Data & Trust Alliance: one JSON document a dataset.

Written for the cleaned schema of the OASIS committee: the published one cannot be evaluated (a reference in it leads nowhere). Cardinalities are those of
the specification, which both schemas fall short of. Source: https://github.com/Data-and-Trust-Alliance/DPS, specification.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from provenance.exchange.export_facts import Export, document_bytes
from provenance.exchange.export_plain import plain_facts
from provenance.exchange.export_words import (
    NOT_KNOWN,
    asserted,
    description_of,
    instant,
    license_form,
    media_types,
    published_of,
    publisher_of,
    stated,
    stated_day,
    stated_url,
    title_of,
    without_empty,
)
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, SourceKind
from provenance.model.details import Modality, Rights

VERSION = "1.0.0"
FACTS_KEY = "x-provenance"
_METHODS, _CLASSES = "https://dataandtrustalliance.org/DPS/CodeSystem/Method", ("pii", "spi")
_TEXTS = frozenset({Modality.TEXT, Modality.CODE})
OWN = frozenset(
    {
        "title", "source.url", "source.collected.from", "source.collected.to", "terms", "details.description", "details.creators", "details.publisher", "details.published",
        "details.purposes", "details.collection.geography", "details.personal_data.measures", "details.rights.copyright", "details.rights.patent",
        "details.rights.trademark",
    }
)  # fmt: skip
"""Facts that the standard has a word for; the others stand under ``x-provenance.stated``."""
_REQUIRED = {
    "source": ("version", "title", "id", "issuer", "description"),
    "provenance": ("origin-geography", "date", "generation-method", "format"),
    "use": ("intended-purpose",),
}
_AT_MOST_ONE = {"source": ("version", "title", "id", "location", "description"), "provenance": ("source", "date", "previous-date")}


def render(exports: Sequence[Export]) -> bytes:
    """Return the document of one dataset.

    Raises:
        ManifestError: If a text in it is not Unicode.
    """
    (export,) = exports
    return document_bytes(document(export))


def document(export: Export) -> dict[str, Any]:
    """Return the document as JSON values."""
    published, known = published_of(export.version)
    stated_here = [{"name": name, "value": value} for name, value in plain_facts(export, OWN)]
    facts = {"facts": export.facts, "placeholders": [] if known else ["provenance.date"], "stated": stated_here}
    if export.shard_list is not None:
        facts["shard_list"] = export.shard_list.name
    return {
        "source": _source(export),
        "provenance": _provenance(export, instant(published) if known else export.version.created),
        "use": _use(export.version.dataset),
        FACTS_KEY: facts,
    }


def facts_of(found: Any) -> list[object]:
    """Return the facts that a parsed document of ours holds; empty where it is not ours."""
    ours = found.get(FACTS_KEY) if isinstance(found, dict) else None
    return [ours["facts"]] if isinstance(ours, dict) and "facts" in ours else []


def missing(found: Any) -> list[str]:
    """Return where a document falls short of the specification's cardinalities."""
    faults = []
    for group, names in _REQUIRED.items():
        given = found.get(group) if isinstance(found, dict) else None
        if not isinstance(given, dict):
            faults.append(f"{group}: is required")
            continue
        faults += [f"{group}.{name}: is required" for name in names if given.get(name) in (None, "", [])]
        faults += [f"{group}.{name}: at most one" for name in _AT_MOST_ONE.get(group, ()) if isinstance(given.get(name), list)]
    origin = found.get("provenance", {}).get("origin") if not faults else None
    return [*faults, *(["provenance.origin: at most one"] if isinstance(origin, list) and len(origin) > 1 else [])]


def _source(export: Export) -> dict[str, Any]:
    location = stated_url(export.version.dataset.source.url)
    required = {
        "version": VERSION,
        "title": title_of(export.version),
        "id": export.id,
        "issuer": [{"name": publisher_of(export.version)}],
        "description": description_of(export.version),
    }
    return {**required, **({"location": location} if location else {})}


def _provenance(export: Export, date: str) -> dict[str, Any]:
    dataset, details = export.version.dataset, export.version.dataset.details
    collected = {"start": stated_day(dataset.source.collected.start), "end": stated_day(dataset.source.collected.end)}
    creators = [{"name": ", ".join(details.creators)}] if details.creators and stated(details.publisher) else []  # at most one
    required = {
        "origin-geography": [{"country": country} for country in _once(details.collection.geography)] or [{"country": NOT_KNOWN}],
        "date": date,
        "generation-method": [_method(dataset)],
        "format": media_types(export.version),
    }
    more = {"source": _metadata_of(dataset.derived_from), "origin": creators, "generation-period": without_empty(dict(collected.items()))}
    return {**required, **without_empty(more)}


def _metadata_of(ancestors: Sequence[str]) -> str:
    """Return where the metadata of the one ancestor are: the standard has room for one address, and for no names."""
    return stated_url(ancestors[0]) if len(ancestors) == 1 else ""


def _method(dataset: Dataset) -> dict[str, str]:
    said = stated(dataset.details.collection.method)
    models = ", ".join(f"{g.role} by {asserted(g.provider)} {asserted(g.model)}" for g in dataset.generators)
    kind = "not known" if dataset.source.kind is SourceKind.UNKNOWN else dataset.source.kind.value
    text = "; ".join(part for part in (said or f"source kind: {kind}", models) if part)
    return {"code": _method_code(dataset), "system": _METHODS, "description": text}


def _method_code(dataset: Dataset) -> str:
    """Return the code that says no more than is known: that of a crawl says that it was one of texts."""
    if dataset.source.kind is SourceKind.SYNTHETIC:
        return "machine-generated-mlops-generative"
    modalities = set(dataset.details.modalities)
    if dataset.source.kind is SourceKind.WEB_CRAWL and modalities and modalities <= _TEXTS:
        return "web-scraping-crawling-textual"
    return NOT_KNOWN if dataset.source.kind is SourceKind.UNKNOWN else "other-na"


def _use(dataset: Dataset) -> dict[str, Any]:
    details = dataset.details
    people = zip(_CLASSES, (details.personal_data.present, details.personal_data.sensitive), strict=True)
    more = {
        "classification": [
            {"regulation": {"code": code}, "evaluated": True}
            for code, fact in people
            # The standard means by it whether data of the class are in it (4.3.1), and whether that was looked at (4.5.5): a NO would be false in one sense.
            if fact is TriState.YES
        ],
        "privacy-enhancing": [
            {"tool-category": {"code": "other", "description": measure}, "tool-used": measure} for measure in _once(details.personal_data.measures)
        ],
        "copyright": _right(details.rights.copyright, details.rights),
        "patent": _right(details.rights.patent, None),
        "trademark": _right(details.rights.trademark, None),
    }
    purposes = [{"code": "other", "description": purpose} for purpose in _once(details.purposes)]
    return {
        "license": list(_once((license_form(dataset.license.effective).text, *dataset.terms))),
        "intended-purpose": purposes or [{"code": NOT_KNOWN, "description": "not stated"}],
        **without_empty(more),
    }


def _right(fact: TriState, rights: Rights | None) -> list[str]:
    """Return the standard's text: ``no`` for none, nothing where it is not known."""
    if fact is TriState.UNKNOWN:
        return []
    if fact is TriState.NO:
        return ["no"]
    notes = (stated(rights.notice), *rights.holders) if rights else ()
    return [*_once(n for n in notes if n)] or ["yes"]


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
