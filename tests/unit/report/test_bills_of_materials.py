"""The audit as CycloneDX and SPDX: valid by the published schemas and by another reader, with the record's own numbers, whatever the data hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provenance.errors import ReportError
from provenance.exchange.export_check import check_document
from provenance.model.audit import AuditRecord
from provenance.report.cyclonedx import CycloneDxReport
from provenance.report.spdx import SpdxReport
from tests.fakes.records import blocked_record, cleared_record, hostile_record, huge_record, review_record

RECORDS = (blocked_record, review_record, cleared_record)
HUGE = pytest.param(huge_record, marks=pytest.mark.full)
MOMENT = "2026-11-24T04:12:09Z"


def hostile() -> AuditRecord:
    """Return the record full of hostile text with a time: without one, machine formats refuse it."""
    return replace(hostile_record(), created=MOMENT)


@pytest.mark.parametrize("make", [*RECORDS, hostile, HUGE])
def test_cyclonedx_is_valid_by_its_schema_and_by_another_reader(make: Callable[[], AuditRecord]) -> None:
    raw = CycloneDxReport().render(make())
    assert check_document("cyclonedx", raw) == []
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(raw.decode()) is None


@pytest.mark.parametrize("make", [*RECORDS, hostile, HUGE])
def test_spdx_is_valid_by_its_schema_and_the_rules_beside_it(make: Callable[[], AuditRecord]) -> None:
    assert check_document("spdx", SpdxReport().render(make())) == []


def test_declarations_speak_for_and_against_as_the_audit_found() -> None:
    record = blocked_record()
    found = json.loads(CycloneDxReport().render(record))
    said = found["declarations"]
    evidence = {e["bom-ref"]: e for e in said["evidence"]}
    against = {c["predicate"].split()[0]: len(c.get("counterEvidence", ())) for c in said["claims"]}
    open_by_rule = {r.id: sum(f.rule == r.id and f.is_open for f in record.findings) for p in record.policy for r in p.rules}
    assert against == {rule: min(n, 50) for rule, n in open_by_rule.items()}
    assert sum(open_by_rule.values()) > 0
    assert all(ref in evidence for c in said["claims"] for ref in (*c.get("counterEvidence", ()), *c["evidence"]))
    requirements = {q["bom-ref"]: q["identifier"] for s in found["definitions"]["standards"] for q in s["requirements"]}
    for entry in said["attestations"][0]["map"]:
        rule = requirements[entry["requirement"]]
        assert ("counterClaims" in entry) == (open_by_rule[rule] > 0)
        assert (entry["conformance"]["score"] < 1) == (open_by_rule[rule] > 0)
    assert found["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"] == [{"ref": c["bom-ref"]} for c in found["components"]]


def test_no_document_promises_shards_that_the_record_does_not_list() -> None:
    record = blocked_record()
    cyclone, spdx = CycloneDxReport().render(record).decode(), SpdxReport().render(record).decode()
    assert "provenance:facts" not in cyclone + spdx
    assert {c["aggregate"] for c in json.loads(cyclone)["compositions"]} == {"incomplete"}
    for summary in record.datasets:
        assert summary.root_digest in cyclone
        assert summary.root_digest in spdx


def test_the_spdx_model_is_trained_on_every_dataset() -> None:
    record = blocked_record()
    graph = json.loads(SpdxReport().render(record))["@graph"]
    model = next(e for e in graph if e["type"] == "ai_AIPackage" and e["name"] == record.run.model.name)
    datasets = {e["spdxId"] for e in graph if e["type"] == "dataset_DatasetPackage"}
    relation = next(e for e in graph if e.get("relationshipType") == "trainedOn" and e["from"] == model["spdxId"])
    assert (set(relation["to"]), len(datasets)) == (datasets, len(record.datasets))


@pytest.mark.parametrize("form", [CycloneDxReport(), SpdxReport()])
def test_a_record_without_a_time_is_refused_in_words(form: CycloneDxReport | SpdxReport) -> None:
    with pytest.raises(ReportError, match="is no time"):
        form.render(replace(blocked_record(), created="yesterday"))
