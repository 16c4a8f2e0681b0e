"""An audit as SPDX 3.0.1: the model as ``ai_AIPackage``, its datasets as ``dataset_DatasetPackage`` (by the code of ``provenance export``), joined by ``trainedOn``; the verdict as an annotation.

Source: https://spdx.github.io/spdx-spec/v3.0.1/.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from provenance.audit.impact import IssuedClearance
from provenance.exchange import export_spdx
from provenance.exchange.export_facts import FACTS_NAME, NAMESPACE
from provenance.model.audit import AuditRecord
from provenance.report.datasets_of import exports_of, totals_of, unicode_record
from provenance.report.record_json import render_value
from provenance.report.standing import Standing, afterwards
from provenance.report.wording import clip

_SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class SpdxReport:
    """Writes the audit as an SPDX document."""

    name: str = "spdx"
    file_name: str = "audit.spdx.json"
    suffix: str = ".spdx.json"
    clearances: tuple[IssuedClearance, ...] | None = None
    """Clearances of the audit, oldest first; ``None`` where nobody looked."""
    is_compared: bool = True
    """Whether a workspace keeps the record; a record file that none keeps is believed as it stands, and the document says so."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document.

        Raises:
            ReportError: If the record tells no time, or holds what JSON cannot express.
        """
        plain = unicode_record(replace(record, findings=(), evidence=(), shards=()))
        return render_value(document(plain, Standing.of(self.clearances, is_compared=self.is_compared)), where=f"audit record {record.id[:19]}")


def document(record: AuditRecord, standing: Standing) -> dict[str, Any]:
    """Return the document as JSON values."""
    exports = exports_of(record, form="SPDX")
    found = export_spdx.document(exports)
    graph: list[dict[str, Any]] = found["@graph"]
    info, agent = graph[0]["@id"], graph[1]["spdxId"]
    for element in graph:
        if element.get("type") == "dataset_DatasetPackage":
            summary = next(s for s, e in zip(record.datasets, exports, strict=True) if e.id == element["spdxId"])
            for extension in element.get("extension", ()):
                own = [p for p in extension["extension_cdxProperty"] if p["extension_cdxPropName"] != FACTS_NAME]
                counted = [_property(name, value) for name, value in totals_of(summary)]
                extension["extension_cdxProperty"] = own + counted
    model = _id(record, "model")
    graph += [
        {
            "spdxId": model,
            "type": "ai_AIPackage",
            "creationInfo": info,
            "name": clip(record.run.model.name, 200),
            "software_packageVersion": record.run.digest.removeprefix("sha256:"),
            "software_primaryPurpose": "model",
            "software_downloadLocation": "https://provenance-audit.dev/NOASSERTION",
            "suppliedBy": agent,
            "releaseTime": record.created,
        },
        {
            "spdxId": _id(record, "trained on"),
            "type": "Relationship",
            "creationInfo": info,
            "from": model,
            "relationshipType": "trainedOn",
            "to": [e.id for e in exports],
        },
        {
            "spdxId": _id(record, "verdict"),
            "type": "Annotation",
            "creationInfo": info,
            "annotationType": "review",
            "subject": model,
            "statement": _statement(record),
        },
        *(
            {
                "spdxId": _id(record, f"{i} {line}"),
                "type": "Annotation",
                "creationInfo": info,
                "annotationType": "review",
                "subject": model,
                "statement": line,
            }
            for i, line in enumerate(afterwards(record, standing))
        ),
    ]
    for element in graph:
        if element.get("type") == "software_Sbom":
            element["rootElement"] = [model, *element["rootElement"]]
    return found


def _property(name: str, value: str) -> dict[str, str]:
    return {"type": "extension_CdxPropertyEntry", "extension_cdxPropName": name, "extension_cdxPropValue": value}


def _id(record: AuditRecord, part: str) -> str:
    return f"urn:uuid:{uuid.uuid5(NAMESPACE, _SEPARATOR.join(('audit spdx', record.id, part)))}"


def _statement(record: AuditRecord) -> str:
    t = record.totals
    return (
        f"Audit {record.id}: {record.verdict.value}. Open findings: {t.deny} deny, {t.review} review, {t.warn} warn; {t.waived} waived. "
        f"{t.shards_judged} shards judged of {t.shards_named}, manifest {record.manifest_root}. Policy: "
        + ", ".join(f"{p.bundle} {p.version} {p.digest}" for p in record.policy)
    )
