"""All audits of a workspace side by side: how each model's findings went, which waivers end, which clearances hold, and what changed in the terms since."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provenance.audit.facts import run_use
from provenance.audit.impact import IssuedClearance
from provenance.audit.judged_origins import JudgedOrigins, UnknownOrigin, day_of
from provenance.audit.kept_audits import AUDIT_SUFFIX, read_audit
from provenance.audit.tools import Tools
from provenance.errors import ProvenanceError
from provenance.licensing.terms import TermsCatalog
from provenance.licensing.terms_names import channel_matches, normalize_provider
from provenance.licensing.use_outcomes import UseAnswer, run_answers, run_answers_of_named
from provenance.model.absence import Permission
from provenance.model.audit import AuditRecord
from provenance.model.finding import VerdictKind, Waiver
from provenance.model.match import ReadProblem

PORTFOLIO_FORMAT, PORTFOLIO_VERSION = "provenance.portfolio", 1
EXPIRY_NOTICE_DAYS = 60
"""Waivers and clearances that end within so many days are listed as ending."""
_WORST = {Permission.ALLOWED: 0, Permission.UNKNOWN: 1, Permission.PROHIBITED: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetUse:
    """A dataset in the newest audit of a model."""

    name: str
    root_digest: str
    weight: float | None
    open_findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPoint:
    """One audit, in numbers."""

    id: str
    created: str
    verdict: VerdictKind
    deny: int
    review: int
    warn: int
    waived: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHistory:
    """A model's audits, oldest first, and what its newest one rests on."""

    model: str
    audits: tuple[AuditPoint, ...]
    datasets: tuple[DatasetUse, ...]
    terms_changed: bool
    """Whether the terms catalogue is another now than the newest audit was judged by."""
    clearance: IssuedClearance | None
    """The newest one issued for any of its audits."""

    @property
    def newest(self) -> AuditPoint:
        """The newest audit."""
        return self.audits[-1]

    @property
    def is_taken_back(self) -> bool:
        """Whether the newest audit cleared, and its clearance was revoked since, so that no trainer starts the run."""
        issued = self.clearance
        return self.newest.verdict is VerdictKind.CLEARED and issued is not None and bool(issued.revoked) and issued.audit == self.newest.id


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingWaiver:
    """A waiver that a model's newest audit rests on, and when it ends."""

    model: str
    waiver: Waiver
    days_left: int
    """Whole days after today in which it still holds; negative once it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedRun:
    """A model whose newest audit a text of terms bears on."""

    model: str
    audit: str
    dataset: str
    then: str
    """What the audit said of the dataset's terms."""
    now: str
    """What the catalogue says now of the same outputs, made on the same days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsChange:
    """A dated text that took effect after the data of some runs were made, or that their audit did not know."""

    terms: str
    provider: str
    title: str
    effective_from: str
    url: str
    unknown_to: tuple[AffectedRun, ...]
    """Runs that it bears on, and whose audit did not know it: audit them again."""
    later_than: tuple[str, ...]
    """Models that hold outputs of the provider made before it took effect: outputs made from then on are under it."""
    may_touch: tuple[str, ...] = ()
    """Models that hold outputs of the provider of days that nobody knows, and that are not among the others: they may be affected."""

    @property
    def runs(self) -> int:
        """How many models it touches."""
        return len({*self.later_than, *(a.model for a in self.unknown_to)})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenText:
    """Text in a model's newest audit of which nobody can say which terms apply to it, so that any change may bear on it."""

    model: str
    unknown: UnknownOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What a workspace's audits say together."""

    as_of: str
    models: tuple[ModelHistory, ...]
    """By name."""
    waivers: tuple[EndingWaiver, ...]
    """Those that end soon or have ended, the first to end first."""
    terms: tuple[TermsChange, ...]
    """Newest first."""
    problems: tuple[ReadProblem, ...]
    """Audits whose record could not be read."""
    unknown: tuple[OpenText, ...] = ()
    """By model and dataset."""
    format: str = PORTFOLIO_FORMAT
    version: int = PORTFOLIO_VERSION


def survey_portfolio(tools: Tools, catalog: TermsCatalog, issued: Iterable[IssuedClearance]) -> Portfolio:
    """Return what the audits of a workspace say together.

    Args:
        tools: Opens the registry and the evidence, tells the time.
        catalog: The terms in force now.
        issued: Clearances that the log tells of.

    Cost:
        Audit records are read one by one; of each model only the newest is kept.
    """
    points: dict[str, list[AuditPoint]] = {}
    newest: dict[str, AuditRecord] = {}
    problems: list[ReadProblem] = []
    with tools.units.read() as registry:
        rows = list(registry.audits())
    for row in reversed(rows):
        try:
            record = read_audit(tools.evidence.get_bytes(row[4], suffix=AUDIT_SUFFIX), where=f"audit {row[0]}")
        except ProvenanceError as err:
            problems.append(ReadProblem(path=row[0], line=None, record=None, message=str(err)))
            continue
        points.setdefault(record.run.model.name, []).append(_point(record))
        newest[record.run.model.name] = record
    now = tools.clock.now()
    clearances = _newest_clearances(points, issued, now)
    with tools.units.read() as registry:
        origins = JudgedOrigins(registry)
        unknown = tuple(_unknown(newest, origins))
        terms = tuple(_changes(newest, catalog, now, origins, unknown))
    return Portfolio(
        as_of=now,
        models=tuple(_history(name, points[name], newest[name], catalog, clearances.get(name)) for name in sorted(points)),
        waivers=tuple(_ending(newest.values(), now)),
        terms=terms,
        problems=tuple(problems),
        unknown=unknown,
    )


def _unknown(newest: Mapping[str, AuditRecord], origins: JudgedOrigins) -> Iterator[OpenText]:
    for model in sorted(newest):
        for summary in newest[model].datasets:
            for found in origins.unknown(summary.dataset, summary.root_digest, words=summary.words):
                yield OpenText(model=model, unknown=found)


def _point(record: AuditRecord) -> AuditPoint:
    t = record.totals
    return AuditPoint(id=record.id, created=record.created, verdict=record.verdict, deny=t.deny, review=t.review, warn=t.warn, waived=t.waived)


def _history(name: str, audits: Sequence[AuditPoint], record: AuditRecord, catalog: TermsCatalog, clearance: IssuedClearance | None) -> ModelHistory:
    datasets = (DatasetUse(name=d.dataset.name, root_digest=d.root_digest, weight=d.weight, open_findings=d.open_findings) for d in record.datasets)
    return ModelHistory(
        model=name,
        audits=tuple(audits),
        datasets=tuple(sorted(datasets, key=lambda d: d.name)),
        terms_changed=record.terms_catalog_digest != catalog.digest,
        clearance=clearance,
    )


def _newest_clearances(points: Mapping[str, Sequence[AuditPoint]], issued: Iterable[IssuedClearance], now: str) -> dict[str, IssuedClearance]:
    """Return of each model the newest clearance that holds, else the newest."""
    model_of = {p.id: name for name, audits in points.items() for p in audits}
    found: dict[str, IssuedClearance] = {}
    for clearance in sorted(issued, key=lambda c: (not c.revoked and c.expires > now, c.issued)):
        if clearance.audit in model_of:
            found[model_of[clearance.audit]] = clearance
    return found


def _ending(records: Iterable[AuditRecord], now: str) -> Iterator[EndingWaiver]:
    today = dt.date.fromisoformat(now[:10])
    found = []
    for record in records:
        used = {f.waiver for f in record.findings if f.waiver is not None}
        for waiver in record.waivers:
            left = (dt.date.fromisoformat(waiver.expires) - today).days
            if waiver.id in used and left <= EXPIRY_NOTICE_DAYS:
                found.append(EndingWaiver(model=record.run.model.name, waiver=waiver, days_left=left))
    yield from sorted(found, key=lambda e: (e.days_left, e.model, e.waiver.id))


def _changes(
    newest: Mapping[str, AuditRecord], catalog: TermsCatalog, now: str, origins: JudgedOrigins, open_texts: Iterable[OpenText]
) -> Iterator[TermsChange]:
    """Yield the texts that touch past runs: those that bear on their data now and were not known then, and those that took effect after the data were made."""
    entries = {e.id: e for e in catalog.entries}
    unknown: dict[str, list[AffectedRun]] = {}
    later: dict[str, set[str]] = {}
    for model, record in newest.items():
        for entry, affected in _not_known_then(record, catalog, origins):
            unknown.setdefault(entry, []).append(affected)
        for entry in _later(record, catalog, now, origins):
            later.setdefault(entry, set()).add(model)
    may: dict[str, set[str]] = {}
    for text in open_texts:
        for entry in _perhaps_later(text.unknown, catalog, now):
            may.setdefault(entry, set()).add(text.model)
    found = [entries[name] for name in {*unknown, *later, *may} if name in entries]
    for version in sorted(found, key=lambda e: (e.starts_possibly, e.id), reverse=True):
        yield TermsChange(
            terms=version.id,
            provider=version.provider,
            title=version.title,
            effective_from=version.effective_from,
            url=version.url,
            unknown_to=tuple(sorted(unknown.get(version.id, []), key=lambda a: (a.model, a.dataset))),
            later_than=tuple(sorted(later.get(version.id, ()))),
            may_touch=tuple(sorted(may.get(version.id, set()) - later.get(version.id, set()) - {a.model for a in unknown.get(version.id, [])})),
        )


def _not_known_then(record: AuditRecord, catalog: TermsCatalog, origins: JudgedOrigins) -> Iterator[tuple[str, AffectedRun]]:
    """Yield texts that the catalogue of today applies to a dataset's outputs and that the audit did not apply."""
    if record.terms_catalog_digest == catalog.digest:
        return
    use = run_use(record.run, today=record.created[:10])
    for summary in record.datasets:
        dataset = summary.dataset
        applied = {t.terms: t.outcome for t in record.terms_applied if t.dataset == dataset.name}
        answers: list[UseAnswer] = []
        for facts, _ in origins.of(dataset, summary.root_digest):
            answers += [a for g in facts.generators for a in run_answers(catalog, g, use)]
            answers += run_answers_of_named(catalog, facts.terms, use) if facts.terms else ()
        if not answers:
            continue
        now = max((a.outcome for a in answers), key=_WORST.__getitem__)
        then = _worst(applied.values())
        for entry in sorted(frozenset().union(*(a.texts for a in answers)) - set(applied)):
            yield entry, AffectedRun(model=record.run.model.name, audit=record.id, dataset=dataset.name, then=then, now=now.value)


def _worst(outcomes: Iterable[str]) -> str:
    known = {p.value: rank for p, rank in _WORST.items()}
    return max(outcomes, key=lambda o: known.get(o, 1), default=Permission.UNKNOWN.value)


def _later(record: AuditRecord, catalog: TermsCatalog, now: str, origins: JudgedOrigins) -> Iterator[str]:
    """Yield texts of the same providers and ways of access that took effect after the last day on which outputs of a dataset, or of what it comes from, were made."""
    today = dt.date.fromisoformat(now[:10])
    for summary in record.datasets:
        for generator in (g for facts, _ in origins.of(summary.dataset, summary.root_digest) for g in facts.generators):
            last = day_of(generator.generated.end)
            if last is None:
                continue
            for entry in catalog.entries:
                is_his = entry.provider == normalize_provider(generator.provider)
                if is_his and last < entry.starts_possibly <= today and channel_matches(entry.channels, generator.channel):
                    yield entry.id


def _perhaps_later(unknown: UnknownOrigin, catalog: TermsCatalog, now: str) -> Iterator[str]:
    """Yield the provider's texts that may have taken effect after outputs of unknown days were made; where nobody names the provider, the page says so once."""
    today, first = dt.date.fromisoformat(now[:10]), day_of(unknown.after)
    for entry in catalog.entries if unknown.provider else ():
        is_his = entry.provider == unknown.provider and channel_matches(entry.channels, unknown.channel)
        if is_his and entry.starts_possibly <= today and (first is None or first < entry.starts_possibly):
            yield entry.id
