"""The audit as Markdown, for a pull request, a job's summary or a wiki: the page's sections in words, numbers and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provenance.audit.impact import IssuedClearance
from provenance.model.absence import is_absent
from provenance.model.audit import AuditRecord, DatasetSummary, MatchEvidence, TermsApplied
from provenance.model.finding import VerdictKind
from provenance.report.beside import NOT_COMPARED, Beside
from provenance.report.figures import first_figures
from provenance.report.groups import Entry, Grouped, Room, group_findings
from provenance.report.markdown_text import cell_span, code_span, left_out, phrase, table
from provenance.report.page import absence, explained_reasons, next_command, verdict_note, verdict_tail
from provenance.report.standing import DUTIES, Standing, cleared_sentence, duty_lines, waiver_lines
from provenance.report.wording import broken_glass_line, count, number, percent, rate

_MOST = 500
"""Entries of one list; the tables beside the document hold all that the record does."""
_EXPLAINED_FULLY = 12
"""Findings of which clause, facts and the longest passage follow the table."""
_PASSAGE, _NAME = 400, 120
_NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class MarkdownReport:
    """Writes CommonMark 0.31 with tables (GFM 0.29)."""

    name: str = "markdown"
    file_name: str = "AUDIT.md"
    suffix: str = ".md"
    is_compared: bool = True
    """Whether a workspace keeps the record; see ``Beside.is_compared``."""
    clearances: tuple[IssuedClearance, ...] | None = None
    """Those of the audit, by the log; ``None`` where nobody looked."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the document; a section without entries says so."""
        return ("\n".join(_lines(record, Beside(clearances=self.clearances, is_compared=self.is_compared))).rstrip() + "\n").encode(
            "utf-8", "replace"
        )


def _lines(record: AuditRecord, beside: Beside) -> Iterator[str]:
    grouped = group_findings(record.findings, record.evidence, day=record.created[:10], room=Room(passages=0))
    for section in (
        _first_screen(record, beside),
        _findings(record, grouped),
        _overlap(record),
        _data(record),
        _terms(record),
        _people(record),
        _method(record),
    ):
        yield from section


def _first_screen(record: AuditRecord, beside: Beside) -> Iterator[str]:
    standing = Standing.of(beside.clearances)
    name, tail = code_span(record.run.model.name, _NAME), verdict_tail(record, standing)
    is_gone = standing.taken_back is not None and record.verdict is not VerdictKind.BLOCKED
    yield f"# REVOKED: {name} was {record.verdict.value}{tail}" if is_gone else f"# {record.verdict.value}: {name} {tail}"
    if note := verdict_note(record):
        yield from ("", phrase(note))
    yield from () if beside.is_compared else ("", f"**Not compared.** {NOT_COMPARED}")
    for one in record.broken_glass:
        yield from ("", f"**{code_span(broken_glass_line(one))}**")
    run = record.run
    policy = ", ".join(f"{cell_span(p.bundle, _NAME)} {cell_span(p.version, 40)}" for p in record.policy) or "no bundle named"
    facts = [
        ("Run", cell_span(run.model.name, _NAME)),
        ("For", _or_not_known(run.purpose.use)),
        ("Date", cell_span(record.created)),
        ("Policy", policy),
        ("Asked by", _or_not_known(run.requested_by)),
        ("Audit", cell_span(record.id)),
    ]
    yield ""
    yield from table(("Fact", "Value"), facts)
    yield from ("", "## What to do", "")
    yield from _steps(record, beside)
    if command := next_command(record, beside):
        yield from ("", f"Then: {code_span(command)}")
    yield from ("", "## Numbers", "")
    yield from table(("Number", "Of what", "Made up of"), [(f"**{f.value}**", f.label, f.detail) for f in first_figures(record.totals)], numeric=[0])
    yield ""
    counts = ((f.name.replace("_", " "), getattr(record.totals, f.name)) for f in dataclasses.fields(record.totals))
    totals = [(name, "not told" if value is None else number(value)) for name, value in counts]
    yield from table(("Total", "Count"), totals, numeric=[1])


def _steps(record: AuditRecord, beside: Beside) -> Iterator[str]:
    if record.steps:
        for place, step in enumerate(record.steps[:_MOST], start=1):
            clears = f"; clears {code_span(', '.join(step.clears))}" if step.clears else ""
            yield f"{place}. {phrase(step.summary)}: {phrase(step.effect)}{clears}"
        yield from left_out(_MOST, len(record.steps), "audit.json")
    elif record.verdict is VerdictKind.CLEARED:
        yield cleared_sentence(beside.clearances)
    else:
        yield "The audit proposes no steps. Each finding names its own ways out."


def _findings(record: AuditRecord, grouped: Grouped) -> Iterator[str]:
    entries, total = grouped.entries, grouped.total
    yield from ("", "## Findings", "")
    if not entries:
        yield "No finding: every rule of the policy was satisfied or did not apply." + (
            "" if record.policy else " No policy bundle was applied, so this says nothing."
        )
        return
    rows = [
        (_action(e), cell_span(e.lead.rule, 40), f"{phrase(e.lead.title, 200)} – {phrase(f'{e.subject}: {e.fact}')}", e.state, _way_out(e))
        for e in entries[:_MOST]
    ]
    yield from table(("Action", "Rule", "What was found", "State", "Way out"), rows)
    yield from left_out(_MOST, total, "findings.csv")
    for entry in entries[:_EXPLAINED_FULLY]:
        yield from _entry(record, entry)
    yield from left_out(_EXPLAINED_FULLY, total, "findings.csv") if total <= _MOST else ()


def _action(entry: Entry) -> str:
    return f"{entry.lead.action.value} ({entry.lead.severity.value})"


def _way_out(entry: Entry) -> str:
    return phrase(entry.lead.remedies[0].summary, 200) if entry.lead.remedies else "none is proposed"


def _entry(record: AuditRecord, entry: Entry) -> Iterator[str]:
    lead = entry.lead
    yield from ("", f"### {code_span(lead.rule, 40)} {phrase(lead.title, 200)}", "")
    yield f"{phrase(entry.subject)}, {count(entry.size, 'finding')}, {entry.state}" + (
        f" by {code_span(lead.waiver, _NAME)}." if lead.waiver else "."
    )
    yield ""
    yield f"- {code_span(lead.message)}"
    yield from (f"- not known: {code_span(m.path)}; to supply it, {code_span(m.supply)}" for m in lead.missing)
    for c in lead.clauses:
        times = f"in force from {code_span(c.effective_from)} to {code_span(c.effective_to)}"
        yield f"- clause {code_span(c.clause, _NAME)} of {code_span(c.terms, _NAME)}, {times}: {code_span(c.quote)} (source {code_span(c.source)})"
    yield from (f"- way out: {phrase(r.summary)}" + (f" – {phrase(r.effect)}" if r.effect else "") for r in lead.remedies)
    wanted = {e.digest for e in lead.evidence if e.kind == "match"} | {lead.subject.id, lead.subject.digest}
    for item in [e for e in record.evidence if e.id in wanted][:1]:
        yield from _passage(item)


def _passage(item: MatchEvidence) -> Iterator[str]:
    found = item.match
    yield f"- evidence: {code_span(found.path, 200)} record {number(found.record)}, characters {number(found.start)}–{number(found.end)}"
    if item.text is None:
        yield "  - the words could not be read again when the audit was made"
        return
    yield f"  - training text: {code_span(item.text.text, _PASSAGE)}"
    if item.text.reference_text:
        yield f"  - reference {code_span(found.reference, 200)}: {code_span(item.text.reference_text, _PASSAGE)}"
    else:
        yield f"  - reference {code_span(found.reference, 200)}: a pack, which holds no words"


def _overlap(record: AuditRecord) -> Iterator[str]:
    yield from ("", "## Evidence", "", absence(record))
    for why, times in explained_reasons(record):
        yield from ("", f"Explained away: {times} because {why}.")
    if not record.evidence:
        return
    rows = [_match(e) for e in sorted(record.evidence, key=lambda e: (e.match.explained, -e.match.aligned_words, e.id))[:_MOST]]
    yield ""
    yield from table(
        ("Training text", "Record", "Reference", "Words shared", "Words of the passage", "Containment", "Chance alarms per million", "State"),
        rows,
        numeric=[1, 3, 4, 5, 6],
    )
    yield from left_out(_MOST, len(record.evidence), "matches.csv")


def _match(evidence: MatchEvidence) -> tuple[str, ...]:
    found = evidence.match
    state = "explained" if found.explained else "alarm"
    numbers = (number(found.aligned_words), number(found.words), percent(found.exact_containment), rate(found.chance_alarms_per_million))
    return (cell_span(found.path, 200), number(found.record), cell_span(found.reference, 200), *numbers, state)


def _data(record: AuditRecord) -> Iterator[str]:
    yield from ("", "## Data", "")
    if not record.datasets:
        yield "The run names no dataset."
    else:
        head = ("Dataset", "Share of tokens", "Words", "Records", "Shards", "Licence", "Made by a model", "Alarms", "Open findings")
        yield from table(head, [_dataset(d) for d in record.datasets[:_MOST]], numeric=[1, 2, 3, 4, 7, 8])
        yield from left_out(_MOST, len(record.datasets), "audit.json")
    yield from ("", f"The run has {count(record.shards_total, 'shard')}; the record and shards.csv list {number(len(record.shards))}.")
    yield f"Root of the manifest: {code_span(record.manifest_root)}."
    yield from ("", "## Mixture", "")
    if not record.mixture:
        yield "The mixture is not known."
        return
    rows = [(phrase(m.grouping, _NAME), _or_not_known(m.label), percent(m.share), _made_by_model(m.synthetic.value)) for m in record.mixture[:_MOST]]
    yield from table(("By", "Part", "Share of tokens", "Made by a model"), rows, numeric=[2])
    yield from left_out(_MOST, len(record.mixture), "audit.json")


def _dataset(data: DatasetSummary) -> tuple[str, ...]:
    unread = f" ({number(data.unread_records)} unread)" if data.unread_records else ""
    return (
        cell_span(data.dataset.name, _NAME),
        _NOT_KNOWN if data.weight is None else percent(data.weight),
        number(data.words),
        f"{number(data.records)}{unread}",
        number(data.shards),
        _or_not_known(data.dataset.license.effective),
        _made_by_model(data.synthetic.value),
        number(data.alarms),
        number(data.open_findings),
    )


def _made_by_model(state: str) -> str:
    return {"YES": "yes", "NO": "no"}.get(state, _NOT_KNOWN)


def _or_not_known(text: str) -> str:
    return _NOT_KNOWN if is_absent(text) else phrase(text, 200)


def _terms(record: AuditRecord) -> Iterator[str]:
    yield from ("", "## Terms", "")
    if not record.terms_applied:
        yield "No terms of a provider were applied."
        return
    yield from table(("Dataset", "Terms", "In force", "This use"), [_applied(t) for t in record.terms_applied[:_MOST]])
    yield from left_out(_MOST, len(record.terms_applied), "audit.json")


def _applied(terms: TermsApplied) -> tuple[str, ...]:
    times = f"{_or_not_known(terms.effective_from)} to {_or_not_known(terms.effective_to)}"
    return (
        cell_span(terms.dataset, _NAME),
        f"{cell_span(terms.title, 200)} of {cell_span(terms.provider, _NAME)}",
        times,
        cell_span(terms.outcome, 40),
    )


def _people(record: AuditRecord) -> Iterator[str]:
    yield from ("", "## Obligations", "")
    duties = duty_lines(record.duties)
    asked = (f"- [ ] {phrase(d.summary)}, asked by {phrase(d.asked_by)} because of {phrase(d.datasets)}: {phrase(d.due)}" for d in duties[:DUTIES])
    yield from _listed(asked, "None is recorded.")
    yield from left_out(DUTIES, len(duties), "audit.json")
    yield from ("", "## Waivers", "")
    waivers = waiver_lines(record)
    given = (
        f"- {code_span(w.waiver.id)} of {code_span(w.waiver.rule)} until {code_span(w.waiver.expires)}, approved by {code_span(w.waiver.approved_by)}: "
        f"{code_span(w.waiver.comment)}; {phrase(w.state)}"
        for w in waivers[:_MOST]
    )
    yield from _listed(given, "No waiver was given.")
    yield from left_out(_MOST, len(waivers), "audit.json")


def _method(record: AuditRecord) -> Iterator[str]:
    yield from ("", "## What was not checked", "")
    yield from _listed((f"- {phrase(text)}" for text in record.limits), "The record names no limits.")
    yield from ("", "## Audit trail", "")
    yield f"- version {code_span(record.tool.version)}, commit {code_span(record.tool.commit)}"
    yield f"- command {code_span(record.command)}"
    yield f"- registry {code_span(record.registry_revision)}, head of the log {code_span(record.log_head)}"
    yield f"- terms catalogue {code_span(record.terms_catalog_version)} {code_span(record.terms_catalog_digest)}"
    yield f"- facts {code_span(record.facts_digest)}"
    yield from (f"- policy {code_span(p.bundle)} {code_span(p.version)} {code_span(p.digest)}" for p in record.policy)


def _listed(entries: Iterable[str], nothing: str) -> Iterator[str]:
    listed = list(entries)
    yield from listed or [nothing]
