"""SPDX 3.0.1, profiles core, software, dataset, AI and licensing: one document for any number of datasets.

Every dataset has exactly one declared and one concluded licence, as the profile demands and neither its schema nor its shapes check; what is not known
is NoAssertionLicense, what was looked for and not stated NoneLicense. What SPDX has no word for stands in a CdxPropertiesExtension.
Source: https://spdx.github.io/spdx-spec/v3.0.1/.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from provenance.exchange.export_facts import FACTS_NAME, NAMESPACE, Export, document_bytes
from provenance.exchange.export_plain import plain_facts, shard_words
from provenance.exchange.export_spdx_licenses import LicenseElements
from provenance.exchange.export_words import (
    asserted,
    description_of,
    instant,
    media_type,
    published_of,
    publisher_of,
    stated,
    stated_day,
    stated_url,
    title_of,
    without_empty,
    yes_no,
)
from provenance.model.dataset import Generator, LicenseClaim, ShardDigests
from provenance.model.details import Modality

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
VERSION = "3.0.1"
INFO = "_:creationinfo"
_PROFILES = ["core", "software", "dataset", "ai", "simpleLicensing", "expandedLicensing"]
# The context has no profile "extension": the word there is the property, and the shapes refuse it.
_TYPES = {
    Modality.TEXT: "text",
    Modality.CODE: "text",
    Modality.IMAGE: "image",
    Modality.AUDIO: "audio",
    Modality.VIDEO: "video",
    Modality.TABULAR: "structured",
    Modality.TIME_SERIES: "timeseries",
    Modality.GEOSPATIAL: "other",
    Modality.THREE_D: "other",
    Modality.OTHER: "other",
}
OWN = frozenset(
    {
        "name", "title", "source.url", "license.declared", "license.detected", "license.concluded", "license.stated", "generators", "derived_from",
        "details.description", "details.version", "details.identifiers", "details.purposes", "details.processing", "details.collection.method",
        "details.personal_data.sensitive", "details.personal_data.measures", "details.container_license", "details.metadata_license",
    }
)  # fmt: skip
"""Facts that the profiles have a word for; the others are properties of the package."""
_TLP = ("clear", "green", "amber", "red")


def render(exports: Sequence[Export]) -> bytes:
    """Return the SPDX document of datasets.

    Raises:
        ManifestError: If a text in it is not Unicode.
    """
    return document_bytes(document(exports))


def document(exports: Sequence[Export]) -> dict[str, Any]:
    """Return the document as JSON values."""
    created = max(e.version.created for e in exports)
    key = uuid.uuid5(NAMESPACE, "spdx\n" + "\n".join(e.digest for e in exports))
    info = {"type": "CreationInfo", "@id": INFO, "specVersion": VERSION, "created": created, "createdBy": [f"urn:uuid:{uuid.uuid5(key, 'agent')}"]}
    agent = _element(f"urn:uuid:{uuid.uuid5(key, 'agent')}", "SoftwareAgent", {"name": "provenance"})
    licenses = LicenseElements(key)
    parts = [element for export in exports for element in _dataset(export, licenses)]
    head = {"profileConformance": _PROFILES, "rootElement": [e.id for e in exports]}
    read = all(e.totals.shards and e.version.digests is ShardDigests.READ for e in exports)
    kind = {"software_sbomType": ["analyzed"]} if read else {}  # what others declare, nobody here has analysed
    bom = _element(f"urn:uuid:{uuid.uuid5(key, 'bom')}", "software_Sbom", {**head, **kind})
    top = _element(f"urn:uuid:{uuid.uuid5(key, 'document')}", "SpdxDocument", {**head, "name": "datasets", "rootElement": [bom["spdxId"]]})
    return {"@context": CONTEXT, "@graph": [info, agent, top, bom, *parts, *licenses.elements()]}


def facts_of(found: Any) -> list[object]:
    """Return the facts of every dataset that a parsed document of ours holds; empty where it is not ours."""
    graph = found.get("@graph") if isinstance(found, dict) else None
    elements = [e for e in graph if isinstance(e, dict)] if isinstance(graph, list) else []
    entries = [p for e in elements if e.get("type") == "dataset_DatasetPackage" for p in _properties(e)]
    return [p.get("extension_cdxPropValue") for p in entries if p.get("extension_cdxPropName") == FACTS_NAME]


def _properties(element: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    extensions = element.get("extension")
    for extension in extensions if isinstance(extensions, list) else []:
        entries = extension.get("extension_cdxProperty") if isinstance(extension, dict) else None
        yield from (p for p in (entries if isinstance(entries, list) else []) if isinstance(p, dict))


def missing(found: Any) -> list[str]:
    """Return what the dataset profile demands and a document lacks: its schema is silent about it."""
    graph = found.get("@graph") if isinstance(found, dict) else None
    if not isinstance(graph, list):
        return ["@graph: is required"]
    elements = [e for e in graph if isinstance(e, dict)]
    relations = [(e.get("relationshipType"), e.get("from"), e.get("to")) for e in elements if e.get("type") == "Relationship"]
    faults = []
    for i, element in enumerate(graph):
        if isinstance(element, dict) and element.get("type") == "dataset_DatasetPackage":
            faults += [f"@graph[{i}].{fault}" for fault in _lacks(element)]
            for kind in ("hasDeclaredLicense", "hasConcludedLicense"):
                targets = [to for relation, source, to in relations if relation == kind and source == element.get("spdxId")]
                if len(targets) != 1 or not isinstance(targets[0], list) or len(targets[0]) != 1:
                    faults.append(f"@graph[{i}]: needs exactly one relationship {kind} to one licence, has {len(targets)}")
    return faults if any(e.get("type") == "dataset_DatasetPackage" for e in elements) else ["@graph: holds no dataset_DatasetPackage"]


def _lacks(element: Mapping[str, Any]) -> list[str]:
    needed = ("name", "builtTime", "originatedBy", "releaseTime", "software_downloadLocation", "software_primaryPurpose", "dataset_datasetType")
    faults = [f"{name}: is required" for name in needed if not element.get(name)]
    origin = element.get("originatedBy")
    return [*faults, *(["originatedBy: needs exactly one"] if isinstance(origin, list) and len(origin) > 1 else [])]


def _element(spdx_id: str, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"spdxId": spdx_id, "type": kind, "creationInfo": INFO, **fields}


def _dataset(export: Export, licenses: LicenseElements) -> Iterator[dict[str, Any]]:
    version = export.version
    issuer = export.part_id("issuer")
    yield _element(issuer, "Agent", {"name": publisher_of(version)})  # a person or an organisation: which, nobody says
    yield _element(export.id, "dataset_DatasetPackage", _package(export, issuer))
    yield from _files(export)
    facts = version.dataset.license
    for kind, claim in (("hasDeclaredLicense", facts.declared), ("hasConcludedLicense", facts.concluded)):
        yield _relation(export, kind, to=[licenses.id_of(claim)])
    yield from _claims(export)
    yield from _ancestors(export)
    yield from _generators(export)


def _package(export: Export, issuer: str) -> dict[str, Any]:
    version, dataset, details = export.version, export.version.dataset, export.version.dataset.details
    published, known = published_of(version)
    built = stated_day(dataset.source.collected.end)
    guesses = [name for name, given in (("releaseTime", known), ("builtTime", built)) if not given]
    required = {
        "name": title_of(version),
        "description": description_of(version),
        "originatedBy": [issuer],
        "builtTime": instant(built) if built else version.created,
        "releaseTime": instant(published) if known else version.created,
        "software_primaryPurpose": "data",
        "software_downloadLocation": stated_url(dataset.source.url) or export.id,
        "dataset_datasetType": sorted({_TYPES[m] for m in details.modalities}) or ["noAssertion"],
        "dataset_hasSensitivePersonalInformation": yes_no(details.personal_data.sensitive, yes="yes", no="no", unknown="noAssertion"),
        "extension": [_extension([*plain_facts(export, OWN), ("facts", export.facts)])],
        **_counted(export),
    }
    if not stated_url(dataset.source.url):
        guesses.append("software_downloadLocation")
    comment = f"Not known, and filled as the profile demands: {', '.join(guesses)}" if guesses else ""
    return {**required, **without_empty({"comment": comment, **_described(export)})}


def _described(export: Export) -> dict[str, Any]:
    dataset, details = export.version.dataset, export.version.dataset.details
    holders = f"Copyright holders: {', '.join(details.rights.holders)}" if details.rights.holders else ""
    return {
        "software_packageVersion": stated(details.version),
        "software_copyrightText": stated(details.rights.notice) or holders,
        "software_homePage": stated_url(dataset.source.url),
        "dataset_anonymizationMethodUsed": list(details.personal_data.measures),
        "dataset_confidentialityLevel": details.confidentiality.lower() if details.confidentiality.lower() in _TLP else "",
        "dataset_dataCollectionProcess": stated(details.collection.method),
        "dataset_dataPreprocessing": list(details.processing),
        "dataset_intendedUse": "; ".join(details.purposes),
        "externalIdentifier": [
            {"type": "ExternalIdentifier", "externalIdentifierType": "other", "identifier": name} for name in (dataset.name, *details.identifiers)
        ],
    }


def _counted(export: Export) -> dict[str, Any]:
    """Return size and digest of all files, nothing where no file is known: a size of 0 would be a statement."""
    if not export.totals.shards:
        return {}
    return {
        "dataset_datasetSize": export.totals.size_bytes,
        "verifiedUsing": [_hash(export.version.root_digest, "Merkle root over the shard manifest (RFC 6962)")],
    }


def _extension(values: Iterable[tuple[str, str]]) -> dict[str, Any]:
    entries = [{"type": "extension_CdxPropertyEntry", "extension_cdxPropName": f"provenance:{n}", "extension_cdxPropValue": v} for n, v in values]
    return {"type": "extension_CdxPropertiesExtension", "extension_cdxProperty": entries}


def _hash(digest: str, comment: str = "") -> dict[str, str]:
    value = {"type": "Hash", "algorithm": "sha256" if not comment else "other", "hashValue": digest.removeprefix("sha256:")}
    return {**value, "comment": comment} if comment else value


def _files(export: Export) -> Iterator[dict[str, Any]]:
    listed = export.shard_list
    if listed is not None:
        fields = {
            "name": listed.name,
            "contentType": "application/jsonlines",
            "software_primaryPurpose": "manifest",
            "verifiedUsing": [_hash(listed.sha256)],
        }
        note = f"Lists all {export.totals.shards} shards, one a line, with path and digest"
        yield _element(export.part_id("shard-list"), "software_File", {**fields, "comment": note})
        yield _relation(export, "hasDataFile", to=[export.part_id("shard-list")])
        return
    ids = []
    for i, shard in enumerate(export.version.shards):
        ids.append(export.part_id(f"shard {i}"))
        fields = {"name": shard.path, "contentType": media_type(shard), "software_primaryPurpose": "data", "verifiedUsing": [_hash(shard.sha256)]}
        yield _element(ids[-1], "software_File", {**fields, "extension": [_extension(shard_words(shard))]})
    if ids:
        yield _relation(export, "hasDataFile", to=ids)


def _relation(export: Export, kind: str, *, to: list[str], source: str = "", key: str = "") -> dict[str, Any]:
    fields = {"relationshipType": kind, "from": source or export.id, "to": to}
    return _element(export.part_id(f"{kind} {key}"), "Relationship", fields)


def _claims(export: Export) -> Iterator[dict[str, Any]]:
    facts, details = export.version.dataset.license, export.version.dataset.details
    claims = [("declared", facts.declared), ("detected", facts.detected), ("concluded", facts.concluded)]
    claims += [("stated", claim) for claim in facts.stated]
    claims += [("compilation", details.container_license), ("metadata", details.metadata_license)]
    for i, (name, claim) in enumerate(claims):
        if claim != LicenseClaim():
            fields = {"annotationType": "other", "subject": export.id, "statement": _said(name, claim)}
            yield _element(export.part_id(f"claim {i}"), "Annotation", fields)


def _said(name: str, claim: LicenseClaim) -> str:
    evidence = claim.evidence
    original = f", as {claim.original!r}" if claim.original else ""
    # The digest is that of the document that was read, which may be a catalogue that only names the address.
    source = f"address {asserted(evidence.url)}, fetched {asserted(evidence.fetched_at)}"
    document = f"document {asserted(evidence.snapshot)}, {asserted(evidence.sha256)}"
    return f"licence {name}: {asserted(claim.value)}{original}; by {asserted(claim.by)}; {source}; {document}"


def _ancestors(export: Export) -> Iterator[dict[str, Any]]:
    for i, name in enumerate(export.version.dataset.derived_from):
        ancestor = export.part_id(f"ancestor {i}")
        # An element of type Artifact does not exist; a bare package says only what is known: the name.
        yield _element(ancestor, "software_Package", {"name": name, "software_primaryPurpose": "data", "comment": "Known here by its name only"})
        yield _relation(export, "descendantOf", to=[ancestor], key=str(i))


def _generators(export: Export) -> Iterator[dict[str, Any]]:
    for i, generator in enumerate(export.version.dataset.generators):
        supplier, model = export.part_id(f"provider {i}"), export.part_id(f"generator {i}")
        yield _element(supplier, "Organization" if stated(generator.provider) else "Agent", {"name": asserted(generator.provider)})
        yield _element(model, "ai_AIPackage", _model(generator, supplier, export))
        # A model that only labelled did not generate the dataset; the standard has no word for what it did.
        labelled = generator.is_labeller
        relation = _relation(export, "other" if labelled else "generates", source=model, to=[export.id], key=f"model {i}")
        yield {**relation, "comment": "labels"} if labelled else relation


def _model(generator: Generator, supplier: str, export: Export) -> dict[str, Any]:
    days = f"{asserted(generator.generated.start)} to {asserted(generator.generated.end)}"
    use = f"role {generator.role}; channel {asserted(generator.channel)}; region {asserted(generator.region)}; used on days {days}"
    use = f"{use}; prompts from {asserted(generator.prompt_source)}"
    return {
        "name": asserted(generator.model),
        "suppliedBy": supplier,
        "software_packageVersion": asserted(generator.model),
        "software_primaryPurpose": "model",
        "software_downloadLocation": export.part_id(f"model {generator.provider} {generator.model}"),
        "releaseTime": export.version.created,
        "comment": f"{use}. Not known, and filled as the profile demands: releaseTime, software_downloadLocation",
    }
