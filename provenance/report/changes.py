"""What changed between two audits: findings that are new, fixed, waived or open again, inputs that are others, numbers that moved. Pure functions over records.

A finding's id tells its evidence too, so that the same fault on data that were told anew has another. Findings are therefore paired by rule and subject; those on
passages by rule, dataset, file and reference, since the passage's own digest changes with every byte of its file, and records are numbered anew when some are dropped.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from provenance.model.audit import AuditRecord, DatasetSummary, MatchEvidence, Totals
from provenance.model.finding import Finding, SubjectKind, VerdictKind
from provenance.model.wire import to_wire
from provenance.report.wording import clip

Key = tuple[str, ...]
_FACT_LENGTH = 200
"""Characters of a fact that are shown."""


class ChangeKind(StrEnum):
    """What became of a finding."""

    NEW = "new"
    """Open now, and not found before."""
    FIXED = "fixed"
    """Open before, and not found now."""
    WAIVED = "waived"
    """Open before, and covered by a waiver now."""
    REOPENED = "reopened"
    """Covered by a waiver before, and open now."""
    CHANGED = "changed"
    """Open before and now, with another outcome, action or severity."""
    WAIVER_GONE = "no longer needed"
    """Covered by a waiver before, and not found now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """A finding, and what became of it."""

    kind: ChangeKind
    finding: Finding
    """As it is now; as it was where it is no longer found."""
    note: str = ""
    """Why, where the records tell: the waiver that ended, what it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A number that is another now."""

    name: str
    old: float | None
    """``None`` where it did not exist."""
    new: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """Something that was judged, or judged by, and is another now."""

    what: str
    """``dataset``, ``facts``, ``policy``, ``reference set``, ``terms catalogue``, ``licence catalogue``, ``run``, ``rules of reading`` or ``tool``."""
    name: str
    old: str
    """Version or digest; empty where it was not there."""
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditChanges:
    """All that changed from one audit to another."""

    old: str
    """Id of the audit record."""
    new: str
    old_created: str
    new_created: str
    old_model: str
    new_model: str
    old_verdict: VerdictKind
    new_verdict: VerdictKind
    findings: tuple[FindingChange, ...]
    """By kind, then as the records list them."""
    same: int
    """Findings that are open in both, unchanged."""
    inputs: tuple[InputChange, ...]
    numbers: tuple[Moved, ...]

    def of(self, kind: ChangeKind) -> tuple[FindingChange, ...]:
        """Return the findings of which one thing became."""
        return tuple(c for c in self.findings if c.kind is kind)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing at all changed."""
        return not (self.findings or self.inputs or self.numbers) and self.old_verdict is self.new_verdict


def compare_audits(old: AuditRecord, new: AuditRecord) -> AuditChanges:
    """Return what changed from one audit record to another, of any runs."""
    changes, same = _compare_findings(old, new)
    order = list(ChangeKind)
    return AuditChanges(
        old=old.id,
        new=new.id,
        old_created=old.created,
        new_created=new.created,
        old_model=old.run.model.name,
        new_model=new.run.model.name,
        old_verdict=old.verdict,
        new_verdict=new.verdict,
        findings=tuple(sorted(changes, key=lambda c: order.index(c.kind))),
        same=same,
        inputs=tuple(_inputs(old, new)),
        numbers=tuple(_numbers(old, new)),
    )


def _compare_findings(old: AuditRecord, new: AuditRecord) -> tuple[list[FindingChange], int]:
    before, now = _by_key(old), _by_key(new)
    changes: list[FindingChange] = []
    same = 0
    for key in dict.fromkeys((*now, *before)):
        olds, news = before.get(key, []), now.get(key, [])
        for was, is_now in _pairs(olds, news):
            change = _change(was, is_now, old, new)
            if change is not None:
                changes.append(change)
            elif is_now is not None and is_now.is_open:
                same += is_now.size
    return changes, same


def _by_key(record: AuditRecord) -> dict[Key, list[Finding]]:
    places = {e.id: e for e in record.evidence}
    found: dict[Key, list[Finding]] = defaultdict(list)
    for finding in record.findings:
        found[_key(finding, places)].append(finding)
    return found


def _key(finding: Finding, places: Mapping[str, MatchEvidence]) -> Key:
    subject = finding.subject
    place = places.get(subject.id) if subject.kind is SubjectKind.MATCH else None
    if place is not None:
        match = place.match
        return (finding.rule, "passage", place.dataset, match.path, match.reference_set, match.reference)
    if finding.grouped:  # which passage stands for the others is a matter of length
        return (finding.rule, "grouped", finding.dataset)
    # A run is named by its digest, which is another with every change of the run.
    return (finding.rule, subject.kind.value, finding.dataset, "" if subject.kind is SubjectKind.RUN else subject.id)


def _pairs(olds: list[Finding], news: list[Finding]) -> Iterator[tuple[Finding | None, Finding | None]]:
    """Yield findings of one key side by side: first those that are the same to the last byte, then the others in order."""
    exact = {f.id for f in olds} & {f.id for f in news}
    by_id = {f.id: f for f in olds}
    yield from ((by_id[f.id], f) for f in news if f.id in exact)
    left, right = [f for f in olds if f.id not in exact], [f for f in news if f.id not in exact]
    for i in range(max(len(left), len(right))):
        yield (left[i] if i < len(left) else None), (right[i] if i < len(right) else None)


def _change(was: Finding | None, now: Finding | None, old: AuditRecord, new: AuditRecord) -> FindingChange | None:
    if now is None:
        assert was is not None
        return FindingChange(kind=ChangeKind.FIXED if was.is_open else ChangeKind.WAIVER_GONE, finding=was)
    if was is None:
        return (
            FindingChange(kind=ChangeKind.NEW, finding=now)
            if now.is_open
            else FindingChange(kind=ChangeKind.WAIVED, finding=now, note="new, and waived")
        )
    if was.is_open != now.is_open:
        if now.is_open:
            return FindingChange(kind=ChangeKind.REOPENED, finding=now, note=_end_of_waiver(was, old, new))
        return FindingChange(kind=ChangeKind.WAIVED, finding=now, note=f"waiver {now.waiver}")
    before, after = ((f.outcome.value, f.action.value, f.severity.value, f.size) for f in (was, now))
    if not now.is_open or before == after:
        return None
    return FindingChange(
        kind=ChangeKind.CHANGED, finding=now, note="; ".join(f"{a} before, {b} now" for a, b in zip(before, after, strict=True) if a != b)
    )


def _end_of_waiver(was: Finding, old: AuditRecord, new: AuditRecord) -> str:
    waiver = next((w for w in old.waivers if w.id == was.waiver), None)
    if waiver is None:
        return f"waiver {was.waiver} no longer counts"
    if waiver.expires < new.created[:10]:
        return f"waiver {waiver.id} expired on {waiver.expires}"
    if any(w.id == waiver.id for w in new.waivers):
        return f"waiver {waiver.id} no longer covers it"
    return f"waiver {waiver.id} was withdrawn or is not named any more"


def _inputs(old: AuditRecord, new: AuditRecord) -> Iterator[InputChange]:
    sides: tuple[tuple[str, Callable[[AuditRecord], Iterable[tuple[str, str]]]], ...] = (
        ("run", lambda r: [("run manifest", r.run.digest)]),
        ("dataset", lambda r: [(d.dataset.name, d.root_digest) for d in r.datasets]),
        ("reference set", lambda r: [(s.name, s.digest) for s in r.references]),
        ("policy", lambda r: [(p.bundle, f"{p.version} ({p.digest})") for p in r.policy]),
        ("terms catalogue", lambda r: [("terms", f"{r.terms_catalog_version} ({r.terms_catalog_digest})")]),
        ("licence catalogue", lambda r: [("licences", f"{r.licenses_version} ({r.licenses_digest})")]),
        ("demands to keep out", lambda r: [("demands", r.exclusions)]),
        ("rules of reading", lambda r: [("schemes", ", ".join(sorted(r.schemes)))]),
        ("tool", lambda r: [("provenance", r.tool.version)]),
    )
    for what, read in sides:
        before, now = dict(read(old)), dict(read(new))
        for name in sorted({*before, *now}):
            if before.get(name, "") != now.get(name, ""):
                yield InputChange(what=what, name=name, old=before.get(name, ""), new=now.get(name, ""))
    yield from _facts(old, new)


def _facts(old: AuditRecord, new: AuditRecord) -> Iterator[InputChange]:
    """Yield what is told of a dataset otherwise than before, field by field."""
    olds, news = ({d.dataset.name: d.dataset for d in r.datasets} for r in (old, new))
    for name in sorted({*olds} & {*news}):
        before, now = (dict(_leaves("", to_wire(side[name]))) for side in (olds, news))
        for path in sorted({*before, *now}):
            was, is_now = (clip(side.get(path, ""), _FACT_LENGTH) for side in (before, now))
            if before.get(path) != now.get(path):
                yield InputChange(what="facts", name=f"{name}: {path}", old=was, new=is_now)


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of everything that is no list or mapping."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), below)
    elif isinstance(value, list | tuple):
        for number, below in enumerate(value):
            yield from _leaves(f"{path}[{number}]", below)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


_OF_DATASETS: tuple[tuple[str, Callable[[DatasetSummary], float | None]], ...] = (
    ("share of the run", lambda d: d.weight),
    ("shards", lambda d: d.shards),
    ("words", lambda d: d.words),
    ("matches", lambda d: d.matches),
    ("alarms", lambda d: d.alarms),
    ("matched words", lambda d: d.matched_words),
    ("open findings", lambda d: d.open_findings),
)


def _numbers(old: AuditRecord, new: AuditRecord) -> Iterator[Moved]:
    for entry in fields(Totals):
        before, now = getattr(old.totals, entry.name), getattr(new.totals, entry.name)
        if before != now:
            yield Moved(name=entry.name.replace("_", " "), old=before, new=now)
    olds, news = ({d.dataset.name: d for d in r.datasets} for r in (old, new))
    for name in sorted({*olds, *news}):
        for label, read in _OF_DATASETS:
            before, now = (read(side[name]) if name in side else None for side in (olds, news))
            if before != now:
                yield Moved(name=f"{name}: {label}", old=before, new=now)
