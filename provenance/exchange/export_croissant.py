"""Croissant 1.1 with the Responsible AI vocabulary: one JSON-LD document a dataset.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, croissant-rai-spec.html. The context is the standard's, with our own
namespace for what it has no word for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from provenance.exchange.export_facts import FACTS_NAME, Export, document_bytes
from provenance.exchange.export_plain import plain_facts, plain_item, shard_words
from provenance.exchange.export_words import (
    NOT_KNOWN,
    asserted,
    description_of,
    instant,
    license_form,
    media_type,
    published_of,
    stated,
    stated_day,
    stated_url,
    title_of,
    without_empty,
    yes_no,
)
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, Generator, SourceKind
from provenance.model.wire import to_wire

CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_TERMS = (
    "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes",
    "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "readLines", "repeated", "replace", "samplingRate", "sdVersion",
    "separator", "source", "subField", "transform", "unArchive", "value",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",  # http:// is refused by mlcroissant, though the standard's appendix has it
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "provenance": "https://provenance-audit.dev/ns/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
OWN = frozenset(
    {
        "name", "title", "source.url", "license.declared.value", "license.concluded.value", "terms", "generators", "domain", "languages",
        "derived_from", "tags", "details.description", "details.version", "details.identifiers", "details.creators", "details.publisher",
        "details.published", "details.content_types", "details.purposes", "details.processing", "details.citation", "details.collection.method",
        "details.collection.ongoing", "details.collection.geography", "details.collection.crawlers", "details.personal_data.present",
        "details.personal_data.sensitive", "details.personal_data.categories", "details.personal_data.measures", "details.rights.holders",
        "details.rights.notice", "details.metadata_license.value",
    }
)  # fmt: skip
"""Facts that the standard has a word for; the others stand under ``provenance:fact``."""
_COLLECTION_TYPES = {SourceKind.WEB_CRAWL: "Web Scraping", SourceKind.USER_DATA: "User-generated content data"}


def render(exports: Sequence[Export]) -> bytes:
    """Return the Croissant document of one dataset.

    Raises:
        ManifestError: If a text in it is not Unicode.
    """
    (export,) = exports
    return document_bytes(document(export))


def document(export: Export) -> dict[str, Any]:
    """Return the document as JSON values."""
    version, dataset, details = export.version, export.version.dataset, export.version.dataset.details
    published, known = published_of(version)
    url = stated_url(dataset.source.url)
    # The standard wants an organisation or a person; which of them a creator is, the registry does not know.
    guessed = "creator.@type" if details.creators else "creator"
    given = ((guessed, False), ("datePublished", known), ("url", url), ("distribution", export.totals.shards))
    required: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "@id": export.id,
        "conformsTo": list(CONFORMS),
        "name": title_of(version),
        "description": description_of(version),
        "license": _license_text(dataset.license.effective),
        "url": url or export.id,
        "creator": [_organization(name) for name in details.creators or (NOT_KNOWN,)],
        "datePublished": published,
        "distribution": _distribution(export),
        FACTS_NAME: export.facts,
        "provenance:placeholders": [name for name, fact in given if not fact],
        "provenance:fact": [_property(*fact) for fact in (*_labelling(dataset), *plain_facts(export, OWN))],
    }
    return {**required, **without_empty({**_described(dataset), **_responsible(dataset), **_lineage(dataset)})}


def facts_of(found: Any) -> list[object]:
    """Return the facts that a parsed document of ours holds; empty where it is not ours."""
    return [found[FACTS_NAME]] if isinstance(found, dict) and FACTS_NAME in found else []


def missing(found: Any) -> list[str]:
    """Return what the standard requires and a document lacks, as ``distribution[0].sha256: is required``."""
    if not isinstance(found, dict):
        return ["the document: expected an object"]
    needed = ("@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished", "distribution")
    faults = [f"{name}: is required" for name in needed if not found.get(name)]
    resources = found.get("distribution")
    for i, resource in enumerate(resources if isinstance(resources, list) else []):
        faults += [f"distribution[{i}].{name}: is required" for name in _needed_of(resource) if not resource.get(name)]
    return faults


def _needed_of(resource: dict[str, Any]) -> tuple[str, ...]:
    kind = resource.get("@type")
    if kind == "cr:FileSet":
        return ("@id", "@type", "encodingFormat", "includes")
    return ("@id", "@type", "name", "contentUrl", "encodingFormat", "sha256")


def _license_text(value: str) -> str:
    form = license_form(value)
    single = form.expression and not form.refs and " " not in form.expression
    return f"https://spdx.org/licenses/{form.expression}" if single else form.text


def _organization(name: str) -> dict[str, str]:
    return {"@type": "sc:Organization", "name": name}


def _labelling(dataset: Dataset) -> list[tuple[str, str]]:
    return [("generators", plain_item(to_wire(g))) for g in dataset.generators if g.is_labeller]


def _property(name: str, value: str) -> dict[str, str]:
    return {"@type": "sc:PropertyValue", "name": name, "value": value}


def _distribution(export: Export) -> list[dict[str, Any]]:
    listed = export.shard_list
    if not export.totals.shards:
        unknown = {"@type": "cr:FileSet", "@id": "shards", "encodingFormat": "application/octet-stream", "includes": "**"}
        return [{**unknown, "description": "Not known: only metadata of this dataset are at hand, its files have not been listed"}]
    if listed is None:
        return [
            without_empty(
                {
                    "@type": "cr:FileObject",
                    "@id": f"shard-{i:06}",
                    "name": shard.path,
                    "contentUrl": shard.path,
                    "contentSize": f"{shard.size_bytes} B",
                    "encodingFormat": media_type(shard),
                    "sha256": shard.sha256.removeprefix("sha256:"),
                    "provenance:fact": [_property(*fact) for fact in shard_words(shard)],
                }
            )
            for i, shard in enumerate(export.version.shards)
        ]
    files = {
        "@type": "cr:FileObject",
        "@id": "shard-list",
        "name": listed.name,
        "contentUrl": listed.name,
        "contentSize": f"{listed.size_bytes} B",
        "encodingFormat": "application/jsonlines",
        "sha256": listed.sha256.removeprefix("sha256:"),
    }
    shards = {
        "@type": "cr:FileSet",
        "@id": "shards",
        "containedIn": {"@id": "shard-list"},
        "description": f"{export.totals.shards} shards, each a line of the shard list with its path and digest",
        "contentSize": f"{export.totals.size_bytes} B",
        "encodingFormat": "application/octet-stream",
        "includes": "**",
    }
    return [files, shards]


def _described(dataset: Dataset) -> dict[str, Any]:
    details = dataset.details
    return {
        "alternateName": dataset.name if dataset.title else "",
        "version": stated(details.version),
        "identifier": list(details.identifiers),
        "publisher": _organization(details.publisher) if stated(details.publisher) else None,
        "keywords": [*dict.fromkeys(k for k in (*details.content_types, *dataset.tags, stated(dataset.domain)) if k)],
        "inLanguage": list(dataset.languages),
        "citeAs": stated(details.citation),
        "sdLicense": "" if license_form(details.metadata_license.value).absent else _license_text(details.metadata_license.value),
        "copyrightNotice": stated(details.rights.notice),
        "copyrightHolder": [_organization(name) for name in details.rights.holders],
        "spatialCoverage": list(details.collection.geography),
        "usageInfo": [{"@type": "CreativeWork", "name": terms} for terms in dataset.terms],
        "isLiveDataset": None if details.collection.ongoing is TriState.UNKNOWN else details.collection.ongoing is TriState.YES,
        "provenance:declaredLicense": asserted(dataset.license.declared.value),
        "provenance:concludedLicense": asserted(dataset.license.concluded.value),
    }


def _responsible(dataset: Dataset) -> dict[str, Any]:
    details, collected = dataset.details, dataset.source.collected
    people = details.personal_data
    # A last day alone would be taken for the first.
    days = [day for day in (collected.start, collected.end) if stated_day(day)] if stated_day(collected.start) else []
    return {
        "rai:dataCollection": stated(details.collection.method),
        "rai:dataCollectionType": _COLLECTION_TYPES.get(dataset.source.kind, ""),
        "rai:dataCollectionTimeframe": [instant(day) for day in days],
        "rai:dataPreprocessingProtocol": list(details.processing),
        "rai:dataManipulationProtocol": "; ".join(people.measures),
        "rai:dataUseCases": list(details.purposes),
        "rai:personalSensitiveInformation": [
            yes_no(people.present, yes="Personal data: yes", no="Personal data: no", unknown="Personal data: not known"),
            yes_no(people.sensitive, yes="Special categories: yes", no="Special categories: no", unknown="Special categories: not known"),
            *people.categories,
        ],
        "rai:machineAnnotationTools": [_model(g) for g in dataset.generators if g.is_labeller],
    }


def _lineage(dataset: Dataset) -> dict[str, Any]:
    crawlers = dataset.details.collection.crawlers
    return {
        "prov:wasDerivedFrom": [
            {"@id": stated_url(name) or f"urn:provenance:dataset:{quote(name, safe='')}", "name": name} for name in dataset.derived_from
        ],
        # Who only labelled is a tool of annotation, and did not make the dataset; what else is known of it is a fact below.
        "prov:wasAttributedTo": [_agent(g, i) for i, g in enumerate(dataset.generators) if not g.is_labeller],
        "prov:wasGeneratedBy": [
            {
                "@id": f"urn:provenance:crawl:{i}",
                "@type": "prov:Activity",
                "name": asserted(c.name),
                "description": f"crawl; user agent {asserted(c.user_agent)}; operator {asserted(c.operator)}; purpose {asserted(c.purpose)}",
            }
            for i, c in enumerate(crawlers)
        ],
    }


def _model(generator: Generator) -> str:
    return f"{asserted(generator.provider)} {asserted(generator.model)}"


def _agent(generator: Generator, number: int) -> dict[str, str]:
    days = f"{asserted(generator.generated.start)} to {asserted(generator.generated.end)}"
    use = f"role {generator.role}; channel {asserted(generator.channel)}; region {asserted(generator.region)}; days {days}"
    return {
        "@id": f"urn:provenance:generator:{number}",
        "@type": "prov:SoftwareAgent",
        "name": _model(generator),
        "description": f"{use}; prompts from {asserted(generator.prompt_source)}",
    }
