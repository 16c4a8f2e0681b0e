"""The audit as Markdown, for a pull request or a wiki. Text of the data stands in code spans, in which nothing is a link, an image or markup."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provenance.model.audit import AuditRecord, DatasetSummary, MatchEvidence
from provenance.model.finding import Finding
from provenance.report.beside import NOT_COMPARED
from provenance.report.wording import broken_glass_line, clip, visible

_LONGEST = 600
_MOST = 500
"""Entries of one list; the tables beside the document hold all that the record does."""
_FENCES = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class MarkdownReport:
    """Writes CommonMark 0.31: the sections of the page that are words and numbers."""

    name: str = "markdown"
    file_name: str = "AUDIT.md"
    suffix: str = ".md"
    is_compared: bool = True
    """Whether a workspace keeps the record; see ``Beside.is_compared``."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document; a section without entries says so."""
        return ("\n".join(_lines(record, is_compared=self.is_compared)).rstrip() + "\n").encode("utf-8", "replace")


def code_span(text: str) -> str:
    """Return hostile text as a code span of one line (CommonMark 0.31, 6.1), at most 600 characters of it."""
    shown = visible(clip(text, _LONGEST)).replace("\n", "⏎") or "(empty)"
    fence = "`" * (max((len(run) for run in _FENCES.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _lines(record: AuditRecord, *, is_compared: bool) -> Iterator[str]:
    yield f"# {record.verdict.value}: {code_span(record.run.model.name)}"
    yield ""
    yield f"Audit {code_span(record.id)} of {code_span(record.created)}."
    yield from () if is_compared else ("", f"**Not compared.** {NOT_COMPARED}", "")
    yield from (f"- Break glass: {code_span(broken_glass_line(one))}" for one in record.broken_glass)
    yield from _section("What to do", (f"- {code_span(s.summary)}: {code_span(s.effect)}" for s in record.steps), "No step is recorded.")
    yield from _section("Numbers", (f"- {f.name}: {getattr(record.totals, f.name)}" for f in dataclasses.fields(record.totals)), "")
    yield from _section("Findings", map(_finding, record.findings), "No finding.", "findings.csv")
    yield from _section("Evidence", map(_match, record.evidence), "No match is recorded.", "matches.csv")
    yield from _section("Data", map(_dataset, record.datasets), "The run names no dataset.", "audit.json")
    yield from _shards(record)
    mixture = (f"- {code_span(m.grouping)} {code_span(m.label)}: {m.share!r}, synthetic: {m.synthetic.value}" for m in record.mixture)
    yield from _section("Mixture (shares from 0 to 1)", mixture, "The mixture is not known.", "audit.json")
    terms = (
        f"- {code_span(t.dataset)}: {code_span(t.title)} of {code_span(t.provider)}, in force {code_span(t.effective_from)} to "
        f"{code_span(t.effective_to)}: {code_span(t.outcome)}"
        for t in record.terms_applied
    )
    yield from _section("Terms", terms, "No terms of a provider were applied.", "audit.json")
    waivers = (
        f"- {code_span(w.id)} of {code_span(w.rule)} until {code_span(w.expires)}, approved by {code_span(w.approved_by)}: {code_span(w.comment)}"
        for w in record.waivers
    )
    yield from _section("Waivers", waivers, "No waiver was used.", "audit.json")
    yield from _section("Obligations", (f"- {code_span(o)}" for o in record.obligations), "None is recorded.", "audit.json")
    yield from _section("Limits", (f"- {code_span(text)}" for text in record.limits), "None is recorded.")
    yield from _section("Audit trail", _trail(record), "")


def _section(title: str, entries: Iterable[str], nothing: str, all_in: str = "audit.json") -> Iterator[str]:
    yield from ("", f"## {title}", "")
    listed = list(entries)
    yield from listed[:_MOST] or [nothing]
    if len(listed) > _MOST:
        yield from ("", f"{len(listed) - _MOST} more: {all_in} lists them.")


def _finding(finding: Finding) -> str:
    state = "open" if finding.is_open else f"waived by {code_span(finding.waiver)}" if finding.waiver else "closed"
    stands_for = f", stands for {finding.size}" if finding.grouped else ""
    remedies = "".join(f"\n  - remedy: {code_span(r.summary)}" for r in finding.remedies)
    return (
        f"- {code_span(finding.rule)} {finding.outcome.value}, {finding.action.value}, {finding.severity.value}, {state}{stands_for}: "
        f"{code_span(finding.dataset or 'whole run')} {code_span(finding.message)}{remedies}"
    )


def _match(evidence: MatchEvidence) -> str:
    found = evidence.match
    return f"- {code_span(found.path)} record {found.record}: {found.words} words of {code_span(found.reference)}, containment {found.exact_containment!r}"


def _dataset(data: DatasetSummary) -> str:
    weight = "not known" if data.weight is None else repr(data.weight)
    return (
        f"- {code_span(data.dataset.name)}: {data.shards} shards, {data.size_bytes} bytes, {data.records} records, {data.words} words, "
        f"{data.alarms} alarms, {data.open_findings} open findings; weight {weight}, synthetic: {data.synthetic.value}"
    )


def _shards(record: AuditRecord) -> Iterator[str]:
    yield from ("", "## Shards", "")
    yield f"The run has {record.shards_total} shards; the record and shards.csv list {len(record.shards)}. Root of the manifest: {code_span(record.manifest_root)}."


def _trail(record: AuditRecord) -> Iterator[str]:
    yield f"- version {code_span(record.tool.version)}, commit {code_span(record.tool.commit)}"
    yield f"- command {code_span(record.command)}"
    yield f"- registry {code_span(record.registry_revision)}, head of the log {code_span(record.log_head)}"
    yield f"- terms catalogue {code_span(record.terms_catalog_version)} {code_span(record.terms_catalog_digest)}"
    yield f"- facts {code_span(record.facts_digest)}"
    yield from (f"- policy {code_span(p.bundle)} {code_span(p.version)} {code_span(p.digest)}" for p in record.policy)
