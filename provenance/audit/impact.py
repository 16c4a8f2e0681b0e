"""What a change of the terms catalogue touches: registered datasets, audited runs, and the clearances that rest on them.

Outcomes are those of the terms alone, before and after. A verdict rests on more: only a new audit tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from provenance.audit.affected_runs import affected_runs
from provenance.audit.facts import run_use
from provenance.audit.judged_origins import JudgedOrigins, UnknownOrigin, about, has_unknown_days
from provenance.audit.kept_audits import AUDIT_SUFFIX, read_audit
from provenance.audit.tools import Tools
from provenance.errors import ProvenanceError
from provenance.licensing.terms import TermsCatalog
from provenance.licensing.use_outcomes import UseAnswer, generator_answers, named_answers, run_answers, run_answers_of_named
from provenance.model.absence import Permission
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Dataset, Generator
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.training import RecordedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogChange:
    """A catalogue before and after."""

    before: TermsCatalog
    after: TermsCatalog

    @property
    def entries(self) -> frozenset[str]:
        """Return the ids of the entries that are new, gone, or not the same."""
        old, new = ({e.id: e for e in catalog.entries} for catalog in (self.before, self.after))
        return frozenset(name for name in {*old, *new} if old.get(name) != new.get(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeChange:
    """What the terms say of one use, before and after."""

    use: str
    before: Permission
    after: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Text of one origin that the change is about."""

    dataset: str
    through: str
    """The ancestor that brings it along, empty where it is the dataset's own."""
    origin: str
    """The generator, the named terms, or the reference, for people."""
    entries: tuple[str, ...]
    """Ids of the changed entries that bear on it."""
    outcomes: tuple[OutcomeChange, ...]
    may: bool = False
    """The days on which it was made are not known: the change may bear on it, or not."""

    @property
    def is_changed(self) -> bool:
        """Tell whether any outcome is another one."""
        return any(o.before is not o.after for o in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedAudit:
    """A recorded audit whose terms the change is about."""

    id: str
    created: str
    run: str
    verdict: str
    """As recorded; what it would be now only a new audit tells."""
    catalog_digest: str
    """Of the terms catalogue that it was judged by."""
    touched: tuple[Touched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAudit:
    """A recorded audit with text of which nobody can say whether the change is about it."""

    id: str
    created: str
    run: str
    verdict: str
    """As recorded."""
    unknown: tuple[UnknownOrigin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedClearance:
    """A clearance that the log tells of."""

    audit: str
    manifest_root: str
    issued: str
    expires: str
    statement: str = ""
    """``statement_digest`` of the clearance; empty where the log of an earlier version does not tell it."""
    by: str = ""
    """Who issued it, as the log names them."""
    break_glass: bool = False
    """Whether it let a run start that its audit did not clear."""
    revoked: str = ""
    """When it, or a key that signed it, was revoked, RFC 3339 UTC; empty where no revocation is known."""
    keys: tuple[str, ...] = ()
    """Ids of the keys that signed it, as far as the log tells; empty where the log of an earlier version does not."""
    key_revoked: bool = False
    """Whether it is not the clearance that was revoked but a key that signed it: nothing of such a key counts."""

    @property
    def what_was_revoked(self) -> str:
        """Return what was revoked, for sentences on a clearance that counts no more."""
        return "the key that signed its clearance" if self.key_revoked else "its clearance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """All that a change touches."""

    entries: tuple[str, ...]
    datasets: tuple[Touched, ...]
    audits: tuple[TouchedAudit, ...]
    clearances: tuple[IssuedClearance, ...]
    """Those of touched audits that have not expired and are not known to be revoked."""
    runs: tuple[RecordedRun, ...]
    """Runs that went by touched audits, or that read, or may have read, a touched dataset."""
    problems: tuple[ReadProblem, ...]
    """Audits whose record could not be read: what the change does to them is not known."""
    unknown: tuple[UnknownOrigin, ...] = ()
    """Text of registered datasets whose maker or provider is not known: the change may bear on it."""
    open_audits: tuple[OpenAudit, ...] = ()
    """Audits with such text that the change is not surely about."""
    open_runs: tuple[RecordedRun, ...] = ()
    """Runs that may be affected: they went by these audits, or read, or may have read, such a dataset."""


def assess_impact(change: CatalogChange, issued: Iterable[IssuedClearance], tools: Tools) -> Impact:
    """Return which registered datasets, recorded audits and issued clearances a change of the catalogue touches.

    Args:
        change: The catalogue before and after.
        issued: Clearances that the log tells of.
        tools: Opens the registry and the evidence, tells the time.

    Cost:
        One answer a generator and use, before and after; audits are read one by one.
    """
    problems: list[ReadProblem] = []
    audits: list[TouchedAudit] = []
    open_audits: list[OpenAudit] = []
    if not change.entries:
        return Impact(entries=(), datasets=(), audits=(), clearances=(), runs=(), problems=())
    with tools.units.read() as registry:
        origins = JudgedOrigins(registry)
        versions = registry.datasets()
        datasets = tuple(t for v in versions for t in _dataset(v.dataset, v.root_digest, origins, change))
        unknown = tuple(u for v in versions for u in _unnamed(v.dataset, v.root_digest, origins))
        for row in registry.audits():
            try:
                record = read_audit(tools.evidence.get_bytes(row[4], suffix=AUDIT_SUFFIX), where=f"audit {row[0]}")
            except ProvenanceError as err:
                problems.append(ReadProblem(path=row[0], line=None, record=None, message=str(err)))
                continue
            if touched := tuple(_run(record, origins, change)):
                audits.append(_audit(record, touched))
            elif lost := tuple(u for s in record.datasets for u in _unnamed(s.dataset, s.root_digest, origins, s.words)):
                open_audits.append(_open_audit(record, lost))
        hit = {audit.id for audit in audits}
        runs = affected_runs(registry, (t.dataset for t in datasets), audits=hit)
        may = affected_runs(registry, (u.dataset for u in unknown), audits=(a.id for a in open_audits))
    live = tuple(c for c in issued if c.audit in hit and c.expires > tools.clock.now() and not c.revoked)
    surely = {run.id for run in runs}
    return Impact(
        entries=tuple(sorted(change.entries)),
        datasets=datasets,
        audits=tuple(audits),
        clearances=live,
        runs=runs,
        problems=tuple(problems),
        unknown=unknown,
        open_audits=tuple(open_audits),
        open_runs=tuple(run for run in may if run.id not in surely),
    )


def _unnamed(dataset: Dataset, root: str, origins: JudgedOrigins, words: int | None = None) -> Iterator[UnknownOrigin]:
    """Yield text whose maker or provider is not known; where only its days are not, its provider's texts are compared whatever the day."""
    return (u for u in origins.unknown(dataset, root, words=words) if not u.provider)


def _audit(record: AuditRecord, touched: tuple[Touched, ...]) -> TouchedAudit:
    return TouchedAudit(
        id=record.id,
        created=record.created,
        run=record.run.model.name,
        verdict=record.verdict.value,
        catalog_digest=record.terms_catalog_digest,
        touched=touched,
    )


def _open_audit(record: AuditRecord, unknown: tuple[UnknownOrigin, ...]) -> OpenAudit:
    return OpenAudit(id=record.id, created=record.created, run=record.run.model.name, verdict=record.verdict.value, unknown=unknown)


def _dataset(dataset: Dataset, root: str, origins: JudgedOrigins, change: CatalogChange) -> Iterator[Touched]:
    """Yield what is touched of a dataset and of what it comes from, under the standard uses."""
    for facts, through in origins.of(dataset, root):
        for generator in facts.generators:
            yield from _made(dataset.name, through, generator, partial(generator_answers, generator=generator), change)
        if facts.terms:
            yield from _compared(dataset.name, through, f"named terms {', '.join(facts.terms)}", partial(named_answers, terms=facts.terms), change)


def _run(record: AuditRecord, origins: JudgedOrigins, change: CatalogChange) -> Iterator[Touched]:
    """Yield what is touched of an audited run, for what this run does."""
    use = run_use(record.run, today=record.created[:10])
    for summary in record.datasets:
        name = summary.dataset.name
        for facts, through in origins.of(summary.dataset, summary.root_digest):
            for generator in facts.generators:
                yield from _made(name, through, generator, partial(run_answers, generator=generator, use=use), change)
            if facts.terms:
                named = f"named terms {', '.join(facts.terms)}"
                yield from _compared(name, through, named, partial(run_answers_of_named, terms=facts.terms, use=use), change)
    outputs = {(e.dataset, _output(e.reference)): e.reference for e in record.evidence if e.reference.kind is ReferenceKind.API_OUTPUT}
    for (name, generator), reference in outputs.items():
        yield from _made(name, "", generator, partial(run_answers, generator=generator, use=use), change, of=f"reference {reference.id}: ")


def _made(
    dataset: str, through: str, generator: Generator, answers: Callable[[TermsCatalog], Sequence[UseAnswer]], change: CatalogChange, *, of: str = ""
) -> Iterator[Touched]:
    may = has_unknown_days(generator)
    return (replace(t, may=may) for t in _compared(dataset, through, f"{of}{about(generator)}", answers, change))


def _compared(
    dataset: str, through: str, origin: str, answers: Callable[[TermsCatalog], Sequence[UseAnswer]], change: CatalogChange
) -> Iterator[Touched]:
    before, after = answers(change.before), answers(change.after)
    bearing = frozenset().union(*(a.texts for a in (*before, *after))) & change.entries
    outcomes = tuple(OutcomeChange(use=b.use, before=b.outcome, after=a.outcome) for b, a in zip(before, after, strict=True))
    found = Touched(dataset=dataset, through=through, origin=origin, entries=tuple(sorted(bearing)), outcomes=outcomes)
    if bearing or found.is_changed:
        yield found


def _output(reference: ReferenceRecord) -> Generator:
    return Generator(
        provider=reference.provider, model=reference.model, channel=reference.channel, region=reference.region, generated=reference.generated
    )
