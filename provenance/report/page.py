"""What the audit page says, computed from the record alone: sentences, charts, entries. The template only lays it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from provenance.audit.impact import IssuedClearance
from provenance.model.audit import AuditRecord, ShardSummary
from provenance.model.finding import Action, VerdictKind
from provenance.report.beside import Beside
from provenance.report.charts import Chart, Table, cap_bar, share_bar
from provenance.report.composition import shares_by_model, shares_by_year
from provenance.report.figures import Figure, first_figures
from provenance.report.groups import Entry, Room, anchor, group_findings
from provenance.report.heatmap import overlap_map
from provenance.report.lengths import length_histogram
from provenance.report.origins import origins_map
from provenance.report.passages import EXPLAINED
from provenance.report.standing import (
    CLAUSES,
    DUTIES,
    CitedClause,
    DutyLine,
    Standing,
    WaiverLine,
    cited_clauses,
    cleared_sentence,
    duty_lines,
    signed_sentence,
    waiver_lines,
)
from provenance.report.timeline import terms_timeline
from provenance.report.trained import trained_table
from provenance.report.wording import clip, count, number

_RULES_NAMED = 6
GROUPINGS = (("license", "licence"), ("provider", "provider"), ("model", "model"), ("language", "language"), ("year", "year"), ("domain", "domain"))
"""Groupings of the mixture drawn below the first screen, with the noun for each."""
_LENGTH_PARAMS = ("min_words", "max_overlap_words", "max_words")
_CAP_PARAMS = ("max_synthetic", "max_synthetic_share", "synthetic_cap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that the template needs beside the record itself."""

    verdict_name: str
    verdict_tail: str
    taken_back: IssuedClearance | None
    """The clearance that was revoked where none stands any more."""
    verdict_note: str
    next_command: str
    """Empty where nothing is left to be typed."""
    cleared_next: str
    """What follows from a verdict that clears."""
    figures: tuple[Figure, ...]
    composition: Chart
    entries: tuple[Entry, ...]
    rows: tuple[Entry, ...]
    rows_left: int
    mixture: tuple[Chart, ...]
    synthetic: Chart
    overlap: Chart
    lengths: Chart
    timeline: Chart
    absence: str
    audit_key: str
    """What names the audit on the command line."""
    explained_of: str
    explained: tuple[tuple[str, str], ...]
    shards: tuple[ShardSummary, ...]
    shortened: int
    """Entries whose passages or members are not all shown."""
    duties: tuple[DutyLine, ...]
    duties_left: int
    waivers: tuple[WaiverLine, ...]
    signed: str
    """Who cleared the run, as far as it is known."""
    scan_words: str
    cited: tuple[CitedClause, ...]
    cited_left: int
    origins: Chart
    trained: Table
    """Which runs really read which dataset."""
    beside: Beside


def build_page(record: AuditRecord, beside: Beside | None = None, room: Room | None = None) -> Page:
    """Return the page's content for a record, and for what is known beside it, as far as there is room."""
    beside, room = beside or Beside(), room or Room()
    day = record.created[:10]
    grouped = group_findings(record.findings, record.evidence, day=day, room=room)
    entries = grouped.entries
    every = (*record.mixture, *shares_by_year(record.datasets), *shares_by_model(record.datasets))
    shares = {name: [m for m in every if m.grouping == name] for name in {m.grouping for m in every}}
    lengths = [(e.match.words, e.match.explained) for e in record.evidence]
    among = _among(sum(not e.match.explained for e in record.evidence), record.totals.alarms)
    duties, cited = duty_lines(record.duties), cited_clauses(record)
    standing = Standing.of(beside.clearances)
    return Page(
        verdict_name=clip(record.run.model.name, 80),
        verdict_tail=verdict_tail(record, standing),
        taken_back=standing.taken_back if record.verdict is not VerdictKind.BLOCKED else None,
        verdict_note=verdict_note(record),
        next_command=next_command(record, beside),
        cleared_next=cleared_sentence(beside.clearances),
        figures=first_figures(record.totals),
        composition=share_bar(shares.get("source", []), chart_id="chart-source", noun="source kind"),
        entries=entries[: room.detailed],
        rows=entries[room.detailed : room.detailed + room.rows],
        rows_left=grouped.total - len(entries),
        mixture=tuple(share_bar(shares[n], chart_id=f"chart-{n}", noun=noun) for n, noun in GROUPINGS if n in shares),
        synthetic=cap_bar(shares.get("synthetic", []), _param(record, _CAP_PARAMS)),
        overlap=overlap_map(record.evidence, among=among),
        lengths=length_histogram(lengths, _words_threshold(record), among=_among(len(lengths), record.totals.matches)),
        timeline=terms_timeline(record.terms_applied, record.created),
        absence=absence(record),
        audit_key=anchor(record.id).removeprefix("finding-"),
        explained_of=_among(sum(e.match.explained for e in record.evidence), record.totals.explained),
        explained=explained_reasons(record),
        shards=_notable_shards(record.shards)[: room.shards],
        shortened=sum(len(e.passages) < e.passages_total or e.members_left > 0 for e in entries[: room.detailed]),
        duties=duties[:DUTIES],
        duties_left=max(0, len(duties) - DUTIES),
        waivers=waiver_lines(record),
        signed=signed_sentence(beside.clearances),
        scan_words=_scan_words(record),
        cited=cited[:CLAUSES],
        cited_left=max(0, len(cited) - CLAUSES),
        origins=origins_map(record, beside.lineage),
        trained=trained_table(record, beside.runs),
        beside=beside,
    )


def verdict_tail(record: AuditRecord, standing: Standing | None = None) -> str:
    """Return how the sentence goes on that the name of the model begins, or the verdict where no clearance of it stands any more."""
    gone = standing.taken_back if standing is not None else None
    if gone is not None and record.verdict is not VerdictKind.BLOCKED:
        what = "a key of its clearance" if gone.key_revoked else "its clearance"
        return f" on {record.created[:10]}; {what} was revoked on {gone.revoked[:10]}."
    if record.verdict is VerdictKind.BLOCKED:
        return "may not be trained on this data as planned."
    if record.verdict is VerdictKind.REVIEW:
        return "may be trained on this data only after a named reviewer releases it."
    return "may be trained on this data as planned."


def verdict_note(record: AuditRecord) -> str:
    """Return which rules decided; empty where there is nothing to say."""
    totals = record.totals
    waived = f" {count(totals.waived, 'finding is', 'findings are')} waived." if totals.waived else ""
    if record.verdict is VerdictKind.CLEARED:
        warned = f" {count(totals.warn, 'warning')} to read." if totals.warn else ""
        return f"No rule of the policy denies the run, and none asks for a review.{warned}{waived}"
    worst = Action.DENY if record.verdict is VerdictKind.BLOCKED else Action.REVIEW
    rules = sorted({f.rule for f in record.findings if f.is_open and f.action is worst})
    verb = "denies" if worst is Action.DENY else "asks for a review of"
    verbs = "deny" if worst is Action.DENY else "ask for a review of"
    names = ", ".join(clip(r, 20) for r in rules[:_RULES_NAMED]) + (
        f" and {number(len(rules) - _RULES_NAMED)} more" if len(rules) > _RULES_NAMED else ""
    )
    said = f"Rule {names} {verb} the run." if len(rules) == 1 else f"Rules {names} {verbs} the run." if rules else ""
    return f"{said}{waived}".strip()


def next_command(record: AuditRecord, beside: Beside | None = None) -> str:
    """Return the command to type next, nothing where none is left."""
    if record.verdict is VerdictKind.CLEARED:
        return "" if beside is not None and beside.clearances else "provenance clear"
    if beside is not None and Standing.of(beside.clearances).taken_back is not None and record.verdict is VerdictKind.REVIEW:
        return ""
    return "provenance review release" if record.verdict is VerdictKind.REVIEW else record.command


def _param(record: AuditRecord, names: Sequence[str]) -> float | None:
    """Return the strictest value of a bundle parameter, whatever path prefix it is recorded under."""
    found = [
        reading.value
        for policy in record.policy
        for reading in policy.params
        if reading.path.rpartition(".")[2] in names and isinstance(reading.value, int | float) and not isinstance(reading.value, bool)
    ]
    return float(min(found)) if found else None


def _words_threshold(record: AuditRecord) -> int | None:
    value = _param(record, _LENGTH_PARAMS)
    return None if value is None else int(value)


def _scan_words(record: AuditRecord) -> str:
    works = sum(r.references for r in record.references)
    return f"{count(works, 'reference')} with {count(sum(r.words for r in record.references), 'word')}"


def absence(record: AuditRecord) -> str:
    """Say how hard we looked: a statement of absence without it is worth nothing."""
    threshold = _words_threshold(record)
    short = f" Passages under {number(threshold)} words are not counted as alarms." if threshold is not None else ""
    looked = f"{count(record.totals.shards_judged, 'shard')} of {number(record.totals.shards_named)}, {count(record.totals.words, 'word')}"
    if not record.references:
        return f"Nothing was compared: the run names no reference set. Whether its data hold known API outputs or works is not known ({looked})."
    compared = f"{looked}, compared with {_scan_words(record)}"
    if record.totals.alarms == 0:
        return f"No shared passage was found: {compared}.{short}"
    verb = "passage is" if record.totals.alarms == 1 else "passages are"
    return f"{number(record.totals.alarms)} shared {verb} not explained away, {number(record.totals.explained)} are: {compared}.{short}"


def _among(listed: int, total: int) -> str:
    """Return how what is said of the passages in the record begins where it does not list all of them."""
    return f"Of the {count(listed, 'passage')} listed here, of {number(total)} in all: " if listed < total else ""


def explained_reasons(record: AuditRecord) -> tuple[tuple[str, str], ...]:
    """Return why passages in the record were explained away, and how many for each reason, the most frequent first."""
    reasons = Counter(e.match.because for e in record.evidence if e.match.explained and e.match.because)
    return tuple((EXPLAINED[reason], number(n)) for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _notable_shards(shards: Sequence[ShardSummary]) -> tuple[ShardSummary, ...]:
    ordered = sorted(shards, key=lambda s: (s.state == "unchanged", -s.alarms, -s.matched_words, s.dataset, s.path))
    return tuple(ordered)
