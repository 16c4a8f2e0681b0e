"""CycloneDX 1.7 ML-BOM: one document for any number of datasets, each a component of type ``data``.

Plain mappings, since the object model of cyclonedx-python-lib loses exactly the fields of machine learning. Declared and concluded licences carry their
acknowledgement; what is not known is a licence named NOASSERTION, since a list without it would read as "none needed".
Source: https://cyclonedx.org/docs/1.7/json/.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from provenance.exchange.export_facts import FACTS_NAME, NAMESPACE, Export, document_bytes
from provenance.exchange.export_plain import plain_facts, shard_words
from provenance.exchange.export_words import (
    asserted,
    description_of,
    last_instant,
    license_form,
    media_type,
    stated,
    stated_day,
    stated_url,
    title_of,
    without_empty,
)
from provenance.model.absence import is_absent
from provenance.model.dataset import Dataset, Generator, LicenseClaim, Shard, ShardDigests

SCHEMA, VERSION = "http://cyclonedx.org/schema/bom-1.7.schema.json", "1.7"
OWN = frozenset(
    {
        "name", "title", "source.url", "license.declared", "license.detected", "license.concluded", "license.stated", "terms", "generators", "derived_from",
        "owner", "tags", "details.description", "details.version", "details.creators", "details.publisher", "details.content_types", "details.processing",
        "details.personal_data.categories", "details.confidentiality", "details.rights.notice",
    }
)  # fmt: skip
"""Facts that the format has a word for; the others are properties of the component."""
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
        "compositions": [{"aggregate": _completeness(e), "assemblies": [e.id]} for e in exports],
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


def _completeness(export: Export) -> str:
    """Tell whether the files of a component are all there are: of what a source declares, nobody here knows."""
    if export.shard_list is not None:
        return "incomplete"
    return "complete" if export.totals.shards and export.version.digests is ShardDigests.READ else "unknown"


def _component(export: Export) -> dict[str, Any]:
    dataset, details = export.version.dataset, export.version.dataset.details
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
        "supplier": {"name": details.publisher} if stated(details.publisher) else None,
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
    facts = dataset.license
    expires = stated_day(facts.expires)
    licensing = {"licensing": {"expiration": last_instant(expires)}} if expires else {}
    concluded = not is_absent(facts.concluded.value)  # the day is that of the licence that holds
    return [
        _choice(facts.declared, {"acknowledgement": "declared", **({} if concluded else licensing)}),
        _choice(facts.concluded, {"acknowledgement": "concluded", **(licensing if concluded else {})}),
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
        ("snapshot", asserted(evidence.snapshot)),
    )
    return [{"name": f"provenance:{name}", "value": value} for name, value in values if value]


def _evidence(dataset: Dataset) -> list[dict[str, Any]]:
    found = [dataset.license.detected, *dataset.license.stated]
    return [_choice(claim, {}) for claim in found if claim != LicenseClaim()]


def _data(export: Export) -> dict[str, Any]:
    dataset, details = export.version.dataset, export.version.dataset.details
    people, collected = details.personal_data, dataset.source.collected
    contents = [
        ("provenance:personal-data", asserted(people.present.value)),
        ("provenance:special-categories", asserted(people.sensitive.value)),
        ("provenance:synthetic", asserted(dataset.synthetic.value)),
        ("provenance:collected", f"{asserted(collected.start)}/{asserted(collected.end)}"),
        *(("provenance:language", language) for language in dataset.languages),
        *(("provenance:purpose", purpose) for purpose in details.purposes),
    ]
    # A contact may be a person, a team or a company: which of them an owner is, nobody says.
    owner = {"owners": [{"contact": {"name": dataset.owner}}]} if stated(dataset.owner) else {}
    return without_empty(
        {
            "bom-ref": export.part_id("data"),
            "type": "dataset",
            "name": dataset.name,
            "contents": without_empty({"url": stated_url(dataset.source.url), "properties": [{"name": n, "value": v} for n, v in contents]}),
            "classification": asserted(details.confidentiality),
            "sensitiveData": [f"personal data: {category}" for category in people.categories],
            "description": description_of(export.version),
            "governance": owner,
        }
    )


def _properties(export: Export) -> list[dict[str, str]]:
    values = [(f"provenance:{name}", value) for name, value in plain_facts(export, OWN)]
    return [{"name": name, "value": value} for name, value in (*values, (FACTS_NAME, export.facts))]


def _references(dataset: Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"type": "distribution", "url": stated_url(dataset.source.url)}] if stated_url(dataset.source.url) else []
    facts = dataset.license
    for claim in dict.fromkeys((facts.declared, facts.detected, facts.concluded, *facts.stated)):
        evidence = claim.evidence
        digest = evidence.sha256.removeprefix("sha256:")
        # Without a time of fetching, the digest is that of a document that names the address, such as a card, and not of what is there.
        known = len(digest) == _SHA256_DIGITS and set(digest) <= _HEX and not is_absent(evidence.fetched_at)
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
        ("days", f"{asserted(generator.generated.start)}/{asserted(generator.generated.end)}"),
        ("prompt_source", asserted(generator.prompt_source)),
    )
    properties = [{"name": f"provenance:{name}", "value": value} for name, value in values]
    supplier = {"supplier": {"name": generator.provider}} if stated(generator.provider) else {}
    return {"type": "machine-learning-model", "bom-ref": ref, "name": asserted(generator.model), **supplier, "properties": properties}


def _shard(export: Export, number: int, shard: Shard) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": export.part_id(f"shard {number}"),
        "mime-type": media_type(shard),
        "name": shard.path,
        "hashes": [{"alg": "SHA-256", "content": shard.sha256.removeprefix("sha256:")}],
        "properties": [{"name": f"provenance:{name}", "value": value} for name, value in shard_words(shard)],
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
