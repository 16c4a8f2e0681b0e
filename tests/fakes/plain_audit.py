"""The plain way of judging matches: everything held, nothing shared, nothing grouped. An oracle for small worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from provenance.audit.judged import JudgedDataset, match_id
from provenance.audit.judgements import Catalogs
from provenance.canonical import digest_of
from provenance.licensing.resolution import RunUse, TermsAnswer, resolve, strictest
from provenance.model.absence import Permission
from provenance.model.dataset import Generator
from provenance.model.finding import Outcome
from provenance.model.match import ALSO_LISTED, Explanation, Match
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.policy.bundle import Bundle
from provenance.policy.facts import Facts, FactValue, SubjectFacts, schema_paths
from provenance.policy.outcomes import judge

Lookup = Callable[[str, str], ReferenceRecord]
STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)


@dataclass(frozen=True)
class PlainJudgement:
    """What may be done with a passage, by the references of one kind."""

    kind: ReferenceKind
    best: ReferenceRecord
    license: Permission
    terms: TermsAnswer


def all_matches(datasets: Sequence[JudgedDataset]) -> Iterator[tuple[JudgedDataset, Match]]:
    return ((d, m) for d in datasets for s in d.shards for m in (s.outcome.matches if s.outcome is not None else ()))


def plain_judge(match: Match, catalogs: Catalogs, use: RunUse, lookup: Lookup) -> list[PlainJudgement]:
    """Judge a match by all references that hold the passage, one by one."""
    held = [(match.kind, lookup(match.reference_set, match.reference))]
    for also in match.also:
        record = lookup(also.reference_set or match.reference_set, also.reference)
        held.append((record.kind, record))
    found = []
    for kind in dict.fromkeys(k for k, _ in held):
        records = [r for k, r in held if k is kind]
        permissions = [_license(r, catalogs, use) for r in records]
        answers = [_terms(r, catalogs, use) for r in records]
        if len(match.also) >= ALSO_LISTED:
            permissions.append(Permission.UNKNOWN)
            reason = "more references hold the passage than are listed with it"
            answers.append(TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=()))
        found.append(PlainJudgement(kind, records[0], max(permissions, key=STRICTNESS.index), strictest(answers)))
    return found


def _license(record: ReferenceRecord, catalogs: Catalogs, use: RunUse) -> Permission:
    if record.holder == "PUBLIC-DOMAIN":
        return Permission.ALLOWED
    return catalogs.licenses.assess(catalogs.licenses.normalize(record.license)[0], use.commercial).this_use


def _terms(record: ReferenceRecord, catalogs: Catalogs, use: RunUse) -> TermsAnswer:
    if record.kind is not ReferenceKind.API_OUTPUT:
        return TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=("no model made it, so no generator's terms apply",), rules=())
    made = Generator(provider=record.provider, model=record.model, channel=record.channel, region=record.region, generated=record.generated)
    return resolve(catalogs.terms, made, use)


@dataclass(frozen=True)
class PlainSubject:
    """What rules judge: a match as text of one kind of reference."""

    id: str
    digest: str
    dataset: str
    match: Match
    judgement: PlainJudgement
    values: dict[str, FactValue]


def plain_subjects(datasets: Sequence[JudgedDataset], catalogs: Catalogs, use: RunUse, lookup: Lookup) -> list[PlainSubject]:
    """Return every subject, each match once, with the facts that rules of the shipped bundles read."""
    once = {match_id(d.name, m): (d.name, m) for d, m in all_matches(datasets)}
    found = [(key, name, m, j) for key, (name, m) in once.items() for j in plain_judge(m, catalogs, use, lookup)]
    words: Counter[tuple[str, str, int, ReferenceKind]] = Counter()
    for _, name, match, judgement in found:
        words[name, match.path, match.record, judgement.kind] += 0 if match.explained else match.words
    return [
        PlainSubject(
            id=key,
            digest=key if j.kind is match.kind else digest_of([key, j.kind.value]),
            dataset=name,
            match=match,
            judgement=j,
            values={
                "match.kind": j.kind.value,
                "match.explained": "YES" if match.explained else "NO",
                "match.words": match.words,
                "match.aligned_words": match.aligned_words,
                "match.record_words": words[name, match.path, match.record, j.kind],
                "match.reference.id": j.best.id,
                "match.reference.license.this_use": j.license.value,
                "match.terms.this_use": j.terms.outcome.value,
            },
        )
        for key, name, match, j in found
    ]


def plain_outcomes(
    bundles: Sequence[Bundle], subjects: Sequence[PlainSubject], inherited: dict[str, FactValue]
) -> list[tuple[str, Outcome, PlainSubject]]:
    """Return what every rule for matches says of every subject."""
    return [
        (r.id, judge(r, {**inherited, **{f"params.{n}": v for n, v in b.params}, **s.values}, schema_paths(r.for_each)), s)
        for b in bundles
        for r in b.rules
        if r.for_each.value == "match"
        for s in subjects
    ]


def plain_pieces(judged: JudgedDataset, catalogs: Catalogs, use: RunUse, lookup: Lookup) -> tuple[int, int, int]:
    """Return (most words of one work, outputs, words of these) that short and quoted passages of a dataset give away, as rule C002 and D003 define it."""
    works: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    outputs: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    lengths: dict[tuple[str, str], int] = {}
    exact = set()
    for _, match in all_matches((judged,)):
        for j in plain_judge(match, catalogs, use, lookup) if match.because in {Explanation.SHORT_PASSAGE, Explanation.QUOTATION} else ():
            place, start, end = (match.reference_set, j.best.id), match.reference_start, match.reference_end
            if j.kind is not match.kind:
                also = next(a for a in match.also if a.reference == j.best.id)
                place, start, end = (also.reference_set or match.reference_set, j.best.id), also.start, also.end
            if j.kind is ReferenceKind.WORK and j.license is not Permission.ALLOWED:
                works.setdefault(place, []).append((start, end, match.aligned_words))
            if j.kind is ReferenceKind.API_OUTPUT and j.terms.outcome is not Permission.ALLOWED:
                outputs.setdefault(place, []).append((start, end, match.aligned_words))
                lengths[place] = j.best.words
                exact |= {place} if match.longest_run >= 20 else set()
    given = {place: _distinct(found) for place, found in outputs.items()}
    counted = {place: n for place, n in given.items() if place in exact or n >= min(250, 0.5 * lengths[place])}
    return max(map(_distinct, works.values()), default=0), len(counted), sum(counted.values())


def _distinct(spans: list[tuple[int, int, int]]) -> int:
    """Return the words of all spans, in the proportion of the code points that they cover to those that they have together."""
    covered = len({at for start, end, _ in spans for at in range(start, end)})
    length = sum(end - start for start, end, _ in spans)
    return round(sum(words for *_, words in spans) * covered / length) if length else 0


def plain_digest(facts: Facts) -> str:
    """Return the digest over all facts, from one document."""

    def listed(*items: SubjectFacts) -> list[list[object]]:
        return [[s.subject.id, s.subject.digest, s.dataset, *map(list, s.values)] for s in items]

    groups = {"run": (facts.run,), "dataset": facts.datasets, "shard": tuple(facts.shards), "domain": facts.domains, "match": tuple(facts.matches)}
    return digest_of({kind: listed(*items) for kind, items in groups.items()})
