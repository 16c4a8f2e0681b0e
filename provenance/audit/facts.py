"""Turn what is known of a run into the typed facts that rules read. Nothing is guessed: what is not known is UNKNOWN."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.disclosure import disclosure_evidence, disclosure_values
from provenance.audit.exclusion_facts import exclusion_evidence, exclusion_values
from provenance.audit.judged import JudgedDataset, JudgedShard, shares
from provenance.audit.judgements import Catalogs, DatasetJudgement, MatchJudges, ReferenceLookup, judge_dataset
from provenance.audit.matches import JudgedMatches, MatchFacts, terms_values
from provenance.audit.mixture import combine_datasets, mixture_evidence, mixture_values, uses_of
from provenance.audit.naming import output_naming
from provenance.audit.origins import domain_facts, holds_outputs, origin_shares, teacher_values
from provenance.audit.pieces import Pieces
from provenance.audit.run_facts import stated_values
from provenance.audit.run_statements import with_statements
from provenance.audit.states import ShardState
from provenance.audit.survey import MatchSurvey, survey_matches
from provenance.audit.works import Works
from provenance.canonical import digest_of
from provenance.licensing.mixture import Mixture
from provenance.licensing.resolution import RunUse
from provenance.licensing.uses import MODEL_KINDS
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import Dataset
from provenance.model.exclusion import Demand
from provenance.model.finding import FindingEvidence, Subject, SubjectKind
from provenance.model.run import Run
from provenance.model.wire import to_wire
from provenance.policy.facts import Facts, FactValue, SubjectFacts

_MODELS_SHOWN = 8

_PATTERNS_NAMED = 8
"""Patterns of assistants that a dataset's evidence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredFacts:
    """The facts, and what they were made from."""

    facts: Facts
    datasets: Mapping[str, DatasetJudgement]
    matches: JudgedMatches
    """All matches with their facts, made anew each time they are gone through."""
    survey: MatchSurvey
    shares: tuple[float, ...] | None


def run_use(run: Run, *, today: str = "") -> RunUse:
    """Return what terms care about in a run; ``today`` is the day of the audit, without which no approval counts."""
    known = RunUse(
        commercial=run.purpose.commercial,
        distribute_weights=distributes_weights(run),
        not_competing_with=tuple(c.provider for c in run.purpose.competes_with if not c.value),
        competing_with=tuple(c.provider for c in run.purpose.competes_with if c.value),
        others_compete=TriState.YES,
        kind=model_kind(run.model.kind),
        family=run.model.base or Absence.UNKNOWN.value,
        monthly_active_users=run.organization.monthly_active_users,
    )
    return with_statements(known, run, today=today)


def model_kind(text: str) -> str:
    """Return the kind of model as terms tell kinds apart; a word that says none of them is no kind.

    >>> model_kind("chat-llm"), model_kind("small")
    ('llm', 'UNKNOWN')
    """
    words = text.lower().replace("_", "-").split("-")
    return next((kind for kind in MODEL_KINDS if kind in words and kind != "other"), Absence.UNKNOWN.value)


def distributes_weights(run: Run) -> TriState:
    """Tell whether the model's weights will be released."""
    return {"open": TriState.YES, "closed": TriState.NO}.get(run.model.release.weights, TriState.UNKNOWN)


def gather_facts(
    run: Run,
    datasets: tuple[JudgedDataset, ...],
    catalogs: Catalogs,
    lookup: ReferenceLookup,
    *,
    today: str,
    reference_counts: Mapping[str, int] | None = None,
    work_sets: int | None = None,
    demands: Sequence[Demand] = (),
) -> GatheredFacts:
    """Return the facts of a run; its matches are gone through once for it, and their facts made when they are asked for.

    Args:
        run: The run file.
        datasets: The datasets it names, in its order.
        catalogs: Terms and licences.
        lookup: Finds references by set and id.
        today: ``YYYY-MM-DD``, UTC.
        demands: Demands that something be kept out, which the datasets' states are of.
        reference_counts: How many references each set of the run holds; where it is not given, every set named counts as holding some.
        work_sets: How many of these sets are of works; where it is not given, all of them.
    """
    use = run_use(run, today=today)
    parts = shares(datasets)
    judged = {d.name: judge_dataset(d, catalogs, use, today=today) for d in datasets}
    judge = MatchJudges(catalogs, use, lookup).judge
    survey = survey_matches(datasets, judge)
    matches = JudgedMatches(datasets, judge, survey)
    mixture = combine_datasets(run, datasets, judged, catalogs.licenses, uses=uses_of(distributes_weights(run)), parts=parts)
    of_run = _with_mixture(_run_facts(run, datasets, parts, today, reference_counts or dict.fromkeys(run.references, 1)), mixture)
    of_datasets = (_dataset_facts(d, judged[d.name], None if parts is None else parts[i], survey.pieces[i]) for i, d in enumerate(datasets))
    compared, whole = len(run.references) if work_sets is None else work_sets, survey.all_works
    facts = Facts(
        run=_with_values(of_run, {**stated_values(run, catalogs, today=today), "works.compared": compared, **whole.values}, whole.evidence),
        datasets=tuple(
            _with_more(_with_exclusions(item, d, demands), d, judged[d.name], survey.works[i], run.model.name)
            for i, (item, d) in enumerate(zip(of_datasets, datasets, strict=True))
        ),
        shards=ShardFacts(datasets, judged, lambda part: judge_dataset(part, catalogs, use, today=today)),
        domains=domain_facts(datasets, parts),
        matches=MatchFacts(matches),
    )
    return GatheredFacts(facts=facts, datasets=judged, matches=matches, survey=survey, shares=parts)


def _with_mixture(facts: SubjectFacts, mixture: Mixture | None) -> SubjectFacts:
    values = (*facts.values, *_pairs(mixture_values(mixture)))
    return replace(facts, values=values, evidence=(*facts.evidence, *mixture_evidence(mixture)))


def _run_facts(
    run: Run, datasets: tuple[JudgedDataset, ...], parts: tuple[float, ...] | None, today: str, reference_counts: Mapping[str, int]
) -> SubjectFacts:
    shards = [s for d in datasets for s in d.shards]
    words = [s.words for s in shards]
    known = bool(words) and None not in words and all(d.version is not None for d in datasets)
    values: dict[str, FactValue] = {
        "model.name": run.model.name,
        "model.kind": run.model.kind,
        "commercial": run.purpose.commercial.value,
        "distribute_weights": distributes_weights(run).value,
        "now": today,
        "datasets": len(datasets),
        "datasets_empty": sum(not d.shards for d in datasets),
        "shards": len(shards),
        "words": sum(w or 0 for w in words) if known else 0,
        "words_known": _yes(known),
        "references": sum(reference_counts.get(name, 0) > 0 for name in run.references),
        "references_empty": sum(reference_counts.get(name, 0) == 0 for name in run.references),
        "scans_missing": sum(s.scan_state != "current" for s in shards),
        **origin_shares(datasets, parts),
    }
    evidence = (FindingEvidence(kind="share", digest=run.digest, summary=_share_summary(values)),)
    return SubjectFacts(subject=Subject(kind=SubjectKind.RUN, id=run.model.name, digest=run.digest), values=_pairs(values), evidence=evidence)


def _share_summary(values: Mapping[str, FactValue]) -> str:
    if values["mixture_known"] != "YES":
        return "shares of the mixture could not be computed"
    return f"{float(str(values['synthetic_share'])):.1%} of the mixture is synthetic, at most {float(str(values['synthetic_share_upper'])):.1%}"


def _dataset_facts(judged: JudgedDataset, judgement: DatasetJudgement, share: float | None, pieces: Pieces) -> SubjectFacts:
    version = judged.version
    dataset = version.dataset if version is not None else Dataset(name=judged.name)
    state = "unregistered" if version is None else "registered" if judged.shards else "empty"
    values: dict[str, FactValue] = {
        "name": judged.name,
        "state": state,
        "source": dataset.source.kind.value,
        "obtained": dataset.obtained.value,
        "shards": len(judged.shards),
        "unread_records": sum(s.unread_records for s in judged.shards),
        "left_out_fields": len({f.field for s in judged.shards for f in s.left_out}),
        "terms_named": judgement.terms_beside,
        "pieces.words": pieces.words,
        "pieces.outputs": pieces.outputs,
        "pieces.output_words": pieces.output_words,
        **_suspect_values(judged),
        **exclusion_values(judged),
        "share": share or 0.0,
        "share_known": _yes(share is not None),
        **_origin(judged, dataset),
        **_license(judgement),
        "license.database": dataset.details.container_license.value,
        **terms_values(judgement.terms),
    }
    digest = version.root_digest if version is not None else digest_of({"dataset": judged.name})
    return SubjectFacts(
        subject=Subject(kind=SubjectKind.DATASET, id=judged.name, digest=digest),
        values=_pairs(values),
        dataset=judged.name,
        clauses=judgement.terms.clauses,
        evidence=(*_dataset_evidence(judged, dataset, judgement, state), *pieces.evidence, *_suspect_evidence(judged)),
    )


def _with_values(facts: SubjectFacts, more: Mapping[str, FactValue], evidence: Iterable[FindingEvidence]) -> SubjectFacts:
    """Return facts with more of them, and with what backs these."""
    return replace(facts, values=(*facts.values, *more.items()), evidence=(*facts.evidence, *evidence))


def _with_more(facts: SubjectFacts, judged: JudgedDataset, judgement: DatasetJudgement, works: Works, model: str) -> SubjectFacts:
    """Return the facts of a dataset with those on who wrote it, names, works and what the law asks to be known."""
    naming = output_naming(model, judgement.terms, holds_outputs(judged))
    values = {**teacher_values(judged), **naming, **disclosure_values(judged), **works.values}
    return _with_values(facts, values, (*disclosure_evidence(judged), *works.evidence))


def _with_exclusions(facts: SubjectFacts, judged: JudgedDataset, demands: Sequence[Demand]) -> SubjectFacts:
    return replace(facts, evidence=(*facts.evidence, *exclusion_evidence(judged, demands)))


def _suspect_values(judged: JudgedDataset) -> dict[str, FactValue]:
    results = [s.result for s in judged.shards]
    found = [r for r in results if r is not None]
    records = sum(r.records for r in found)
    suspected = sum(r.suspected_records for r in found)
    return {
        "suspects_known": _yes(bool(found) and len(found) == len(results)),
        "suspected_records": suspected,
        "suspected_share": suspected / records if records else 0.0,
    }


def _suspect_evidence(judged: JudgedDataset) -> Iterable[FindingEvidence]:
    """Yield how many records of a dataset hold each pattern, the most frequent first."""
    records: Counter[str] = Counter()
    for shard in judged.shards:
        for count in shard.result.suspects if shard.result is not None else ():
            records[count.pattern] += count.records
    for pattern, held in records.most_common(_PATTERNS_NAMED):
        text = f"{pattern} in {held} records"
        yield FindingEvidence(kind="suspects", digest=digest_of([judged.name, text]), summary=text)


def _dataset_evidence(judged: JudgedDataset, dataset: Dataset, judgement: DatasetJudgement, state: str) -> tuple[FindingEvidence, ...]:
    declared = dataset.license.declared
    said = f' (written as "{declared.original}")' if declared.original and declared.original != declared.value else ""
    claim = f"declared {declared.value}{said}, detected {dataset.license.detected.value}, concluded {dataset.license.concluded.value}"
    digest = judged.version.root_digest if judged.version is not None else digest_of({"dataset": judged.name})
    items = [
        FindingEvidence(kind="license", digest=digest_of(to_wire(dataset.license)), summary=claim),
        FindingEvidence(kind="digest", digest=digest, summary=f"{dataset.name}: {state}"),
    ]
    for number, other in enumerate(judged.related):
        place = f"from {judged.ancestors[number].summary}" if judged.ancestors else f"{other.name}, from which it derives or whose bytes it holds"
        text = f"also judged as {place}: licence {other.license.effective}, synthetic {other.synthetic}"
        items += [FindingEvidence(kind=kind, digest=digest_of([kind, text]), summary=text) for kind in ("license", "terms")]
    lost = [f"derives from {name}, which is not registered" for name in judged.unknown_ancestors]
    for text in [*lost, *(f"a step generated {name}, and its facts name no model" for name in judged.generated)]:
        items += [FindingEvidence(kind=kind, digest=digest_of([kind, text]), summary=text) for kind in ("license", "terms")]
    items += [FindingEvidence(kind="license", digest=digest_of({"stated": text}), summary=text) for text in judgement.statements]
    items += [FindingEvidence(kind="terms", digest=digest_of({"reason": r}), summary=r) for r in judgement.terms.reasons]
    return tuple(items)


@dataclass(frozen=True, slots=True)
class ShardFacts:
    """The facts of all shards, made anew each time they are gone through: there may be millions."""

    datasets: tuple[JudgedDataset, ...]
    judgements: Mapping[str, DatasetJudgement]
    judge: Callable[[JudgedDataset], DatasetJudgement]
    """Judges a part of a dataset that inherits from less than the whole."""

    def __iter__(self) -> Iterator[SubjectFacts]:
        """Go through them, in the order of the run and of the manifests."""
        for dataset in self.datasets:
            yield from _shard_facts(dataset, self.judgements[dataset.name], self.judge)


def _shard_facts(judged: JudgedDataset, judgement: DatasetJudgement, judge: Callable[[JudgedDataset], DatasetJudgement]) -> Iterable[SubjectFacts]:
    """Yield the facts of every shard; those that inherit from less than the whole dataset are judged by that, each such inheritance once."""
    if judged.version is None:
        return
    shared, evidence = _shared(judged, judgement)
    # By identity: shards that inherit alike share one value, and hashing it means hashing the facts of all ancestors.
    parts: dict[int, tuple[DatasetJudgement, dict[str, FactValue], tuple[FindingEvidence, ...]]] = {id(None): (judgement, shared, evidence)}
    for shard in judged.shards:
        key = id(shard.inheritance)
        if key not in parts:
            part = judged.for_shard(shard)
            found = judge(part)
            parts[key] = (found, *_shared(part, found))
        of_shard, values, items = parts[key]
        yield _one_shard(judged, shard, values, items, of_shard)
    for path in judged.unregistered:
        values = {**shared, **_shard_values(judged.name, path, ShardState.UNREGISTERED.value, "none", 0, None)}
        subject = Subject(kind=SubjectKind.SHARD, id=path, digest=digest_of({"unregistered": path}))
        summary = f"{path} stands beside the shards of {judged.name} and is not registered"
        item = FindingEvidence(kind="digest", digest=subject.digest, summary=summary)
        yield SubjectFacts(subject=subject, values=_pairs(values), dataset=judged.name, clauses=judgement.terms.clauses, evidence=(item, *evidence))


def _shared(judged: JudgedDataset, judgement: DatasetJudgement) -> tuple[dict[str, FactValue], tuple[FindingEvidence, ...]]:
    """Return the values and the evidence that shards have in common."""
    dataset = judged.version.dataset if judged.version is not None else Dataset(name=judged.name)
    shared = {**_origin(judged, dataset), **_license(judgement), **terms_values(judgement.terms)}
    return shared, _dataset_evidence(judged, dataset, judgement, "registered")


def _one_shard(
    judged: JudgedDataset, shard: JudgedShard, shared: Mapping[str, FactValue], evidence: tuple[FindingEvidence, ...], judgement: DatasetJudgement
) -> SubjectFacts:
    s, state = shard.checked.shard, shard.checked.state
    values = {**shared, **_shard_values(judged.name, s.path, state.value, shard.scan_state, shard.unread_records, s.words, len(shard.left_out))}
    items = [FindingEvidence(kind="digest", digest=s.sha256, summary=f"{s.path}: {state.value} since it was registered")]
    if shard.outcome is not None and shard.outcome.result is not None:
        result = shard.outcome.result
        items.append(
            FindingEvidence(
                kind="scan", digest=result.id, summary=f"{result.records} records, {result.matches} matches, {len(result.problems)} unread"
            )
        )
        items += [
            FindingEvidence(kind="scan", digest=result.id, summary=f"field {f.field}: not read, long text in {f.records} records")
            for f in result.left_out[:3]
        ]
        items += [FindingEvidence(kind="scan", digest=result.id, summary=f"line {p.line}: {p.message}") for p in result.problems[:3]]
    elif shard.outcome is not None and shard.outcome.error:
        items.append(FindingEvidence(kind="scan", digest=s.sha256, summary=shard.outcome.error))
    return SubjectFacts(
        subject=Subject(kind=SubjectKind.SHARD, id=s.path, digest=s.sha256),
        values=_pairs(values),
        dataset=judged.name,
        clauses=judgement.terms.clauses,
        evidence=(*items, *evidence),
    )


def _shard_values(dataset: str, path: str, state: str, scan: str, unread: int, words: int | None, left_out: int = 0) -> dict[str, FactValue]:
    return {
        "path": path,
        "dataset": dataset,
        "state": state,
        "scan": scan,
        "unread_records": unread,
        "left_out_fields": left_out,
        "words": words or 0,
        "words_known": _yes(words is not None),
    }


def _origin(judged: JudgedDataset, dataset: Dataset) -> dict[str, FactValue]:
    everything = (dataset, *judged.related)
    generators = [g for d in everything for g in d.generators]
    unnamed = judged.generated or judged.unknown_ancestors or any(d.synthetic is not TriState.NO and not d.writers for d in everything)
    lost = [Absence.UNKNOWN.value] if unnamed else []
    return {
        "synthetic": judged.synthetic.value,
        "domain": dataset.domain,
        "provider": _joined([*(g.provider for g in generators), *lost]),
        "model": _joined([*(g.model for g in generators), *lost]),
    }


def _joined(names: list[str]) -> str:
    """Return names joined by commas; one that is not known makes the whole not known."""
    unique = list(dict.fromkeys(names))
    if not unique or any(is_absent(n) for n in unique):
        return Absence.UNKNOWN.value
    return ", ".join(unique[:_MODELS_SHOWN])


def _license(judgement: DatasetJudgement) -> dict[str, FactValue]:
    found = judgement.license
    return {
        "license.expression": judgement.expression,
        "license.use": found.use,
        "license.known": _yes(found.known),
        "license.this_use": found.this_use.value,
        "license.attribution": found.attribution.value,
        "license.share_alike": found.share_alike.value,
        "license.no_derivatives": found.no_derivatives.value,
        "license.agreed": judgement.agreed.value,
        "license.flow_down": found.behavioural_restrictions.value,
    }


def _pairs(values: Mapping[str, FactValue]) -> tuple[tuple[str, FactValue], ...]:
    return tuple(values.items())


def _yes(value: bool) -> str:
    return "YES" if value else "NO"
