"""The numbers and shares of an audit record, each with what it is of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from provenance.audit.facts import GatheredFacts
from provenance.audit.judged import JudgedDataset
from provenance.audit.judgements import DatasetJudgement
from provenance.audit.states import ShardState
from provenance.audit.survey import MatchCounts, MatchSurvey
from provenance.model.absence import Absence, Permission, TriState
from provenance.model.audit import AskedDuty, DatasetSummary, MixtureShare, ShardSummary, TermsApplied, Totals
from provenance.model.dataset import Dataset
from provenance.model.finding import Action, Finding

SHARDS_LISTED = 1000
"""Shards listed in a record whatever became of them; those with an open finding are listed always."""


def count_totals(datasets: Sequence[JudgedDataset], gathered: GatheredFacts, findings: Sequence[Finding]) -> Totals:
    """Return the totals of an audit."""
    shards = [s for d in datasets for s in d.shards]
    found = MatchCounts.sum(c for counts in gathered.survey.shards for c in counts)
    under_terms, under_known_terms = _words_under_terms(datasets, gathered)
    open_actions: Counter[Action] = Counter()
    for finding in findings:
        open_actions[finding.action] += finding.size if finding.is_open else 0
    return Totals(
        datasets=len(datasets),
        shards_named=len(shards) + sum(d.version is None for d in datasets),
        shards_judged=sum(s.checked.state is ShardState.UNCHANGED and s.scan_state == "current" for s in shards),
        records=sum(s.checked.shard.records or 0 for s in shards),
        words=_words(datasets),
        words_with_known_license=_words(d for d in datasets if gathered.datasets[d.name].license.known),
        words_with_known_terms=_words(d for d in datasets if gathered.datasets[d.name].terms.outcome is not Permission.UNKNOWN),
        matches=found.matches,
        alarms=found.alarms,
        explained=found.matches - found.alarms,
        matched_words=found.words,
        words_shared_unlicensed=gathered.survey.unlicensed_words,
        deny=open_actions[Action.DENY],
        review=open_actions[Action.REVIEW],
        warn=open_actions[Action.WARN],
        waived=sum(f.waiver is not None for f in findings),
        words_under_terms=under_terms,
        words_under_known_terms=under_known_terms,
    )


def _words_under_terms(datasets: Sequence[JudgedDataset], gathered: GatheredFacts) -> tuple[int, int]:
    """Return the words that need terms, and those of them whose terms are known: of a dataset that no model or service made, the passages found in API outputs."""
    under = known = 0
    for i, judged in enumerate(datasets):
        judgement, words = gathered.datasets[judged.name], _words((judged,))
        if judged.synthetic is not TriState.NO or judgement.by_generator or judgement.terms_beside:
            under += words
            known += words if judgement.terms.outcome is not Permission.UNKNOWN else 0
            continue
        found = MatchCounts.sum(gathered.survey.shards[i])
        outputs = min(words, found.output_words)
        under += outputs
        known += max(0, outputs - (found.output_words - found.output_words_known))
    return under, known


def _words(datasets: Iterable[JudgedDataset]) -> int:
    return sum(s.words or 0 for d in datasets for s in d.shards)


def summarize_datasets(datasets: Sequence[JudgedDataset], gathered: GatheredFacts, findings: Sequence[Finding]) -> tuple[DatasetSummary, ...]:
    """Return what an audit says of each registered dataset."""
    pending: Counter[str] = Counter()
    for finding in findings:
        pending[finding.dataset] += finding.size if finding.is_open else 0
    summaries = []
    for i, judged in enumerate(datasets):
        if judged.version is None:
            continue
        found = MatchCounts.sum(gathered.survey.shards[i])
        summaries.append(
            DatasetSummary(
                dataset=judged.version.dataset,
                root_digest=judged.version.root_digest,
                shards=len(judged.shards),
                size_bytes=sum(s.checked.shard.size_bytes for s in judged.shards),
                records=sum(s.checked.shard.records or 0 for s in judged.shards),
                words=_words((judged,)),
                unread_records=sum(s.unread_records for s in judged.shards),
                weight=None if gathered.shares is None else gathered.shares[i],
                license_use=gathered.datasets[judged.name].license.use,
                synthetic=judged.synthetic,
                matches=found.matches,
                alarms=found.alarms,
                matched_words=found.words,
                open_findings=pending[judged.name],
            )
        )
    return tuple(summaries)


def summarize_shards(datasets: Sequence[JudgedDataset], survey: MatchSurvey, findings: Sequence[Finding]) -> tuple[ShardSummary, ...]:
    """Return the first shards, and every one with an open finding or a state that is not ``unchanged``."""
    flagged = {(f.dataset, f.subject.id) for f in findings if f.is_open}
    listed: list[ShardSummary] = []
    for judged, counts in zip(datasets, survey.shards, strict=True):
        for shard, found in zip(judged.shards, counts, strict=True):
            s, state = shard.checked.shard, shard.checked.state
            if len(listed) < SHARDS_LISTED or found.alarms or state is not ShardState.UNCHANGED or (judged.name, s.path) in flagged:
                listed.append(
                    ShardSummary(
                        dataset=judged.name,
                        path=s.path,
                        sha256=s.sha256,
                        size_bytes=s.size_bytes,
                        records=s.records,
                        words=s.words,
                        state=state.value,
                        alarms=found.alarms,
                        matched_words=found.words,
                        scan=shard.result.id if shard.result is not None else "",
                    )
                )
    return tuple(listed)


def mix(datasets: Sequence[JudgedDataset], gathered: GatheredFacts) -> tuple[MixtureShare, ...]:
    """Return the mixture's shares under each grouping, largest first; nothing where shares could not be computed."""
    if gathered.shares is None:
        return ()
    found: dict[tuple[str, str, TriState], float] = {}
    for judged, share in zip(datasets, gathered.shares, strict=True):
        dataset = judged.version.dataset if judged.version is not None else Dataset(name=judged.name)
        for grouping, label in _labels(dataset, judged.synthetic):
            key = (grouping, label, judged.synthetic)
            found[key] = found.get(key, 0.0) + share
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    return tuple(MixtureShare(grouping=g, label=label, share=share, synthetic=s) for (g, label, s), share in ordered)


def _labels(dataset: Dataset, synthetic: TriState) -> list[tuple[str, str]]:
    providers = {g.provider for g in dataset.generators}
    made_by_people = "no model" if synthetic is TriState.NO else Absence.UNKNOWN.value
    return [
        ("source", dataset.source.kind.value),
        ("license", dataset.license.effective),
        ("provider", ", ".join(sorted(providers)) or made_by_people),
        ("language", ", ".join(dataset.languages) or Absence.UNKNOWN.value),
        ("synthetic", synthetic.value),
        ("domain", dataset.domain),
    ]


def list_terms(datasets: Sequence[JudgedDataset], judgements: Mapping[str, DatasetJudgement]) -> tuple[TermsApplied, ...]:
    """Return which terms applied to which dataset, one row a generator and version."""
    return tuple(
        TermsApplied(
            dataset=judged.name,
            provider=layer.provider,
            terms=layer.terms,
            title=layer.title,
            effective_from=layer.effective_from,
            effective_to=layer.effective_to,
            generated_from=generator.generated.start,
            generated_to=generator.generated.end,
            outcome=(layer.outcome or Permission.UNKNOWN).value,
            clauses=layer.clauses,
        )
        for judged in datasets
        for generator, answer in judgements[judged.name].by_generator
        for layer in answer.layers
    )


def list_duties(datasets: Sequence[JudgedDataset], gathered: GatheredFacts) -> tuple[AskedDuty, ...]:
    """Return the duties that licences and terms of the mixture and of all that it comes from bring, of each dataset once."""
    return tuple(dict.fromkeys(replace(duty, dataset=judged.name) for judged in datasets for duty in gathered.datasets[judged.name].duties))


def list_obligations(duties: Iterable[AskedDuty]) -> tuple[str, ...]:
    """Return duties in words, which a clearance then records as conditions."""
    return tuple(dict.fromkeys(f"{duty.text} ({duty.dataset})" for duty in duties))
