"""What an audit is called: a digest of what was judged and found, which anybody who holds the record can compute again."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.canonical import digest_of
from provenance.model.audit import AuditRecord
from provenance.model.wire import to_wire


def audit_id(record: AuditRecord) -> str:
    """Return the digest of what was judged and found; when, by which command and at which log head do not change it.

    Raises:
        ValueError: If a waiver holds what JSON cannot express.
    """
    digests = {w.id: digest_of(to_wire(w)) for w in record.waivers}
    return _id(record, licenses=True, waived=["" if f.waiver is None else digests.get(f.waiver, f.waiver) for f in record.findings])


def earlier_ids(record: AuditRecord) -> Iterator[str]:
    """Yield what earlier versions of this program would have called it: waivers by their ids, and before that without the licence catalogue."""
    waived = [f.waiver or "" for f in record.findings]
    yield _id(record, licenses=True, waived=waived)
    yield _id(record, licenses=False, waived=waived)


def _id(record: AuditRecord, *, licenses: bool, waived: list[str]) -> str:
    return digest_of(
        {
            "run": record.run.digest,
            "root": record.manifest_root,
            "facts": record.facts_digest,
            "policy": [p.digest for p in record.policy],
            "terms": record.terms_catalog_digest,
            **({"licenses": record.licenses_digest} if licenses else {}),
            "references": [r.digest for r in record.references],
            "findings": [f.id for f in record.findings],
            "waived": waived,
        }
    )
