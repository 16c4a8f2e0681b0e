"""What licences and terms say of a run's datasets and of the passages found in them: the strictest of all that applies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from provenance.audit.duties import license_duties, terms_duties
from provenance.audit.judged import JudgedDataset
from provenance.audit.licenses import stated_licenses
from provenance.audit.lineage import Ancestor
from provenance.audit.sites import answers_of_sites
from provenance.licensing.classes import UNKNOWN_ASSESSMENT, LicenseAssessment, LicenseCatalog, strictest_license
from provenance.licensing.expression import join_all
from provenance.licensing.resolution import RunUse, TermsAnswer, notorious_answer, resolve, resolve_named, strictest
from provenance.licensing.terms import TermsCatalog
from provenance.model.absence import Absence, Permission, TriState, is_absent
from provenance.model.audit import AskedDuty
from provenance.model.dataset import Dataset, Generator
from provenance.model.match import ALSO_LISTED, Match
from provenance.model.reference import ReferenceKind, ReferenceRecord

ReferenceLookup = Callable[[str, str], ReferenceRecord]
"""(reference set, reference id) → who and what it is."""
_NO_TERMS_NEEDED = "no model made it, so no generator's terms apply"
_UNLISTED = "more references hold the passage than are listed with it"
_STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
_REMEMBERED = 10_000
"""Combinations of references of which the judgement is remembered."""
Key = TypeVar("Key")
Value = TypeVar("Value")


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
    expression: str = Absence.UNKNOWN.value
    """All licences that count, joined by AND; a named absence where one of them is not known."""
    duties: tuple[AskedDuty, ...] = ()
    """What licences and terms ask in return, each with the ancestor that it comes from."""
    licenses: tuple[str, ...] = (Absence.UNKNOWN.value,)
    """All licences and absences that count, the dataset's own first; each once."""
    terms_beside: int = 0
    """Terms that bind the text beside those of generators: named for it or what it comes from, of sites, and the bar on a notorious source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchJudgement:
    """What may be done with the text that a match shares, by all references of one kind that hold it."""

    kind: ReferenceKind
    reference: ReferenceRecord
    """The best of them."""
    license: Permission
    terms: TermsAnswer
    others: tuple[ReferenceRecord, ...] = ()
    """The rest of them, as far as the match lists them."""


def judge_dataset(judged: JudgedDataset, catalogs: Catalogs, use: RunUse, *, today: str) -> DatasetJudgement:
    """Return what licence and terms say of a dataset: of all that is registered of its text, the strictest."""
    if judged.version is None:
        unknown = TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=("the dataset is not registered",), rules=())
        return DatasetJudgement(license=UNKNOWN_ASSESSMENT, terms=unknown, by_generator=(), agreed=TriState.UNKNOWN)
    everything = (judged.version.dataset, *judged.related)
    places = ("", *(f"from {a.summary}" for a in judged.ancestors), *("" for _ in judged.related[len(judged.ancestors) :]))
    made = [(place, g, resolve(catalogs.terms, g, use)) for d, place in zip(everything, places, strict=True) for g in d.generators]
    answers = [a for _, _, a in made]
    named = [(place, resolve_named(catalogs.terms, d.terms, use)) for d, place in zip(everything, places, strict=True) if d.terms]
    answers += [a for _, a in named]
    gathered = [(place, a) for d, place in zip(everything, places, strict=True) for a in answers_of_sites(d, catalogs.terms, use)]
    answers += [a for _, a in gathered]
    answers += [_without_generator(d.synthetic) for d in everything if not d.writers and (not d.terms or d.synthetic is not TriState.NO)]
    files = tuple(s.checked.shard for s in judged.shards)
    own = stated_licenses(judged.version.dataset, files, today, judged.version.digests)
    stated = [own, *(stated_licenses(d, (), today) for d in judged.related)]
    values = [(place, v) for s, place in zip(stated, places, strict=True) for v in s.values]
    values += [(f"from {a.summary}", v) for a in judged.ancestors if is_absent(a.dataset.license.concluded.value) for v in _of_records(a)]
    values += [("", Absence.UNKNOWN.value) for _ in judged.unknown_ancestors]
    found = [(place, v, catalogs.licenses.assess(v, use.commercial, synthetic=judged.synthetic)) for place, v in values]
    answers += [_not_known(f"it derives from {name}, which is not registered") for name in judged.unknown_ancestors]
    answers += [_not_known(f"a model wrote {name}, and nobody says which") for name in judged.generated]
    tainted = [a for d in everything if (a := notorious_answer(catalogs.terms, _names(d))) is not None]
    answers += tainted
    terms = strictest(answers) if len(answers) > 1 else answers[0]
    license_ = strictest_license([a for _, _, a in found])
    return DatasetJudgement(
        license=replace(license_, this_use=Permission.PROHIBITED) if tainted else license_,
        terms=terms,
        by_generator=tuple((g, answer) for _, g, answer in made),
        agreed=TriState.NO if any(s.agreed is TriState.NO for s in stated) else TriState.YES,
        statements=tuple(f"{d.name}: {text}" for d, s in zip(everything, stated, strict=True) for text in s.summaries),
        expression=_joined(judged.version.dataset.license.effective, [v for _, v in values]),
        duties=tuple(dict.fromkeys(_duties(values, [*((place, a) for place, _, a in made), *named, *gathered], catalogs, use))),
        licenses=tuple(dict.fromkeys(v for _, v in values)),
        terms_beside=sum(len(d.terms) for d in everything) + len(gathered) + bool(tainted),
    )


def _names(dataset: Dataset) -> Iterable[str]:
    """Return the names under which a dataset, or what it was made from, may be known (RR18): its own, those of its parents, the parts of its address."""
    address = () if is_absent(dataset.source.url) else dataset.source.url.split("/")
    parents = (name.partition("@")[0] for name in dataset.derived_from)
    return (name for name in (dataset.name, *parents, *address) if name)


def _of_records(ancestor: Ancestor) -> Iterable[str]:
    return (v for v in ancestor.record_licenses if v != Absence.NOT_STATED.value)


def _not_known(reason: str) -> TermsAnswer:
    return TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=("RR13",))


def _joined(own: str, values: Iterable[str]) -> str:
    """Return all licences that count as one expression, the dataset's own first: what asks for one licence must not pass where another binds too."""
    distinct = sorted(set(values) - {own})
    unknown = next((v for v in (own, *distinct) if is_absent(v)), None)
    return unknown if unknown is not None else own if not distinct else join_all((own, *distinct))


def _duties(values: Iterable[tuple[str, str]], answers: Iterable[tuple[str, TermsAnswer]], catalogs: Catalogs, use: RunUse) -> Iterator[AskedDuty]:
    """Yield each duty with the ancestor that brings it."""
    for place, value in dict.fromkeys(values):
        yield from (replace(duty, place=place) for duty in license_duties(value, catalogs.licenses, use.commercial))
    by_place: dict[str, list[TermsAnswer]] = {}
    for place, answer in answers:
        by_place.setdefault(place, []).append(answer)
    for place, found in by_place.items():
        yield from (replace(duty, place=place) for duty in terms_duties(found))


def _without_generator(synthetic: TriState) -> TermsAnswer:
    if synthetic is TriState.NO:
        return TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=(_NO_TERMS_NEEDED,), rules=())
    reason = "a model made it, and nobody says which" if synthetic is TriState.YES else "nobody says whether a model made it"
    return TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=("RR13",))


class MatchJudges:
    """Judges matches, of which there may be millions: references that agree in all that licences and terms depend on are judged once."""

    def __init__(self, catalogs: Catalogs, use: RunUse, lookup: ReferenceLookup) -> None:
        """Take what decides.

        Args:
            catalogs: Terms and licences.
            use: What terms care about in the run.
            lookup: Finds references by set and id.
        """
        self._catalogs, self._use, self._lookup = catalogs, use, lookup
        self._known: dict[tuple[object, ...], tuple[MatchJudgement, ...]] = {}
        self._answers: dict[tuple[bool, tuple[ReferenceRecord, ...]], tuple[Permission, TermsAnswer]] = {}

    def judge(self, match: Match) -> tuple[MatchJudgement, ...]:
        """Judge a match by all references that hold the passage: of each kind the strictest decides, so that a book never hides an API output.

        Returns:
            One judgement for every kind of reference that holds the passage, the best reference's kind first.
        """
        held_by = (match.kind, match.reference_set, match.reference, *((a.reference_set, a.reference) for a in match.also))
        found = self._known.get(held_by)
        if found is None:
            found = self._judge(match)
            _remember(self._known, held_by, found)
        return found

    def _judge(self, match: Match) -> tuple[MatchJudgement, ...]:
        best = self._lookup(match.reference_set, match.reference)
        by_kind: dict[ReferenceKind, list[ReferenceRecord]] = {match.kind: [best]}
        for also in match.also:
            record = self._lookup(also.reference_set or match.reference_set, also.reference)
            by_kind.setdefault(record.kind, []).append(record)
        unlisted = len(match.also) >= ALSO_LISTED
        return tuple(self._judge_kind(kind, records, unlisted=unlisted) for kind, records in by_kind.items())

    def _judge_kind(self, kind: ReferenceKind, records: list[ReferenceRecord], *, unlisted: bool) -> MatchJudgement:
        """Return the strictest of the records; where more references hold the passage than a match lists, the others are unknown."""
        deciding = tuple(dict.fromkeys(map(_deciding, records)))
        answer = self._answers.get((unlisted, deciding))
        if answer is None:
            answer = self._strictest(deciding, unlisted=unlisted)
            _remember(self._answers, (unlisted, deciding), answer)
        return MatchJudgement(kind=kind, reference=records[0], license=answer[0], terms=answer[1], others=tuple(records[1:]))

    def _strictest(self, records: Sequence[ReferenceRecord], *, unlisted: bool) -> tuple[Permission, TermsAnswer]:
        permissions = [_reference_license(r, self._catalogs, self._use) for r in records]
        answers = [_reference_terms(r, self._catalogs, self._use) for r in records]
        if unlisted:
            permissions.append(Permission.UNKNOWN)
            answers.append(TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(_UNLISTED,), rules=()))
        return max(permissions, key=_STRICTNESS.index), strictest(answers)


def _remember(known: dict[Key, Value], key: Key, value: Value) -> None:
    """Keep what was judged, and begin anew where it grows too much: each API output of a corpus may be a reference of its own."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value


def _deciding(record: ReferenceRecord) -> ReferenceRecord:
    """Return a reference without all that licence and terms cannot depend on, so that they never see it."""
    return ReferenceRecord(
        id="",
        kind=record.kind,
        holder=record.holder,
        license=record.license,
        provider=record.provider,
        model=record.model,
        channel=record.channel,
        region=record.region,
        generated=record.generated,
    )


def _reference_license(record: ReferenceRecord, catalogs: Catalogs, use: RunUse) -> Permission:
    if "PUBLIC-DOMAIN" in {record.holder.upper(), record.license.upper()}:
        return Permission.ALLOWED
    return catalogs.licenses.assess(catalogs.licenses.normalize(record.license)[0], use.commercial).this_use


def _reference_terms(record: ReferenceRecord, catalogs: Catalogs, use: RunUse) -> TermsAnswer:
    if record.kind is not ReferenceKind.API_OUTPUT:
        return TermsAnswer(outcome=Permission.ALLOWED, layers=(), reasons=(_NO_TERMS_NEEDED,), rules=())
    generator = Generator(provider=record.provider, model=record.model, channel=record.channel, region=record.region, generated=record.generated)
    return resolve(catalogs.terms, generator, use)
