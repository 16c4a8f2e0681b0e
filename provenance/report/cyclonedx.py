"""An audit as CycloneDX 1.7: the model, the datasets it is trained on, and ``declarations``: what was claimed, what speaks for and against it, and who signs.

The datasets are described by the code of ``provenance export``. Each rule of the policy is a requirement of a standard of ours, each is attested with how far it is met;
a rule's claim has its satisfied subjects as reasoning and its open findings as counter-evidence. Source: https://cyclonedx.org/docs/1.7/json/.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provenance.audit.impact import IssuedClearance
from provenance.exchange import export_cyclonedx
from provenance.exchange.export_facts import FACTS_NAME, NAMESPACE
from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord, PolicyUsed, RuleUsed
from provenance.model.finding import Finding
from provenance.report.datasets_of import exports_of, totals_of, unicode_record
from provenance.report.record_json import render_value
from provenance.report.standing import Standing, afterwards
from provenance.report.wording import clip

_LONGEST = 1_000
_SHOWN = 50
"""Open findings of a rule that are evidence by themselves; the others are counted in the claim's reasoning."""


@dataclass(frozen=True, slots=True)
class CycloneDxReport:
    """Writes the audit as a bill of materials with declarations."""

    name: str = "cyclonedx"
    file_name: str = "audit.cdx.json"
    suffix: str = ".cdx.json"
    clearances: tuple[IssuedClearance, ...] | None = None
    """Clearances of the audit, oldest first; ``None`` where nobody looked."""
    is_compared: bool = True
    """Whether a workspace keeps the record; a record file that none keeps is believed as it stands, and the document says so."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document.

        Raises:
            ReportError: If the record tells no time, or holds what JSON cannot express.
        """
        plain = unicode_record(replace(record, evidence=(), shards=()))
        return render_value(document(plain, Standing.of(self.clearances, is_compared=self.is_compared)), where=f"audit record {record.id[:19]}")


def document(record: AuditRecord, standing: Standing) -> dict[str, Any]:
    """Return the document as JSON values."""
    found = export_cyclonedx.document(exports_of(record, form="CycloneDX"))
    for component, summary in zip(found["components"], record.datasets, strict=True):
        own = [p for p in component.get("properties", ()) if p["name"] != FACTS_NAME]  # whole facts would promise the shards too
        component["properties"] = own + [{"name": name, "value": value} for name, value in totals_of(summary)]
        component["hashes"] = [{"alg": "SHA-256", "content": summary.root_digest.removeprefix("sha256:")}]
    found["serialNumber"] = f"urn:uuid:{_key(record, 'document')}"
    found["metadata"]["timestamp"] = record.created
    found["metadata"]["component"] = _model(record, [c["bom-ref"] for c in found["components"]], afterwards(record, standing))
    found["compositions"] = [{"aggregate": "incomplete", "assemblies": [c["bom-ref"]]} for c in found["components"]]
    found["dependencies"] = [{"ref": _ref(record, "model"), "dependsOn": [c["bom-ref"] for c in found["components"]]}]
    found["definitions"] = {"standards": [_standard(record, p) for p in record.policy]}
    found["declarations"] = _declarations(record, standing)
    return found


def _key(record: AuditRecord, part: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, f"audit\n{record.id}\n{part}")


def _ref(record: AuditRecord, part: str) -> str:
    return f"urn:uuid:{_key(record, part)}"


def _model(record: AuditRecord, datasets: Sequence[str], since: Sequence[str]) -> dict[str, Any]:
    model = record.run.model
    base = (
        []
        if model.base is None or is_absent(model.base) or model.base == "none"
        else [{"type": "machine-learning-model", "name": clip(model.base, 200)}]
    )
    return {
        "type": "machine-learning-model",
        "bom-ref": _ref(record, "model"),
        "name": clip(model.name, 200),
        **({"pedigree": {"ancestors": base}} if base else {}),
        "modelCard": {"modelParameters": {"datasets": [{"ref": ref} for ref in datasets]}},
        "properties": [
            {"name": "provenance:verdict", "value": record.verdict.value},
            {"name": "provenance:audit", "value": record.id},
            {"name": "provenance:manifestRoot", "value": record.manifest_root},
            {"name": "provenance:runDigest", "value": record.run.digest},
            {"name": "provenance:termsCatalog", "value": f"{record.terms_catalog_version} {record.terms_catalog_digest}"},
            {"name": "provenance:logHead", "value": record.log_head},
            *({"name": "provenance:sinceTheVerdict", "value": line} for line in since),
        ],
    }


def _standard(record: AuditRecord, policy: PolicyUsed) -> dict[str, Any]:
    return {
        "bom-ref": _ref(record, f"policy {policy.bundle}"),
        "name": clip(policy.bundle, 200),
        "version": clip(policy.version, 60),
        "owner": "the bundle's author",
        "description": f"policy bundle {policy.digest}",
        "requirements": [
            {
                "bom-ref": _rule(record, policy, rule),
                "identifier": clip(rule.id, 60),
                "title": clip(rule.title, 300),
                "text": f"for each {rule.for_each}: {clip(rule.require, _LONGEST)}; else {rule.action.value}",
            }
            for rule in policy.rules
        ],
    }


def _rule(record: AuditRecord, policy: PolicyUsed, rule: RuleUsed) -> str:
    return _ref(record, f"rule {policy.bundle} {rule.id}")


def _declarations(record: AuditRecord, standing: Standing) -> dict[str, Any]:
    then = ", then revoked" if standing.taken_back is not None else ""
    since = "".join(f" {line}" for line in afterwards(record, standing))
    open_findings = [f for f in record.findings if f.is_open]
    rules = [(policy, rule) for policy in record.policy for rule in policy.rules]
    return {
        "assessors": [{"bom-ref": _ref(record, "assessor"), "thirdParty": False, "organization": {"name": f"provenance {record.tool.version}"}}],
        "attestations": [
            {
                "summary": f"{record.verdict.value}{then}: what an audit of exactly these bytes found",
                "assessor": _ref(record, "assessor"),
                "map": [_mapped(record, policy, rule, open_findings) for policy, rule in rules],
            }
        ],
        "claims": [_claim(record, policy, rule, open_findings) for policy, rule in rules],
        "evidence": [*_of_record(record), *(_evidence(record, f) for policy, rule in rules for f in _of(rule, open_findings)[:_SHOWN])],
        "targets": {"components": [{"type": "machine-learning-model", "bom-ref": _ref(record, "target"), "name": clip(record.run.model.name, 200)}]},
        "affirmation": {
            "statement": f"An audit states; a clearance is signed. This record ({record.id}) is signed by nobody.{since} What was not checked: "
            + clip("; ".join(record.limits) or "nothing is listed", _LONGEST),
        },
    }


def _of(rule: RuleUsed, findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.rule == rule.id]


def _mapped(record: AuditRecord, policy: PolicyUsed, rule: RuleUsed, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return how far a rule is met: the share of what it was judged for that satisfies it, or to which it does not apply."""
    fine = rule.satisfied + rule.not_applicable
    against = _of(rule, findings)
    score = 1.0 if not rule.judged else fine / rule.judged
    return {
        "requirement": _rule(record, policy, rule),
        ("counterClaims" if against else "claims"): [_claim_ref(record, policy, rule)],
        "conformance": {
            "score": min(score, 1.0) if not against else min(score, 0.999999),
            "rationale": f"{rule.satisfied} satisfied, {rule.violated} violated, {rule.unknown} not known, {rule.not_applicable} not applicable, of {rule.judged}",
        },
    }


def _claim_ref(record: AuditRecord, policy: PolicyUsed, rule: RuleUsed) -> str:
    return _ref(record, f"claim {policy.bundle} {rule.id}")


def _claim(record: AuditRecord, policy: PolicyUsed, rule: RuleUsed, findings: Sequence[Finding]) -> dict[str, Any]:
    against = _of(rule, findings)
    waived = sum(f.waiver is not None for f in record.findings if f.rule == rule.id)
    count = sum(f.size for f in against)
    said = "is not met" if against else "is met"
    return {
        "bom-ref": _claim_ref(record, policy, rule),
        "target": _ref(record, "target"),
        "predicate": f"{rule.id} of {policy.bundle} {said}: {clip(rule.title, 300)}",
        "reasoning": f"{rule.judged} judged, {count} open findings, {waived} waived"
        + (f"; the first {_SHOWN} are listed" if len(against) > _SHOWN else ""),
        "evidence": [_ref(record, "evidence")],
        **({"counterEvidence": [_ref(record, f"finding {f.id}") for f in against[:_SHOWN]]} if against else {}),
    }


def _of_record(record: AuditRecord) -> Iterator[dict[str, Any]]:
    yield {
        "bom-ref": _ref(record, "evidence"),
        "propertyName": "audit record",
        "description": f"audit {record.id} over the facts {record.facts_digest}, {record.totals.shards_judged} shards judged of {record.totals.shards_named}",
        "created": record.created,
    }


def _evidence(record: AuditRecord, finding: Finding) -> dict[str, Any]:
    quotes = "; ".join(f'{c.terms} {c.clause}: "{c.quote}" ({c.source})' for c in finding.clauses[:2])
    return {
        "bom-ref": _ref(record, f"finding {finding.id}"),
        "propertyName": f"{finding.rule} {finding.outcome.value}",
        "description": clip(f"{finding.message}. {quotes}".rstrip(". ") + ".", 2 * _LONGEST),
        "created": record.created,
    }
