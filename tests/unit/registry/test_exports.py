"""Every format: valid by its published schema, the same bytes twice, equal when read back, and no unknown fact written as a known one."""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import io
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from provenance.errors import ManifestError
from provenance.exchange import export_card, export_csv, export_cyclonedx, export_spdx
from provenance.exchange.export_check import SCHEMAS, check_document
from provenance.exchange.export_facts import Export, prepare, shard_line
from provenance.exchange.export_words import license_form
from provenance.exchange.exports import FORMATS, read_export
from provenance.model.absence import Absence, TriState
from provenance.model.dataset import (
    Dataset,
    DatasetVersion,
    DateRange,
    Evidence,
    Generator,
    LicenseClaim,
    LicenseFacts,
    LicensePart,
    Shard,
    ShardDigests,
    Source,
    SourceKind,
)
from provenance.model.details import Details, Modality, PersonalData, Rights
from provenance.model.wire import read_value, to_wire
from tests.fakes.values import full_version, shards, version

HOSTILE = "=cmd|' /C calc'!A0 <script>alert(1)</script> --- \n---\n# x [a](javascript:x) \u202e\x1b[2J \"'`$& {{x}} @id _:b"


def bare() -> DatasetVersion:
    """A dataset of which nothing is known but its name and its shards."""
    return version(Dataset(name="bare"), shards(2))


def unlisted() -> DatasetVersion:
    """A dataset that is known by its metadata alone: no shard, and the root of an empty tree (RFC 6962, section 2.1)."""
    return DatasetVersion(
        dataset=Dataset(name="unlisted"), root_digest=f"sha256:{hashlib.sha256().hexdigest()}", shards=(), created="2026-03-01T11:00:00Z"
    )


def hostile() -> DatasetVersion:
    """A dataset whose every text is an attack."""
    texts = _hostile(to_wire(full_version().dataset))
    dataset: Dataset = read_value(Dataset, texts)
    files = tuple(
        dataclasses.replace(s, path=f"{HOSTILE}/{i}.jsonl", licenses=(LicensePart(value=HOSTILE, original=HOSTILE, records=1),))
        for i, s in enumerate(shards(2))
    )
    return version(dataset, files)


def _hostile(value: Any, key: str = "") -> Any:
    """Replace all free text; words of enumerations stay."""
    fixed = {
        "kind",
        "obtained",
        "synthetic",
        "modalities",
        "signal",
        "honoured",
        "ongoing",
        "present",
        "sensitive",
        "copyright",
        "trademark",
        "patent",
    }
    if key in {*fixed, "public_domain"}:
        return value
    if isinstance(value, dict):
        return {k: _hostile(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_hostile(v, key) for v in value]
    return HOSTILE if isinstance(value, str) else value


VERSIONS = {"full": full_version, "bare": bare, "hostile": hostile, "unlisted": unlisted}


@pytest.fixture(params=sorted(VERSIONS))
def facts(request: pytest.FixtureRequest) -> DatasetVersion:
    return VERSIONS[request.param]()


@pytest.fixture(params=sorted(FORMATS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def written(name: str, *versions: DatasetVersion) -> bytes:
    if name == "csv":
        return b"".join(export_csv.render([(prepare(v, max_inline=0), functools.partial(getattr, v, "shards")) for v in versions]))
    return FORMATS[name].render([prepare(v) for v in versions])


def parsed(name: str, raw: bytes) -> Any:
    return FORMATS[name].parse(raw.decode())


def test_every_export_is_valid(name: str, facts: DatasetVersion) -> None:
    assert check_document(name, written(name, facts)) == []


def test_what_is_read_back_is_equal(facts: DatasetVersion) -> None:
    for name in (*FORMATS, "csv"):
        assert read_export(name, written(name, facts), where=name) == (facts,), name


@pytest.mark.parametrize("name", ["spdx", "cyclonedx", "csv"])
def test_several_datasets_in_one_document_are_read_back_equal(name: str) -> None:
    versions = (full_version("a"), full_version("b"), bare(), hostile())
    raw = written(name, *versions)
    assert read_export(name, raw, where=name) == versions
    if name != "csv":
        assert check_document(name, raw) == []


def test_the_same_facts_make_the_same_bytes(facts: DatasetVersion) -> None:
    """Whatever the order that mappings came in: the facts are made again from shuffled ones."""
    again: DatasetVersion = read_value(DatasetVersion, _shuffled(to_wire(facts)))
    for name in (*FORMATS, "csv"):
        assert written(name, again) == written(name, facts) == written(name, facts), name


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value)
        random.Random(7).shuffle(keys)
        return {k: _shuffled(value[k]) for k in keys}
    return [_shuffled(v) for v in value] if isinstance(value, list) else value


def test_other_facts_make_other_ids() -> None:
    one, other = prepare(full_version()), prepare(full_version("other"))
    assert one.id != other.id
    assert one.id == prepare(full_version()).id
    assert one.id.startswith("urn:uuid:")
    assert one.id[len("urn:uuid:") + 14] == "5"  # RFC 9562: the version digit


# Nothing unknown is written as known.


def test_spdx_says_no_assertion_and_none() -> None:
    facts = LicenseFacts(declared=LicenseClaim(value=Absence.NOT_STATED.value), concluded=LicenseClaim(value=Absence.UNREADABLE.value))
    graph = parsed("spdx", written("spdx", version(Dataset(name="d", license=facts), shards(1))))["@graph"]
    found = {e["relationshipType"]: e["to"] for e in graph if e["type"] == "Relationship" and e["relationshipType"].endswith("License")}
    assert found == {"hasDeclaredLicense": ["expandedlicensing_NoneLicense"], "hasConcludedLicense": ["expandedlicensing_NoAssertionLicense"]}
    package = next(e for e in graph if e["type"] == "dataset_DatasetPackage")
    assert package["dataset_hasSensitivePersonalInformation"] == "noAssertion"
    assert package["dataset_datasetType"] == ["noAssertion"]
    assert "releaseTime, builtTime, software_downloadLocation" in package["comment"]


def test_cyclonedx_names_both_licences_also_where_none_is_known() -> None:
    component = parsed("cyclonedx", written("cyclonedx", bare()))["components"][0]
    said = [(entry["license"]["name"], entry["license"]["acknowledgement"]) for entry in component["licenses"]]
    assert said == [("NOASSERTION", "declared"), ("NOASSERTION", "concluded")]


def test_croissant_marks_what_it_had_to_fill() -> None:
    document = parsed("croissant", written("croissant", bare()))
    assert document["license"] == "NOASSERTION"
    assert document["creator"] == [{"@type": "sc:Organization", "name": "NOASSERTION"}]
    assert document["provenance:placeholders"] == ["creator", "datePublished", "url"]
    assert parsed("croissant", written("croissant", full_version()))["provenance:placeholders"] == ["creator.@type"]


def test_dta_leaves_out_what_a_boolean_cannot_say() -> None:
    unknown = parsed("dta", written("dta", bare()))
    assert "classification" not in unknown["use"]
    assert "copyright" not in unknown["use"]
    assert unknown["use"]["license"] == ["NOASSERTION"]
    assert unknown["use"]["intended-purpose"] == [{"code": "NOASSERTION", "description": "not stated"}]
    people = PersonalData(present=TriState.NO, sensitive=TriState.YES)
    known = version(Dataset(name="d", details=Details(personal_data=people, rights=Rights(copyright=TriState.NO))), shards(1))
    document = parsed("dta", written("dta", known))
    # 4.5.5 asks whether it was evaluated, 4.3.1 whether such data are in it: false would deny the one or the other.
    assert document["use"]["classification"] == [{"regulation": {"code": "spi"}, "evaluated": True}]
    assert {"name": "personal_data.present", "value": "NO"} in document["x-provenance"]["stated"]
    assert document["use"]["copyright"] == ["no"]


def test_files_that_nobody_listed_are_not_said_to_be_none() -> None:
    """Of a dataset known by its metadata alone, sums over no files are 0: as a size, a count or a class they would be false."""
    tags = ("size_categories:100M<n<1B", "size_categories:huge", "multilinguality:multilingual")
    facts = dataclasses.replace(unlisted(), dataset=Dataset(name="c4", tags=tags))
    card = parsed("hf-card", written("hf-card", facts))
    assert (card["size_categories"], card["multilinguality"]) == (["100M<n<1B"], ["multilingual"])
    assert "**Files**" not in written("hf-card", facts).decode()
    package = next(e for e in parsed("spdx", written("spdx", facts))["@graph"] if e["type"] == "dataset_DatasetPackage")
    assert "dataset_datasetSize" not in package
    assert "verifiedUsing" not in package
    said = {p["extension_cdxPropName"]: p["extension_cdxPropValue"] for p in package["extension"][0]["extension_cdxProperty"]}
    assert said["provenance:shards"].startswith("NOASSERTION")
    assert not {"provenance:records", "provenance:size_bytes", "provenance:root_digest"} & set(said)
    document = parsed("cyclonedx", written("cyclonedx", facts))
    assert document["compositions"][0]["aggregate"] == "unknown"
    assert not {"provenance:records", "provenance:size_bytes"} & {p["name"] for p in document["components"][0]["properties"]}


def test_only_files_that_were_read_are_called_complete_or_analysed() -> None:
    read = version(Dataset(name="d"), shards(2))
    for facts, whole in ((read, True), (dataclasses.replace(read, digests=ShardDigests.DECLARED), False), (unlisted(), False)):
        aggregate = parsed("cyclonedx", written("cyclonedx", facts))["compositions"][0]["aggregate"]
        bom = next(e for e in parsed("spdx", written("spdx", facts))["@graph"] if e["type"] == "software_Sbom")
        assert (aggregate == "complete", "software_sbomType" in bom) == (whole, whole)


def test_labels_by_a_model_do_not_make_the_text_machine_generated() -> None:
    labelled = Dataset(name="d", generators=(Generator(role="label"),))
    card = parsed("hf-card", written("hf-card", version(labelled, shards(1))))
    assert "language_creators" not in card
    assert card["annotations_creators"] == ["machine-generated"]
    made = dataclasses.replace(labelled, synthetic=TriState.YES)
    assert parsed("hf-card", written("hf-card", version(made, shards(1))))["language_creators"] == ["machine-generated"]


def test_publishers_and_owners_are_called_no_more_than_that() -> None:
    details = Details(creators=("A. Person",))
    facts = version(Dataset(name="d", owner="B. Person", details=details), shards(1))
    component = parsed("cyclonedx", written("cyclonedx", facts))["components"][0]
    assert "supplier" not in component
    assert component["data"][0]["governance"] == {"owners": [{"contact": {"name": "B. Person"}}]}
    graph = parsed("spdx", written("spdx", facts))["@graph"]
    assert [e["type"] for e in graph if e.get("name") == "A. Person"] == ["Agent"]
    published = version(Dataset(name="d", details=Details(publisher="A shop")), shards(1))
    assert parsed("croissant", written("croissant", published))["creator"][0]["name"] == "NOASSERTION"


def test_a_crawl_of_unknown_content_is_not_called_one_of_texts() -> None:
    def code_of(kind: SourceKind, *modalities: Modality) -> str:
        facts = version(Dataset(name="d", source=Source(kind=kind), details=Details(modalities=modalities)), shards(1))
        return str(parsed("dta", written("dta", facts))["provenance"]["generation-method"][0]["code"])

    assert code_of(SourceKind.WEB_CRAWL) == "other-na"
    assert code_of(SourceKind.WEB_CRAWL, Modality.TEXT, Modality.IMAGE) == "other-na"
    assert code_of(SourceKind.WEB_CRAWL, Modality.TEXT) == "web-scraping-crawling-textual"
    assert code_of(SourceKind.USER_DATA) == "other-na"
    assert code_of(SourceKind.UNKNOWN) == "NOASSERTION"


def test_the_last_day_of_a_licence_belongs_to_the_licence_that_holds() -> None:
    facts = LicenseFacts(declared=LicenseClaim(value="MIT"), concluded=LicenseClaim(value="CC0-1.0"), expires="2027-12-31")
    declared, concluded = parsed("cyclonedx", written("cyclonedx", version(Dataset(name="d", license=facts), shards(1))))["components"][0]["licenses"]
    assert "licensing" not in declared
    assert concluded["licensing"]["expiration"] == "2027-12-31T23:59:59Z"


def test_the_digest_of_a_card_is_not_that_of_the_address_it_names() -> None:
    evidence = Evidence(url="https://example.org/LICENSE", sha256="sha256:" + "a" * 64, snapshot="d/README.md")
    fetched = dataclasses.replace(evidence, fetched_at="2026-01-02")
    for source, hashed in ((evidence, False), (fetched, True)):
        dataset = Dataset(name="d", license=LicenseFacts(declared=LicenseClaim(value="MIT", by="card", evidence=source)))
        (reference,) = parsed("cyclonedx", written("cyclonedx", version(dataset, shards(1))))["components"][0]["externalReferences"]
        assert ("hashes" in reference) == hashed
        assert "read at" not in written("spdx", version(dataset, shards(1))).decode()


def test_a_last_day_alone_is_not_written_as_the_first() -> None:
    dataset = Dataset(name="d", source=Source(collected=DateRange(end="2024-05-31")))
    document = parsed("croissant", written("croissant", version(dataset, shards(1))))
    assert "rai:dataCollectionTimeframe" not in document
    assert {"@type": "sc:PropertyValue", "name": "source.collected.to", "value": "2024-05-31"} in document["provenance:fact"]


def test_a_card_says_unknown() -> None:
    assert parsed("hf-card", written("hf-card", bare()))["license"] == "unknown"


# Licences.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("MIT OR LicenseRef-own", "MIT OR LicenseRef-own"),
        ("NOT_STATED", "NONE"),
        ("UNKNOWN", "NOASSERTION"),
        ("UNREADABLE", "NOASSERTION"),
        ("", "NOASSERTION"),
        ("some house licence", "some house licence"),
    ],
)
def test_how_a_licence_is_written(value: str, text: str) -> None:
    assert license_form(value).text == text


def test_an_id_that_spdx_does_not_list_is_no_expression() -> None:
    assert license_form("llama3").other == "llama3"
    assert license_form("MIT AND LicenseRef-own").refs == ("LicenseRef-own",)


def test_own_licences_become_elements_of_spdx_without_their_text() -> None:
    evidence = Evidence(url="https://example.org/terms")
    declared = LicenseClaim(value="MIT AND LicenseRef-own", evidence=evidence)
    dataset = Dataset(name="d", license=LicenseFacts(declared=declared, concluded=LicenseClaim(value="house licence")))
    graph = parsed("spdx", written("spdx", version(dataset, shards(1))))["@graph"]
    customs = {e["name"]: e for e in graph if e["type"] == "expandedlicensing_CustomLicense"}
    assert sorted(customs) == ["LicenseRef-own", "house licence"]
    assert customs["LicenseRef-own"]["expandedlicensing_seeAlso"] == ["https://example.org/terms"]
    (expression,) = (e for e in graph if e["type"] == "simplelicensing_LicenseExpression")
    assert expression["simplelicensing_licenseExpression"] == "MIT AND LicenseRef-own"
    assert [c["value"] for c in expression["simplelicensing_customIdToUri"]] == [customs["LicenseRef-own"]["spdxId"]]


def test_a_card_has_the_hubs_identifiers() -> None:
    def license_of(value: str) -> Mapping[str, str]:
        facts = LicenseFacts(declared=LicenseClaim(value=value))
        return export_card.metadata(prepare(version(Dataset(name="d", license=facts), shards(1))))

    assert license_of("ODC-By-1.0")["license"] == "odc-by"
    assert license_of("CC-BY-SA-4.0")["license"] == "cc-by-sa-4.0"
    other = license_of("LicenseRef-own")
    assert (other["license"], other["license_name"]) == ("other", "LicenseRef-own")


@pytest.mark.parametrize(
    ("records", "size"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**12, "n>1T"), (10**15, "n>1T")]
)
def test_size_classes_of_the_hub(records: int, size: str) -> None:
    files = (dataclasses.replace(shards(1)[0], records=records),)
    assert export_card.metadata(prepare(version(Dataset(name="d"), files)))["size_categories"] == [size]


# What the crosswalk names is where it says.


def test_lineage_generators_and_people_are_in_every_json_format() -> None:
    raw = {name: written(name, full_version()).decode() for name in FORMATS}
    croissant, graph = json.loads(raw["croissant"]), json.loads(raw["spdx"])["@graph"]
    assert croissant["prov:wasDerivedFrom"][0]["name"] == "support-tickets"
    assert croissant["prov:wasAttributedTo"][0]["name"] == "openai gpt-4-0613"
    assert croissant["rai:dataCollectionTimeframe"] == ["2024-03-01T00:00:00Z", "2024-05-31T00:00:00Z"]
    assert croissant["isLiveDataset"] is False
    kinds = [e["relationshipType"] for e in graph if e["type"] == "Relationship"]
    assert kinds.count("descendantOf") == 1
    assert kinds.count("generates") == 1
    labels = next(e for e in graph if e.get("relationshipType") == "other")
    assert labels["comment"] == "labels"
    assert [e["name"] for e in graph if e["type"] == "ai_AIPackage"] == ["gpt-4-0613", "gpt-3.5-turbo"]
    component = json.loads(raw["cyclonedx"])["components"][0]
    assert [a["name"] for a in component["pedigree"]["ancestors"]] == ["support-tickets", "gpt-4-0613", "gpt-3.5-turbo"]
    assert component["licenses"][0]["licensing"]["expiration"] == "2027-12-31T23:59:59Z"
    dta = json.loads(raw["dta"])
    assert dta["provenance"]["generation-method"][0]["code"] == "machine-generated-mlops-generative"
    assert dta["use"]["classification"] == [{"regulation": {"code": "pii"}, "evaluated": True}]


def test_every_shard_has_its_digest() -> None:
    facts = full_version()
    wanted = {s.path: s.sha256.removeprefix("sha256:") for s in facts.shards}
    croissant = parsed("croissant", written("croissant", facts))["distribution"]
    assert {f["contentUrl"]: f["sha256"] for f in croissant} == wanted
    graph = parsed("spdx", written("spdx", facts))["@graph"]
    assert {e["name"]: e["verifiedUsing"][0]["hashValue"] for e in graph if e["type"] == "software_File"} == wanted
    component = parsed("cyclonedx", written("cyclonedx", facts))["components"][0]
    assert {c["name"]: c["hashes"][0]["content"] for c in component["components"]} == wanted


# More shards than a document lists.


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_shards_above_the_bound_stand_in_a_list_named_by_its_digest(name: str) -> None:
    facts = version(Dataset(name="big"), shards(7))
    export = prepare(facts, max_inline=6)
    raw = FORMATS[name].render([export])
    lines = [shard_line(s) for s in facts.shards]
    digest = hashlib.sha256(b"".join(lines)).hexdigest()
    assert export.shard_list is not None
    assert export.shard_list.name == f"{digest}.shards.jsonl"
    assert digest in raw.decode()
    assert check_document(name, raw) == []
    assert read_export(name, raw, where="x", lists=lambda _: lines) == (facts,)
    with pytest.raises(ManifestError, match="not at hand"):
        read_export(name, raw, where="x")
    with pytest.raises(ManifestError, match="is not the shard list"):
        read_export(name, raw, where="x", lists=lambda _: lines[:-1])


def test_at_the_bound_all_shards_are_listed() -> None:
    assert prepare(version(Dataset(name="d"), shards(6)), max_inline=6).shard_list is None


# Documents that were changed.


def test_a_changed_document_is_not_read_as_ours(name: str) -> None:
    raw = written(name, full_version()).decode()
    changed = raw.replace("Support chats", "Other chats", 1)
    assert changed != raw
    with pytest.raises(ManifestError, match="was changed after the export"):
        read_export(name, changed.encode(), where="x")


def test_a_key_that_stands_twice_is_refused() -> None:
    raw = written("croissant", full_version()).replace(b"{", b'{"license": "MIT",', 1)
    with pytest.raises(ManifestError, match="one key twice"):
        read_export("croissant", raw, where="x")


def test_a_changed_cell_is_named() -> None:
    raw = written("csv", full_version()).decode()
    with pytest.raises(ManifestError, match=r"x:2: license_declared was changed"):
        read_export("csv", raw.replace(",CC-BY-4.0,", ",CC0-1.0,", 1).encode(), where="x")


def test_facts_whose_shards_do_not_make_the_root_are_refused() -> None:
    facts = full_version()
    lie = dataclasses.replace(facts, root_digest="sha256:" + "0" * 64)
    for name in (*FORMATS, "csv"):
        with pytest.raises(ManifestError, match="not those of version"):
            read_export(name, written(name, lie), where="x")


def test_documents_of_others_hold_nothing_of_ours() -> None:
    for name, raw in (("croissant", b"{}"), ("spdx", b'{"@graph": [1, {"type": "dataset_DatasetPackage"}]}'), ("cyclonedx", b"[]"), ("dta", b"3")):
        assert read_export(name, raw, where="x") == ()
    assert read_export("hf-card", b"---\nlicense: mit\n---\n", where="x") == ()


@pytest.mark.parametrize("raw", [b"\xff", b"{", b'{"a":' * 5000, b"---\n[\n---\n", b""])
def test_broken_documents_are_told_in_a_sentence(name: str, raw: bytes) -> None:
    with pytest.raises(ManifestError, match=r"^x"):
        read_export(name, raw, where="x")


# The checks name what is missing.


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all keys."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(value, dict):
            yield (*path, key)
        yield from _places(inner, (*path, key))


def _without(document: Any, path: tuple[Any, ...]) -> Any:
    cut = copy.deepcopy(document)
    parent = cut
    for part in path[:-1]:
        parent = parent[part]
    del parent[path[-1]]
    return cut


REQUIRED = {
    "croissant": ["@context", "@type", "conformsTo", "description", "license", "name", "url", "creator", "datePublished", "distribution"],
    "dta": [
        "source", "provenance", "use", "source.version", "source.title", "source.id", "source.issuer", "source.description", "provenance.origin-geography",
        "provenance.date", "provenance.generation-method", "provenance.format", "use.intended-purpose",
    ],
    "cyclonedx": ["bomFormat", "specVersion", "serialNumber", "metadata", "components"],
    "hf-card": ["license", "pretty_name"],
}  # fmt: skip
"""From facts of the standards, not from our code: spec section 'Required' of Croissant 1.1, cardinalities of DPS 1.0.0, CycloneDX 1.7."""


@pytest.mark.parametrize(("form", "field"), [(form, field) for form, fields in REQUIRED.items() for field in fields])
def test_each_required_field_that_is_missing_is_named(form: str, field: str) -> None:
    document = parsed(form, written(form, full_version()))
    raw = json.dumps(_without(document, tuple(field.split("."))))
    raw = f"---\n{raw}\n---\n" if form == "hf-card" else raw
    assert [f for f in check_document(form, raw.encode()) if f.startswith(f"{field}: is required")] != []


@pytest.mark.parametrize("field", ["@id", "@type", "name", "contentUrl", "encodingFormat", "sha256"])
def test_each_required_field_of_a_file_in_croissant_is_named(field: str) -> None:
    document = parsed("croissant", written("croissant", full_version()))
    raw = json.dumps(_without(document, ("distribution", 1, field))).encode()
    assert f"distribution[1].{field}: is required" in check_document("croissant", raw)


DATASET_PROFILE = ["name", "builtTime", "originatedBy", "releaseTime", "software_downloadLocation", "software_primaryPurpose", "dataset_datasetType"]


@pytest.mark.parametrize("field", DATASET_PROFILE)
def test_each_property_that_the_dataset_profile_demands_is_named(field: str) -> None:
    document = parsed("spdx", written("spdx", bare()))
    place = next(i for i, e in enumerate(document["@graph"]) if e["type"] == "dataset_DatasetPackage")
    faults = export_spdx.missing(_without(document, ("@graph", place, field)))
    assert faults == [f"@graph[{place}].{field}: is required"]


@pytest.mark.parametrize("kind", ["hasDeclaredLicense", "hasConcludedLicense"])
def test_spdx_needs_exactly_one_licence_of_each_kind_though_its_schema_is_silent(kind: str) -> None:
    document = parsed("spdx", written("spdx", bare()))
    place = next(i for i, e in enumerate(document["@graph"]) if e.get("relationshipType") == kind)
    none = _without(document, ("@graph",))
    none["@graph"] = [e for i, e in enumerate(document["@graph"]) if i != place]
    assert any(f"exactly one relationship {kind}" in f for f in check_document("spdx", json.dumps(none).encode()))
    two = copy.deepcopy(document)
    two["@graph"].append({**document["@graph"][place], "spdxId": "urn:uuid:00000000-0000-5000-8000-000000000000"})
    assert any(f"exactly one relationship {kind}" in f for f in check_document("spdx", json.dumps(two).encode()))


def test_cyclonedx_needs_both_acknowledgements() -> None:
    document = parsed("cyclonedx", written("cyclonedx", bare()))
    del document["components"][0]["licenses"][1]
    assert export_cyclonedx.missing(document) == ["components[0].licenses: needs exactly one that is concluded"]


@pytest.mark.full
def test_the_whole_spdx_schema_as_published_agrees() -> None:
    """Element by element is a short cut: here the schema is applied as it is."""
    schema = Draft202012Validator(json.loads((SCHEMAS / "spdx-3.0.1.schema.json").read_text()))
    dataset = Dataset(
        name="d", generators=(Generator(),), derived_from=("e",), license=LicenseFacts(declared=LicenseClaim(value="MIT AND LicenseRef-x"))
    )
    document = parsed("spdx", written("spdx", version(dataset, shards(1))))
    assert list(schema.iter_errors(document)) == []
    document["@graph"][-1]["no-such-property"] = 1
    assert list(schema.iter_errors(document)) != []
    assert check_document("spdx", json.dumps(document).encode()) != []


def test_vendored_schemas_are_the_published_ones() -> None:
    readme = (SCHEMAS / "README.md").read_text()
    for file in sorted(SCHEMAS.glob("*.json")):
        assert f"| `{file.name}` |" in readme
        assert hashlib.sha256(file.read_bytes()).hexdigest() in readme


@pytest.mark.parametrize(("form", "pattern"), [("cyclonedx", "cyclonedx/examples/*-1.7.json"), ("dta", "dps/v1.0.0/instance_*.json")])
def test_published_samples_are_judged_as_their_names_say(shared: Path, form: str, pattern: str) -> None:
    """By the schema alone: the samples are no datasets, so that our own rules do not fit them."""
    files = sorted((shared / "fixtures").glob(pattern))
    assert files
    for file in files:
        ours = FORMATS[form].missing(json.loads(file.read_bytes()))
        faults = [f for f in check_document(form, file.read_bytes()) if f not in ours]
        assert bool(faults) == file.name.startswith("invalid"), (file.name, faults)


# Hostile text.


def test_no_cell_is_a_formula_nor_steers_a_terminal() -> None:
    import csv

    raw = written("csv", hostile()).decode()
    assert not any(c in raw for c in "\u202e\x1b")
    for row in csv.reader(io.StringIO(raw, newline="")):
        assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)
        assert all("\n" not in cell for cell in row)


def test_a_cards_metadata_end_where_ours_end_and_its_text_is_text() -> None:
    raw = written("hf-card", hostile()).decode()
    head, body = raw.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(head)["pretty_name"] == HOSTILE
    assert "<script>" not in body
    assert "](" not in body
    assert not any(c in body for c in "\u202e\x1b")
    assert [line for line in body.splitlines() if line.startswith("#")] == [
        f"# Dataset Card for {export_card.plain(HOSTILE)}", "## Licence", "## Source", "## Models that made or changed text", "## People",
        "## Everything else that is stated",
    ]  # fmt: skip


def test_half_a_character_is_told(name: str) -> None:
    with pytest.raises(ManifestError, match="half a character"):
        written(name, version(Dataset(name="d", title="a\ud800"), shards(1)))


def test_links_that_are_no_urls_are_not_written_as_urls() -> None:
    facts = version(Dataset(name="d", source=Source(kind=SourceKind.OTHER, url="see <the wiki>")), shards(1))
    assert parsed("croissant", written("croissant", facts))["url"].startswith("urn:uuid:")
    assert "externalReferences" not in parsed("cyclonedx", written("cyclonedx", facts))["components"][0]


def test_totals_do_not_know_what_one_shard_does_not_know() -> None:
    known, unknown = dataclasses.replace(shards(1)[0], records=3, words=4), dataclasses.replace(shards(2)[1], records=None, words=5)
    totals = prepare(version(Dataset(name="d"), (known, unknown))).totals
    assert (totals.shards, totals.records, totals.words) == (2, None, 9)


def test_csv_streams() -> None:
    """Shards are asked for while rows are written: none is kept."""
    seen = []

    def source() -> Iterator[Shard]:
        for shard in shards(5000):
            seen.append(shard.path)
            yield shard

    export: Export = prepare(version(Dataset(name="d"), shards(5000)), max_inline=0)
    parts = export_csv.render([(export, source)])
    next(parts)
    next(parts)
    assert 0 < len(seen) <= 1001
