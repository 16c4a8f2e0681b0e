"""The datasets of an audit as Croissant 1.1, one document each, with what the audit found of it (by the code of ``provenance export``).

What the audit counted and judged stands under ``provenance:audit`` and ``provenance:finding``, and in words under ``rai:dataLimitations``, which readers of
Croissant show. Source: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, croissant-rai-spec.html.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provenance.errors import ReportError
from provenance.exchange import export_croissant
from provenance.exchange.export_facts import FACTS_NAME
from provenance.exchange.export_words import NOT_KNOWN
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.finding import Finding
from provenance.report.datasets_of import exports_of, totals_of, unicode_record
from provenance.report.record_json import render_value
from provenance.report.wording import clip, count

SUFFIX = ".croissant.json"
_SHOWN = 200
"""Findings of a dataset that its document lists; the others are counted."""
_LONGEST = 1_000
_NAME_CHARS = 60
_UNSAFE = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class CroissantReport:
    """Writes a document a dataset."""

    name: str = "croissant"

    def file_names(self, record: AuditRecord) -> tuple[str, ...]:
        """Return the names of the files, in the order of the record's datasets."""
        made: dict[str, None] = {}
        for summary in record.datasets:
            name, number = _stem(summary), 1
            while name + SUFFIX in made:
                number += 1
                name = f"{_stem(summary)}-{number}"
            made[name + SUFFIX] = None
        return tuple(made)

    def render(self, record: AuditRecord) -> Mapping[str, bytes]:
        """Return file name → bytes.

        Raises:
            ReportError: If the record names no dataset, tells no time, or holds what JSON cannot express.
        """
        where = f"audit record {record.id[:19]}"
        if not record.datasets:
            raise ReportError(f"{where}: names no dataset, and a Croissant document describes one")
        return {name: render_value(made, where=where) for name, made in zip(self.file_names(record), documents(record), strict=True)}


def _stem(summary: DatasetSummary) -> str:
    """Return a file name for a dataset; where its own name is none, or differs from another one by case alone on some disks, with a digest."""
    name = summary.dataset.name
    safe = _UNSAFE.sub("-", name.casefold())[:_NAME_CHARS].strip(".-") or "dataset"
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def documents(record: AuditRecord) -> list[dict[str, Any]]:
    """Return the documents as JSON values, in the order of the record's datasets.

    Raises:
        ReportError: If the record tells no time.
    """
    found: dict[str, list[Finding]] = {}
    for finding in record.findings:
        found.setdefault(finding.dataset, []).append(finding)
    own = [found.get(summary.dataset.name, []) for summary in record.datasets]
    plain = unicode_record(replace(record, findings=(), evidence=()))  # what exports are made of; findings may be many
    exports = exports_of(plain, form="Croissant", with_shards=True)
    return [
        _document(plain, summary, findings, export_croissant.document(export))
        for summary, findings, export in zip(plain.datasets, own, exports, strict=True)
    ]


def _document(record: AuditRecord, summary: DatasetSummary, own: Sequence[Finding], found: dict[str, Any]) -> dict[str, Any]:
    del found[FACTS_NAME]  # whole facts would promise shards that the record does not tell all of
    if summary.dataset.title:  # what imports the document must find the dataset under the name that the audit judged
        found |= {"name": summary.dataset.name, "alternateName": summary.dataset.title}
    found["distribution"] = _listed(record, summary, found["distribution"]) or [_unlisted(summary)]
    found["provenance:audit"] = [_property(name, value) for name, value in (*_judged(record), *totals_of(summary))]
    found["provenance:finding"] = [_property(f"{f.rule} {f.action.value} {_state(f)}", clip(f.message, _LONGEST)) for f in own[:_SHOWN]]
    found["rai:dataLimitations"] = [_summary(record, own), *(f"A limit of this audit: {clip(limit, _LONGEST)}" for limit in record.limits)]
    return {key: value for key, value in found.items() if value != []}


def _listed(record: AuditRecord, summary: DatasetSummary, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the listed files with what the audit found of each, in the place of facts of the registry that no record holds."""
    shards = {s.path: s for s in record.shards if s.dataset == summary.dataset.name}
    for file in files:
        if file["@type"] != "cr:FileObject":
            continue
        shard = shards[file["name"]]
        counted = [(name, getattr(shard, name)) for name in ("state", "records", "words", "alarms", "matched_words")]
        file["provenance:fact"] = [_property(name, NOT_KNOWN if value is None else str(value)) for name, value in counted]
    return files


def _unlisted(summary: DatasetSummary) -> dict[str, Any]:
    """Return what stands for shards of which the record does not list all."""
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "description": f"{count(summary.shards, 'shard')}, not listed one by one: the Merkle root over all of them is {summary.root_digest}",
        "contentSize": f"{summary.size_bytes} B",
        "encodingFormat": "application/octet-stream",
        "includes": "**",
    }


def _judged(record: AuditRecord) -> list[tuple[str, str]]:
    return [
        ("provenance:auditId", record.id),
        ("provenance:audited", record.created),
        ("provenance:model", record.run.model.name),
        ("provenance:verdictOnTheRun", record.verdict.value),
        ("provenance:manifestRoot", record.manifest_root),
        *(("provenance:policy", f"{p.bundle} {p.version} {p.digest}") for p in record.policy),
    ]


def _state(finding: Finding) -> str:
    return "waived" if finding.waiver is not None else "open" if finding.is_open else "closed"


def _summary(record: AuditRecord, own: Sequence[Finding]) -> str:
    """Return what the audit found of the dataset, in words."""
    said = f"Audit {record.id} of {record.created} judged this dataset for the training of {clip(record.run.model.name, 200)}: "
    for name, found in (("open", [f for f in own if f.is_open]), ("waived", [f for f in own if f.waiver is not None])):
        rules: Counter[str] = Counter()
        for finding in found:
            rules[f"{finding.rule} {clip(finding.title, 200)}"] += finding.size
        parts = "; ".join(f"{rule} ({number})" for rule, number in sorted(rules.items()))
        said += count(sum(rules.values()), f"{name} finding") + (f": {parts}. " if parts else ". ")
    rest = len(own) - _SHOWN
    return said + f"The verdict on the whole run is {record.verdict.value}." + (f" {rest} more findings are in audit.json." if rest > 0 else "")


def _property(name: str, value: str) -> dict[str, str]:
    return {"@type": "sc:PropertyValue", "name": name, "value": value}
