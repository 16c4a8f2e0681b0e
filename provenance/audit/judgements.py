"""What licences and terms say of a run's datasets and of the passages found in them: the strictest of all that applies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provenance.audit.judged import JudgedDataset, match_id
from provenance.audit.licenses import stated_licenses
from provenance.canonical import digest_of
from provenance.licensing.classes import UNKNOWN_ASSESSMENT, LicenseAssessment, LicenseCatalog, strictest_license
from provenance.licensing.resolution import RunUse, TermsAnswer, resolve, resolve_named, strictest
from provenance.licensing.terms import TermsCatalog
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import Generator
from provenance.model.finding import FindingEvidence
from provenance.model.match import ALSO_LISTED, Explanation, Match
from provenance.model.reference import ReferenceKind, ReferenceRecord

ReferenceLookup = Callable[[str, str], ReferenceRecord]
"""(reference set, reference id) → who and what it is."""
_NO_TERMS_NEEDED = "no model made it, so no generator's terms apply"
_UNLISTED = "more references hold the passage than are listed with it"
_STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
_GIVEN_AWAY, _MANY, _EXACT = 0.5, 250, 20
"""An output is given away by short passages that hold this share of its words, or so many; or by one with so many words exactly as it has them."""
Place = tuple[str, str]
"""(reference set, reference)."""
_Spans = dict[Place, list[tuple[int, int, int]]]
_PIECES = frozenset({Explanation.SHORT_PASSAGE, Explanation.QUOTATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogs:
    """What terms and licences say."""

    terms: TermsCatalog
    licenses: LicenseCatalog


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetJudgement:
    """What terms and licence of one dataset say about the run."""

    license: LicenseAssessment
    terms: TermsAnswer
    by_generator: tuple[tuple[Generator, TermsAnswer], ...]
    agreed: TriState = TriState.YES
    """Whether the places that state a licence agree, or a person settled it."""
    statements: tuple[str, ...] = ()
    """What was read of licences beside the effective one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchJudgement:
    """What may be done with the text that a match shares, by all references of one kind that hold it."""

    kind: ReferenceKind
    reference: ReferenceRecord
    """The best of them."""
    license: Permission
    terms: TermsAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """What explained passages of one dataset, each harmless alone, give away together."""

    words: int
    """Most words of one unlicensed work."""
    outputs: int
    """API outputs under terms that do not allow this use of which at least half is given away, or many words, or a long exact run."""
    output_words: int
    """Words that are given away of these."""
    evidence: tuple[FindingEvidence, ...]


def add_pieces(judged: JudgedDataset, judgements: Mapping[str, tuple[MatchJudgement, ...]]) -> Pieces:
    """Add up the distinct words of the short and quoted passages of a dataset, by work and by API output.

    Boilerplate, licence texts, prompts and what models say alike is nobody's in particular and is left out. Of an output that shares only a phrase here and
    there nothing is given away: any two answers to one question do. Nobody hits on twenty words in a row.
    """
    works: _Spans = {}
    outputs: _Spans = {}
    lengths: dict[Place, int] = {}
    exact: set[Place] = set()
    for match in judged.matches:
        if match.because not in _PIECES:
            continue
        for judgement in judgements[match_id(judged.name, match)]:
            place, span = _place(match, judgement)
            if judgement.kind is ReferenceKind.WORK and judgement.license is not Permission.ALLOWED:
                works.setdefault(place, []).append(span)
            elif judgement.kind is ReferenceKind.API_OUTPUT and judgement.terms.outcome is not Permission.ALLOWED:
                outputs.setdefault(place, []).append(span)
                lengths[place] = judgement.reference.words
                exact |= {place} if match.longest_run >= _EXACT else set()
    words, work = max(((_distinct_words(found), place) for place, found in works.items()), default=(0, ("", "")))
    given = {place: _distinct_words(found) for place, found in outputs.items()}
    given = {place: count for place, count in given.items() if place in exact or count >= min(_MANY, _GIVEN_AWAY * lengths[place])}
    evidence = []
    if words:
        text = f"{len(works[work])} short or quoted passages give away {words} words of {work[1]}"
        evidence.append(FindingEvidence(kind="pieces", digest=digest_of([judged.name, text]), summary=text))
    if given:
        passages = sum(len(outputs[place]) for place in given)
        text = f"{passages} passages, each too short to count alone, give away {sum(given.values())} words of {len(given)} API outputs"
        evidence.append(FindingEvidence(kind="pieces", digest=digest_of([judged.name, text]), summary=text))
    return Pieces(words=words, outputs=len(given), output_words=sum(given.values()), evidence=tuple(evidence))


def _place(match: Match, judgement: MatchJudgement) -> tuple[Place, tuple[int, int, int]]:
    """Return the reference that a judgement is about, and where the passage stands in it: code points, and how many words are shared."""
    name = judgement.reference.id
    for also in match.also if match.kind is not judgement.kind else ():
        if also.reference == name:
            return (also.reference_set or match.reference_set, name), (also.start, also.end, match.aligned_words)
    return (match.reference_set, name), (match.reference_start, match.reference_end, match.aligned_words)


def _distinct_words(spans: list[tuple[int, int, int]]) -> int:
    """Return about how many different words of a text the passages cover: a passage that stands twice counts once."""
    covered = reach = 0
    for start, end, _ in sorted(spans):
        covered += max(end - max(start, reach), 0)
        reach = max(reach, end)
    length = sum(end - start for start, end, _ in spans)
    return round(sum(words for _, _, words in spans) * covered / length) if length else 0


def judge_dataset(judged: JudgedDataset, catalogs: Catalogs, use: RunUse, *, today: str) -> DatasetJudgement:
    """Return what licence and terms say of a dataset: of all that is registered of its text, the strictest."""
    if judged.version is None:
        unknown = TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=("the dataset is not registered",), rules=())
        return DatasetJudgement(license=UNKNOWN_ASSESSMENT, terms=unknown, by_generator=(), agreed=TriState.UNKNOWN)
    everything = (judged.version.dataset, *judged.related)
    by_generator = tuple((g, resolve(catalogs.terms, g, use)) for d in everything for g in d.generators)
    answers = [a for _, a in by_generator]
    answers += [resolve_named(catalogs.terms, d.terms, use) for d in everything if d.terms]
    answers += [_without_generator(d.synthetic) for d in everything if not d.generators and (not d.terms or d.synthetic is not TriState.NO)]
    files = tuple(s.checked.shard for s in judged.shards)
    stated = [stated_licenses(d, files if i == 0 else (), today) for i, d in enumerate(everything)]
    found = [catalogs.licenses.assess(value, use.commercial, synthetic=judged.synthetic) for s in stated for value in s.values]
    for name in judged.unknown_ancestors:
        reason = f"it derives from {name}, which is not registered"
        answers.append(TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=("RR13",)))
        found.append(UNKNOWN_ASSESSMENT)
    terms = strictest(answers) if len(answers) > 1 else answers[0]
    return DatasetJudgement(
        license=strictest_license(found),
        terms=terms,
        by_generator=by_generator,
        agreed=TriState.NO if any(s.agreed is TriState.NO for s in stated) else TriState.YES,
        statements=tuple(f"{d.name}: {text}" for d, s in zip(everything, stated, strict=True) for text in s.summaries),
    )


def _without_generator(synthetic: TriState) -> TermsAnswer:
    if synthetic is TriState.NO:
        return TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=(_NO_TERMS_NEEDED,), rules=())
    reason = "a model made it, and nobody says which" if synthetic is TriState.YES else "nobody says whether a model made it"
    return TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=("RR13",))


def judge_match(match: Match, catalogs: Catalogs, use: RunUse, lookup: ReferenceLookup) -> tuple[MatchJudgement, ...]:
    """Judge a match by all references that hold the passage: of each kind the strictest decides, so that a book never hides an API output."""
    best = lookup(match.reference_set, match.reference)
    by_kind: dict[ReferenceKind, list[ReferenceRecord]] = {match.kind: [best]}
    for also in match.also:
        record = lookup(also.reference_set or match.reference_set, also.reference)
        by_kind.setdefault(record.kind, []).append(record)
    unlisted = len(match.also) >= ALSO_LISTED
    return tuple(_judge_kind(kind, records, catalogs, use, unlisted=unlisted) for kind, records in by_kind.items())


def _judge_kind(kind: ReferenceKind, records: list[ReferenceRecord], catalogs: Catalogs, use: RunUse, *, unlisted: bool) -> MatchJudgement:
    """Return the strictest of the records; where more references hold the passage than a match lists, the others are unknown."""
    permissions = [_reference_license(r, catalogs, use) for r in records]
    answers = [_reference_terms(r, catalogs, use) for r in records]
    if unlisted:
        permissions.append(Permission.UNKNOWN)
        answers.append(TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(_UNLISTED,), rules=()))
    return MatchJudgement(kind=kind, reference=records[0], license=max(permissions, key=_STRICTNESS.index), terms=strictest(answers))


def _reference_license(record: ReferenceRecord, catalogs: Catalogs, use: RunUse) -> Permission:
    if "PUBLIC-DOMAIN" in {record.holder.upper(), record.license.upper()}:
        return Permission.ALLOWED
    return catalogs.licenses.assess(catalogs.licenses.normalize(record.license)[0], use.commercial).this_use


def _reference_terms(record: ReferenceRecord, catalogs: Catalogs, use: RunUse) -> TermsAnswer:
    if record.kind is not ReferenceKind.API_OUTPUT:
        return TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=(_NO_TERMS_NEEDED,), rules=())
    generator = Generator(provider=record.provider, model=record.model, channel=record.channel, region=record.region, generated=record.generated)
    return resolve(catalogs.terms, generator, use)
