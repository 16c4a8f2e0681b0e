"""CycloneDX 1.7 ML-BOM: one document for any number of datasets, each a component of type ``data``.

Plain mappings, since the object model of cyclonedx-python-lib loses exactly the fields of machine learning. Declared and concluded licences carry their
acknowledgement; what is not known is a licence named NOASSERTION, since a list without it would read as "none needed".
Source: https://cyclonedx.org/docs/1.7/json/.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from provenance.model.dataset import Dataset, Generator, LicenseClaim, Shard
from provenance.registry.exchange.export_facts import FACTS_NAME, NAMESPACE, Export, document_bytes
from provenance.registry.exchange.export_words import (
    NOT_KNOWN,
    asserted,
    description_of,
    instant,
    license_form,
    media_type,
    publisher_of,
    stated,
    stated_day,
    stated_url,
    title_of,
    without_empty,
)

SCHEMA, VERSION = "http://cyclonedx.org/schema/bom-1.7.schema.json", "1.7"
_TLP = ("CLEAR", "GREEN", "AMBER", "AMBER_AND_STRICT", "RED")
_HEX = frozenset("0123456789abcdef")
_SHA256_DIGITS = 64


def render(exports: Sequence[Export]) -> bytes:
    """Return the CycloneDX document of datasets.

    Raises:
        ManifestError: If a text in it is not Unicode.
    """
    return document_bytes(document(exports))


def document(exports: Sequence[Export]) -> dict[str, Any]:
    """Return the document as JSON values."""
    key = uuid.uuid5(NAMESPACE, "cyclonedx\n" + "\n".join(e.digest for e in exports))
    marks = [e.version.dataset.details.confidentiality.upper() for e in exports]
    strictest = max((_TLP.index(m) for m in marks if m in _TLP), default=None)
    limits = {"distributionConstraints": {"tlp": _TLP[strictest]}} if strictest is not None else {}
    tools = {"components": [{"type": "application", "name": "provenance"}]}
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": f"urn:uuid:{key}",
        "version": 1,
        "metadata": {"timestamp": max(e.version.created for e in exports), "tools": tools, **limits},
        "components": [_component(e) for e in exports],
        "compositions": [{"aggregate": "incomplete" if e.shard_list else "complete", "assemblies": [e.id]} for e in exports],
    }


def facts_of(found: Any) -> list[object]:
    """Return the facts of every dataset that a parsed document of ours holds; empty where it is not ours."""
    components = found.get("components") if isinstance(found, dict) else None
    properties = [p for c in (components if isinstance(components, list) else []) if isinstance(c, dict) for p in _entries(c.get("properties"))]
    return [p.get("value") for p in properties if p.get("name") == FACTS_NAME]


def _entries(found: object) -> list[dict[str, Any]]:
    return [p for p in found if isinstance(p, dict)] if isinstance(found, list) else []


def missing(found: Any) -> list[str]:
    """Return what a document of datasets lacks and its schema does not ask for: both licences of every component, a serial number, a time."""
    if not isinstance(found, dict):
        return ["the document: expected an object"]
    faults = [f"{name}: is required" for name in ("bomFormat", "specVersion", "serialNumber", "metadata", "components") if not found.get(name)]
    for i, component in enumerate(_entries(found.get("components"))):
        said = [(entry.get("license") or entry).get("acknowledgement") for entry in _entries(component.get("licenses"))]
        faults += [f"components[{i}].licenses: needs exactly one that is {word}" for word in ("declared", "concluded") if said.count(word) != 1]
        faults += [f"components[{i}].{name}: is required" for name in ("type", "name", "bom-ref", "data") if not component.get(name)]
    return faults


def _component(export: Export) -> dict[str, Any]:
    dataset, details = export.version.dataset, export.version.dataset.details
    publisher = publisher_of(export.version)
    required = {
        "type": "data",
        "bom-ref": export.id,
        "name": title_of(export.version),
        "licenses": _licenses(dataset),
        "data": [_data(export)],
        "properties": _properties(export),
    }
    evidence = without_empty(
        {"licenses": _evidence(dataset), "copyright": [{"text": details.rights.notice}] if stated(details.rights.notice) else []}
    )
    holders = f"Copyright holders: {', '.join(details.rights.holders)}" if details.rights.holders else ""
    described = {
        "version": stated(details.version),
        "supplier": {"name": publisher} if publisher != NOT_KNOWN else None,
        "authors": [{"name": name} for name in details.creators],
        "description": description_of(export.version),
        "copyright": stated(details.rights.notice) or holders,
        "externalReferences": _references(dataset),
        "pedigree": _pedigree(export),
        "components": [_shard(export, i, shard) for i, shard in enumerate(export.version.shards)] or _shard_list(export),
        "evidence": evidence,
        "tags": [*dict.fromkeys(t for t in (*dataset.tags, *details.content_types) if t)],
    }
    return {**required, **without_empty(described)}


def _licenses(dataset: Dataset) -> list[dict[str, Any]]:
    expires = stated_day(dataset.license.expires)
    licensing = {"licensing": {"expiration": instant(expires)}} if expires else {}
    return [
        _choice(dataset.license.declared, {"acknowledgement": "declared", **licensing}),
        _choice(dataset.license.concluded, {"acknowledgement": "concluded", **licensing}),
    ]


def _choice(claim: LicenseClaim, more: dict[str, Any]) -> dict[str, Any]:
    form = license_form(claim.value)
    said = {**more, "properties": _claim_properties(claim)}
    return {"expression": form.expression, **said} if form.expression else {"license": {"name": form.text, **said}}


def _claim_properties(claim: LicenseClaim) -> list[dict[str, str]]:
    evidence = claim.evidence
    values = (
        ("original", claim.original),
        ("by", asserted(claim.by)),
        ("url", asserted(evidence.url)),
        ("fetched_at", asserted(evidence.fetched_at)),
        ("sha256", asserted(evidence.sha256)),
    )
    return [{"name": f"provenance:{name}", "value": value} for name, value in values if value]


def _evidence(dataset: Dataset) -> list[dict[str, Any]]:
    found = [dataset.license.detected, *dataset.license.stated]
    return [_choice(claim, {}) for claim in found if claim != LicenseClaim()]


def _data(export: Export) -> dict[str, Any]:
    dataset, details = export.version.dataset, export.version.dataset.details
    people = details.personal_data
    contents = [
        ("provenance:personal-data", people.present.value),
        ("provenance:special-categories", people.sensitive.value),
        ("provenance:synthetic", dataset.synthetic.value),
        ("provenance:collected", f"{dataset.source.collected.start}/{dataset.source.collected.end}"),
        *(("provenance:language", language) for language in dataset.languages),
        *(("provenance:purpose", purpose) for purpose in details.purposes),
    ]
    owner = {"owners": [{"organization": {"name": dataset.owner}}]} if stated(dataset.owner) else {}
    return without_empty(
        {
            "bom-ref": export.part_id("data"),
            "type": "dataset",
            "name": dataset.name,
            "contents": without_empty({"url": stated_url(dataset.source.url), "properties": [{"name": n, "value": v} for n, v in contents]}),
            "classification": asserted(details.confidentiality),
            "sensitiveData": list(people.categories),
            "description": description_of(export.version),
            "governance": owner,
        }
    )


def _properties(export: Export) -> list[dict[str, str]]:
    totals, collection = export.totals, export.version.dataset.details.collection
    counts = [("records", totals.records), ("words", totals.words)]
    values = [
        ("provenance:root_digest", export.version.root_digest),
        ("provenance:shards", str(totals.shards)),
        ("provenance:size_bytes", str(totals.size_bytes)),
        *((f"provenance:{name}", NOT_KNOWN if count is None else str(count)) for name, count in counts),
        *(("provenance:crawler", f"{asserted(c.name)}: {asserted(c.user_agent)}") for c in collection.crawlers),
        *(("provenance:opt-out", f"{check.signal.value}: honoured {check.honoured.value}") for check in collection.opt_outs),
        *(("provenance:tokens", f"{count.tokens} by {count.tokenizer}") for count in export.version.dataset.details.token_counts),
        (FACTS_NAME, export.facts),
    ]
    return [{"name": name, "value": value} for name, value in values]


def _references(dataset: Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"type": "distribution", "url": stated_url(dataset.source.url)}] if stated_url(dataset.source.url) else []
    facts = dataset.license
    for claim in dict.fromkeys((facts.declared, facts.detected, facts.concluded, *facts.stated)):
        evidence = claim.evidence
        digest = evidence.sha256.removeprefix("sha256:")
        known = len(digest) == _SHA256_DIGITS and set(digest) <= _HEX
        if stated_url(evidence.url):
            hashes = {"hashes": [{"alg": "SHA-256", "content": digest}]} if known else {}
            found.append({"type": "license", "url": evidence.url, "comment": f"licence {asserted(claim.value)}, by {asserted(claim.by)}", **hashes})
    found += [{"type": "license", "url": f"urn:provenance:terms:{i}", "comment": f"terms {name}"} for i, name in enumerate(dataset.terms)]
    return found


def _pedigree(export: Export) -> dict[str, Any]:
    dataset = export.version.dataset
    parents = [
        {"type": "data", "bom-ref": export.part_id(f"ancestor {i}"), "name": name, "data": [{"type": "dataset", "name": name}]}
        for i, name in enumerate(dataset.derived_from)
    ]
    models = [_model(generator, export.part_id(f"generator {i}")) for i, generator in enumerate(dataset.generators)]
    return without_empty({"ancestors": [*parents, *models], "notes": "; ".join(dataset.details.processing)})


def _model(generator: Generator, ref: str) -> dict[str, Any]:
    values = (
        ("role", generator.role),
        ("channel", asserted(generator.channel)),
        ("region", asserted(generator.region)),
        ("days", f"{generator.generated.start}/{generator.generated.end}"),
        ("prompt_source", asserted(generator.prompt_source)),
    )
    properties = [{"name": f"provenance:{name}", "value": value} for name, value in values]
    supplier = {"supplier": {"name": generator.provider}} if stated(generator.provider) else {}
    return {"type": "machine-learning-model", "bom-ref": ref, "name": asserted(generator.model), **supplier, "properties": properties}


def _shard(export: Export, number: int, shard: Shard) -> dict[str, Any]:
    counts = [("records", shard.records), ("words", shard.words)]
    values = [
        ("root", shard.root),
        ("size_bytes", str(shard.size_bytes)),
        *((name, NOT_KNOWN if count is None else str(count)) for name, count in counts),
        ("unread_records", str(shard.unread_records)),
        *(("license", f"{part.value}: {part.records} records") for part in shard.licenses),
    ]
    return {
        "type": "file",
        "bom-ref": export.part_id(f"shard {number}"),
        "mime-type": media_type(shard),
        "name": shard.path,
        "hashes": [{"alg": "SHA-256", "content": shard.sha256.removeprefix("sha256:")}],
        "properties": [{"name": f"provenance:{name}", "value": value} for name, value in values],
    }


def _shard_list(export: Export) -> list[dict[str, Any]]:
    listed = export.shard_list
    if listed is None:
        return []
    return [
        {
            "type": "file",
            "bom-ref": export.part_id("shard-list"),
            "mime-type": "application/jsonlines",
            "name": listed.name,
            "description": f"Lists all {export.totals.shards} shards, one a line, with path and digest",
            "hashes": [{"alg": "SHA-256", "content": listed.sha256.removeprefix("sha256:")}],
        }
    ]
