"""Waivers in views for pipelines: what suppresses a result, and what no longer does (OASIS, SARIF 2.1.0, sections 3.27.23 and 3.35)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.model.audit import AuditRecord
from provenance.model.finding import Finding, Subject, Waiver
from provenance.report.wording import clip, visible

_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_ENDED = "On the day of the audit it did not hold"
_LONGEST = 2_000
"""Characters of a justification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waivers:
    """The waivers of an audit, as its day sees them."""

    by_id: Mapping[str, Waiver]
    by_subject: Mapping[tuple[str, Subject], Waiver]
    """Rule and subject → the waiver that ends last."""
    day: str
    """``YYYY-MM-DD``, UTC."""

    @classmethod
    def of(cls, record: AuditRecord) -> Waivers:
        """Return those of a record."""
        ordered = sorted(record.waivers, key=lambda w: (w.expires, w.id))
        return cls(by_id={w.id: w for w in ordered}, by_subject={(w.rule, w.subject): w for w in ordered}, day=record.created[:10])

    def holds(self, waiver: Waiver) -> bool:
        """Tell whether a waiver had not ended on the day of the audit; one of which that cannot be told has."""
        return bool(_DAY.fullmatch(waiver.expires) and _DAY.fullmatch(self.day)) and self.day <= waiver.expires

    def cover(self, finding: Finding) -> bool:
        """Tell whether a finding is waived by a waiver that the record holds and that had not ended."""
        waiver = None if finding.waiver is None else self.by_id.get(finding.waiver)
        return waiver is not None and self.holds(waiver)

    def count(self, finding: Finding) -> bool:
        """Tell whether a finding is open, or named as waived and covered by nothing: a view must not take that for mended."""
        return finding.is_open or (finding.waiver is not None and not self.cover(finding))


def suppressions(finding: Finding, waivers: Waivers) -> Iterator[dict[str, Any]]:
    """Yield the waiver of a finding: accepted where it held on the day of the audit. One that had ended, or that the record does not hold, suppresses nothing.

    A finding without a waiver has an empty list: it is known not to be suppressed (SARIF 2.1.0, section 3.27.23).
    """
    if finding.waiver is None:
        ended = waivers.by_subject.get((finding.rule, finding.subject))
        if ended is not None and not waivers.holds(ended):
            yield _suppression("rejected", f"{_said(ended)}. {_ENDED}")
        return
    waiver = waivers.by_id.get(finding.waiver)
    if waiver is None:
        yield _suppression("underReview", f"waiver {finding.waiver}, of which the record holds nothing more")
    elif waivers.holds(waiver):
        yield _suppression("accepted", _said(waiver))
    else:
        yield _suppression("rejected", f"{_said(waiver)}. {_ENDED}")


def _suppression(status: str, justification: str) -> dict[str, Any]:
    return {"kind": "external", "status": status, "justification": clip(visible(justification), _LONGEST)}


def _said(waiver: Waiver) -> str:
    return f"waiver {waiver.id} ({waiver.reason}), approved by {waiver.approved_by}, until {waiver.expires}: {waiver.comment.rstrip('.')}"
