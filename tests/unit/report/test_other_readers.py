"""What other programs make of our machine views: the standard's own classes, shapes and validators, with documents that they must refuse beside ours."""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provenance.errors import ManifestError
from provenance.exchange.own_exports import read_own
from provenance.model.audit import AuditRecord
from provenance.report.cyclonedx import CycloneDxReport
from provenance.report.spdx import SpdxReport
from tests.fakes.records import blocked_record, cleared_record, hostile_record, huge_record


def hostile() -> AuditRecord:
    """Return the record full of hostile text with a time: without one, machine formats refuse it."""
    return replace(hostile_record(), created="2026-11-24T04:12:09Z")


def loaded(name: str) -> Any:
    """Import a package that has no types, whatever it warns of itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


@pytest.mark.parametrize("make", [blocked_record, hostile], ids=lambda f: f.__name__)
def test_the_standards_own_classes_load_the_spdx_document(make: Callable[[], AuditRecord]) -> None:
    record = make()
    document = json.loads(SpdxReport().render(record))
    model, objects = loaded("spdx_python_model").load_data(document)
    assert objects.missing_ids <= {"https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement"}
    (rooted,) = objects.foreach_type("software_Sbom")
    ai = rooted.rootElement[0]
    assert isinstance(ai, model.ai_AIPackage)
    (trained,) = [r for r in objects.foreach_type("Relationship") if r.from_ is ai and r.relationshipType == model.RelationshipType.trainedOn]
    datasets = set(objects.foreach_type("dataset_DatasetPackage"))
    assert set(trained.to) == datasets
    assert len(datasets) == len(record.datasets)
    (verdict,) = [a for a in objects.foreach_type("Annotation") if a.subject is ai]
    t = record.totals
    assert f"{record.verdict.value}. Open findings: {t.deny} deny, {t.review} review, {t.warn} warn; {t.waived} waived." in verdict.statement


def test_the_standards_own_classes_refuse_a_wrong_word() -> None:
    document = json.loads(SpdxReport().render(cleared_record()))
    next(e for e in document["@graph"] if e["type"] == "Relationship")["relationshipType"] = "learntFrom"
    with pytest.raises(ValueError, match="learntFrom"):
        loaded("spdx_python_model").load_data(document)


@pytest.mark.full
@pytest.mark.parametrize("make", [blocked_record, cleared_record, huge_record, hostile], ids=lambda f: f.__name__)
def test_spdx_conforms_to_the_standards_shapes(make: Callable[[], AuditRecord], shared: Path) -> None:
    assert conforms(json.loads(SpdxReport().render(make())), shared / "fixtures/spdx3/schema")


@pytest.mark.full
@pytest.mark.parametrize("lost", ["creationInfo", "from", "relationshipType"])
def test_the_standards_shapes_refuse_what_lacks_a_part(lost: str, shared: Path) -> None:
    document = json.loads(SpdxReport().render(cleared_record()))
    del next(e for e in document["@graph"] if e["type"] == "Relationship")[lost]
    assert not conforms(document, shared / "fixtures/spdx3/schema")


def conforms(document: Any, schema: Path) -> bool:
    """Validate a document by SHACL, offline: with the context and the shapes of the standard."""
    rdflib, pyshacl = loaded("rdflib"), loaded("pyshacl")
    document["@context"] = json.loads((schema / "spdx-context.jsonld").read_text())["@context"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
        shapes = rdflib.Graph().parse(schema / "spdx-model.ttl", format="turtle")
        found, _, text = pyshacl.validate(graph, shacl_graph=shapes, ont_graph=shapes, inference="none")
    assert len(graph) > 10 * len(document["@graph"]), text
    return bool(found)


def test_the_strict_validator_of_cyclonedx_knows_1_7(shared: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_7)
    examples = sorted((shared / "fixtures/cyclonedx/examples").glob("*-1.7.json"))
    assert len(examples) > 8
    for path in examples:
        assert (validator.validate_str(path.read_text()) is None) == path.name.startswith("valid-"), path.name
    ours = json.loads(CycloneDxReport().render(blocked_record()))
    assert ours["specVersion"] == "1.7"
    ours["declarations"]["claims"][0]["reasons"] = "no such field"
    assert validator.validate_str(json.dumps(ours)) is not None


@pytest.mark.parametrize(("form", "name"), [(SpdxReport(), "spdx"), (CycloneDxReport(), "cyclonedx")], ids=["spdx", "cyclonedx"])
def test_our_import_takes_no_view_of_a_run_for_its_datasets(form: SpdxReport | CycloneDxReport, name: str, tmp_path: Path) -> None:
    path = tmp_path / form.file_name
    path.write_bytes(form.render(blocked_record()))
    with pytest.raises(ManifestError, match="only documents that provenance export wrote are read"):
        read_own(path, name, name=path.name)
