"""The matches of a run with the facts that rules read of them, made one by one while they are gone through: there may be millions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.audit.judged import JudgedDataset, match_id
from provenance.audit.judgements import MatchJudgement
from provenance.audit.survey import Judge, MatchSurvey, Unit
from provenance.canonical import digest_of
from provenance.licensing.resolution import TermsAnswer
from provenance.model.absence import is_absent
from provenance.model.finding import FindingEvidence, Subject, SubjectKind
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from provenance.policy.facts import FactValue, SubjectFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMatch:
    """A match with what is known of it."""

    id: str
    dataset: str
    match: Match
    judgements: tuple[MatchJudgement, ...]
    """One for every kind of reference that holds the passage, the best reference's kind first."""
    facts: tuple[SubjectFacts, ...]
    """One for each judgement."""


@dataclass(frozen=True, slots=True)
class JudgedMatches:
    """All matches of a run, each once: a run may name a dataset twice."""

    datasets: Sequence[JudgedDataset]
    judge: Judge
    survey: MatchSurvey

    def __iter__(self) -> Iterator[JudgedMatch]:
        """Go through them in the order of datasets, shards and their evidence.

        Raises:
            RegistryError: If evidence was lost or changed meanwhile.
        """
        seen: set[str] = set()
        for judged in self.datasets:
            for shard in judged.shards:
                unit = (judged.name, shard.checked.shard.path)
                for match in shard.matches:
                    key = match_id(judged.name, match)
                    if self.survey.is_repeated(unit, key):
                        if key in seen:
                            continue
                        seen.add(key)
                    yield self._judged(key, unit, match)

    def _judged(self, key: str, unit: Unit, match: Match) -> JudgedMatch:
        judgements = self.judge(match)
        facts = tuple(_match_facts(key, unit[0], match, j, self.survey.record_words(unit, match, j.kind)) for j in judgements)
        return JudgedMatch(id=key, dataset=unit[0], match=match, judgements=judgements, facts=facts)


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """The facts alone."""

    matches: JudgedMatches

    def __iter__(self) -> Iterator[SubjectFacts]:
        """Go through them in order."""
        return (facts for item in self.matches for facts in item.facts)


def match_subject(key: str, match: Match, judged_as: ReferenceKind) -> Subject:
    """Return what a rule judges where it looks at the references of one kind that hold a passage.

    Args:
        key: The match's id.
        match: The match.
        judged_as: The kind.
    """
    digest = key if judged_as is match.kind else digest_of([key, judged_as.value])
    return Subject(kind=SubjectKind.MATCH, id=key, digest=digest)


def terms_values(answer: TermsAnswer) -> dict[str, FactValue]:
    """Return the facts of what terms say."""
    return {
        "terms.this_use": answer.outcome.value,
        "terms.ids": tuple(layer.terms for layer in answer.layers),
        "terms.reasons": answer.reasons,
    }


def _match_facts(key: str, dataset: str, match: Match, judgement: MatchJudgement, record_words: int) -> SubjectFacts:
    record = judgement.reference
    values: dict[str, FactValue] = {
        "path": match.path,
        "document": match.doc_id,
        "kind": judgement.kind.value,
        "explained": "YES" if match.explained else "NO",
        "because": "none" if match.because is None else match.because.value,
        "words": match.words,
        "aligned_words": match.aligned_words,
        "record_words": record_words,
        "reference.id": record.id,
        "reference.title": record.title,
        "reference.name": record.id if is_absent(record.title) else record.title,
        "reference.holder": record.holder,
        "reference.provider": record.provider,
        "reference.model": record.model,
        "reference.license.this_use": judgement.license.value,
        "reference.license.expression": record.license,
        **terms_values(judgement.terms),
    }
    others = f" and {len(match.also)} more" if match.also else ""
    summary = f"{match.aligned_words} words shared with {record.id}{others} in a passage of {match.words}, longest run {match.longest_run}"
    return SubjectFacts(
        subject=match_subject(key, match, judgement.kind),
        values=tuple(values.items()),
        dataset=dataset,
        clauses=judgement.terms.clauses,
        evidence=(FindingEvidence(kind="match", digest=key, summary=summary),),
        weight=match.aligned_words,
    )
