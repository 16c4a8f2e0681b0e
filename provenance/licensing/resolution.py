"""Which terms applied to generated text, and what they say about each use and about this run.

The rules are those of docs/rules/reading.md, and every answer cites the ones it rests on. Whatever no rule decides is UNKNOWN; PROHIBITED beats UNKNOWN
beats ALLOWED; nothing here ever turns silence into permission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from provenance.licensing.answers import TermsAnswer, TermsLayer, UseAnswer
from provenance.licensing.disagreements import Conflict, candidate_conflict, layer_conflicts, obligation_conflicts
from provenance.licensing.judging import Judged, judge
from provenance.licensing.periods import ALWAYS, Dated, Period, undated
from provenance.licensing.scenarios import Scenario, Situation, situation, versions_of
from provenance.licensing.splits import Split, split
from provenance.licensing.terms_duties import Obligation, merged_obligations
from provenance.licensing.terms_nearby import nearby_texts
from provenance.licensing.terms_said import Made, Said
from provenance.licensing.terms_values import DECIDING, TermsCatalog, TermsVersion
from provenance.licensing.uses import STRICTNESS, Approval, RunUse, Use, as_use, strictest_of, uses_of
from provenance.licensing.weighing import PeriodOutcome, Weighed, weigh
from provenance.model.absence import Absence, Permission
from provenance.model.dataset import Generator
from provenance.model.finding import ClauseCitation

__all__ = [
    "Approval",
    "Conflict",
    "Obligation",
    "RunUse",
    "Split",
    "TermsAnswer",
    "TermsLayer",
    "Use",
    "UseAnswer",
    "answer_uses",
    "notorious_answer",
    "obligation_conflicts",
    "resolve",
    "resolve_named",
    "strictest",
]

_DUTIES = ("naming_attribution", "downstream")
_MAY = {
    Use.COMMERCIAL: ("commercial", "be commercial"),
    Use.DISTRIBUTE_WEIGHTS: ("distribute_weights", "hand its weights to others"),
    Use.DISTRIBUTE_DATA: ("distribute_data", "hand its data to others"),
    Use.DISTIL: ("imitates", "imitate the model"),
}
"""What a run may do → the fact that would tell, and words for it."""
_ANY = Absence.UNKNOWN.value
_NAMED = Made(model=_ANY, channel=_ANY, region=_ANY, access=_ANY)


def resolve(catalog: TermsCatalog, generator: Generator, run: RunUse, *, host: str = _ANY, also: Iterable[Use] = ()) -> TermsAnswer:
    """Return what the terms in force over a generator's days say about a run: the strictest of the uses that it makes.

    Args:
        catalog: The versions.
        generator: What made the text.
        run: What the run does.
        host: Who served the model, where that is not its provider.
        also: Uses that are made beside: of text from a site, its collection.
    """
    found = situation(catalog, generator, host=host, access=run.access)
    here = _toward(found, run)
    certain = {**dict(uses_of(here)), **dict.fromkeys(also, True)}
    return _of_run(_answers(found, here, tuple(certain), catalog), certain)


def _toward(found: Situation, run: RunUse) -> RunUse:
    return run.toward(found.provider, (v.entry.provider for v in versions_of(found) if v.entry.speaks_of_imitation))


def _of_run(found: TermsAnswer, certain: dict[Use, bool]) -> TermsAnswer:
    """What a run only may do cannot make it PROHIBITED, and cannot be ALLOWED unseen either."""
    outcome = strictest_of([a.outcome if certain[a.use] or a.outcome is Permission.ALLOWED else Permission.UNKNOWN for a in found.uses])
    open_ = [a for a in found.uses if not certain[a.use] and a.outcome is not Permission.ALLOWED]
    told = open_ if outcome is not Permission.PROHIBITED else []  # what the run surely does is barred already
    reasons = tuple(f"the run may {_MAY[a.use][1]}, which would be {a.outcome.value}" for a in told)
    missing = tuple(_MAY[a.use][0] for a in open_)
    return replace(found, outcome=outcome, reasons=(*found.reasons, *reasons), missing=tuple(dict.fromkeys((*found.missing, *missing))))


def answer_uses(catalog: TermsCatalog, generator: Generator, run: RunUse, uses: Sequence[Use], *, host: str = _ANY) -> TermsAnswer:
    """Return what the terms in force over a generator's days say about each of some uses; the answer's own outcome is the strictest.

    Cost: under a millisecond where provider, model, channel and days are known.
    """
    found = situation(catalog, generator, host=host, access=run.access)
    return _answers(found, _toward(found, run), uses, catalog)


def _answers(found: Situation, run: RunUse, uses: Sequence[Use], catalog: TermsCatalog) -> TermsAnswer:
    if found.problem:
        return _unanswered(found, uses, found.problem, found.rule)
    judged: dict[Use, dict[str, Judged]] = {use: {} for use in uses}
    answers, parts_by_use = [], {}
    for use in uses:
        weighed, parts = weigh(found, _judging(use, run, judged[use]))
        parts_by_use[use] = parts
        answers.append(_use_answer(use, found, weighed, parts, tuple(judged[use].values())))
    return _together(found, answers, judged, split(parts_by_use), catalog)


def _judging(use: Use, run: RunUse, seen: dict[str, Judged]) -> Callable[[Dated, Made], Judged]:
    """Return a judge that remembers: one text is judged once for a use, whatever days it is met on."""
    known: dict[tuple[str, ...], Judged] = {}
    supposed = as_use(run, use)

    def judge_once(version: Dated, made: Made) -> Judged:
        key = (version.entry.id, made.region, made.access, made.channel if use is Use.COLLECTION else "")
        found = known.get(key)
        if found is None:
            found = known[key] = judge(version.entry, use, supposed, made)
            before = seen.get(version.entry.id)
            if before is None or _rank(found.outcome) > _rank(before.outcome):
                seen[version.entry.id] = found
        return found

    return judge_once


def _rank(outcome: Permission | None) -> int:
    return -1 if outcome is None else STRICTNESS.index(outcome)


def _use_answer(
    use: Use,
    found: Situation,
    weighed: Weighed,
    parts: Sequence[tuple[Scenario, tuple[PeriodOutcome, ...]]],
    judged: Sequence[Judged],
) -> UseAnswer:
    deciding = [j for j in judged if j.outcome is weighed.outcome]
    open_ = weighed.outcome is not Permission.ALLOWED
    missing = (*(m for j in judged for m in j.missing if open_), *(found.missing if weighed.outcome is Permission.UNKNOWN else ()))
    if weighed.outcome is Permission.UNKNOWN and any(p.weighed.uncovered for _, periods in parts for p in periods):
        missing = (*missing, "text")
    return UseAnswer(
        use=use,
        outcome=weighed.outcome,
        layers=tuple((j.entry.id, j.outcome) for j in judged),
        clauses=tuple(dict.fromkeys(_cite(j.entry, s) for j in deciding for s in j.said)),
        rules=tuple(sorted(weighed.rules | _standing_rules(judged))),
        reasons=weighed.reasons,
        obligations=tuple(dict.fromkeys(o for j in judged for o in j.obligations)),
        conflicts=(*layer_conflicts(use, judged), *candidate_conflict(use, _readings(found, parts))),
        missing=tuple(dict.fromkeys(missing)),
    )


def _standing_rules(judged: Iterable[Judged]) -> set[str]:
    """Return the rules by which the texts of an answer came to be in it."""
    rules = {"RR06"}
    for entry in (j.entry for j in judged):
        rules |= {"RR12"} if entry.kind == "model-licence" else set()
        rules |= {"RR13"} if entry.kind in {"host-terms", "acceptable-use"} else set()
        rules |= {"RR14"} if entry.observed else set()
        rules |= {"RR15"} if entry.effective_to == _ANY else set()
    return rules


def _readings(found: Situation, parts: Sequence[tuple[Scenario, tuple[PeriodOutcome, ...]]]) -> list[tuple[str, Permission]]:
    """Return what each candidate reading comes to, for the facts that are not known."""
    named: dict[str, Permission] = {}
    for scenario, periods in parts if found.missing else ():
        facts = [getattr(scenario.made, m) for m in ("channel", "region", "access") if m in found.missing]
        if found.days_known:
            outcomes = [p.weighed.outcome for p in periods if not p.weighed.bare]
            named |= {" ".join(facts): strictest_of(outcomes)} if outcomes else {}
            continue
        for part in (p for p in periods if not p.weighed.bare):
            ids = "+".join(v.entry.id for v in (*part.period.sure, *part.period.maybe))
            named[" ".join((*facts, ids))] = part.weighed.outcome
    return list(named.items())


def _cite(entry: TermsVersion, said: Said) -> ClauseCitation:
    clause = said.clause
    return ClauseCitation(
        terms=entry.id,
        clause=clause.name,
        quote=clause.quote,
        source=entry.source,
        value=clause.value,
        effective_from=entry.effective_from,
        effective_to=entry.effective_to,
    )


def _together(
    found: Situation, answers: Sequence[UseAnswer], judged: dict[Use, dict[str, Judged]], splits: tuple[Split, ...], catalog: TermsCatalog
) -> TermsAnswer:
    layers = tuple(_layer(v, [by_id[v.entry.id] for by_id in judged.values() if v.entry.id in by_id], found) for v in versions_of(found))
    obligations = merged_obligations(o for a in answers for o in a.obligations)
    outcome = strictest_of([a.outcome for a in answers])
    hearsay = _hearsay(found, catalog) if outcome is Permission.UNKNOWN else ()
    return TermsAnswer(
        outcome=outcome,
        layers=layers,
        reasons=(*dict.fromkeys(r for a in answers for r in a.reasons), *hearsay),
        rules=tuple(sorted({r for a in answers for r in a.rules} | ({"RR04"} if splits else set()))),
        uses=tuple(answers),
        obligations=obligations,
        conflicts=(*dict.fromkeys(c for a in answers for c in a.conflicts), *obligation_conflicts(obligations)),
        splits=splits,
        missing=tuple(dict.fromkeys(m for a in answers for m in a.missing)),
        nearby=nearby_texts(found, catalog),
    )


def _hearsay(found: Situation, catalog: TermsCatalog) -> tuple[str, ...]:
    """Name the texts that are known by hearsay only: they decide nothing (RR06), but whoever looks for the missing text begins there."""
    channels = {s.made.channel for s in found.scenarios}
    days = [p.days for s in found.scenarios for p in s.periods]
    return tuple(
        f"{e.id} is known by hearsay only and decides nothing (RR06)"
        for e in catalog.unverified(found.provider)
        if channels & set(e.channels) and any(e.starts_possibly <= last and first < e.ends_possibly for first, last in days)
    )


def _layer(version: Dated, judged: Sequence[Judged], found: Situation) -> TermsLayer:
    entry = version.entry
    spoken = [j for j in judged if j.outcome is not None]
    outcome = max((j.outcome for j in spoken if j.outcome is not None), key=STRICTNESS.index, default=None)
    deciding = [j for j in judged if j.outcome is outcome]
    surely = (
        any(v.entry.id == entry.id for s in found.scenarios for p in s.periods for v in p.sure) and len(found.scenarios) == 1 and found.days_known
    )
    return TermsLayer(
        terms=entry.id,
        title=entry.title,
        provider=entry.provider,
        effective_from=entry.effective_from,
        effective_to=entry.effective_to,
        outcome=outcome,
        clauses=tuple(dict.fromkeys(_cite(entry, s) for j in deciding for s in j.said)) if outcome is not None else (),
        reason="; ".join(dict.fromkeys(j.reason for j in deciding)) or f"{entry.id} is silent on it",
        duties=tuple(c for name in _DUTIES if (c := entry.clause(name)) is not None),
        why=version.why,
        applies="surely" if surely else "possibly",
        says=tuple((j.use.value, j.outcome) for j in judged),
    )


def resolve_named(catalog: TermsCatalog, terms_ids: Iterable[str], run: RunUse) -> TermsAnswer:
    """Return what terms named by the registrant say; an id that is not catalogued is an unknown layer."""
    entries = [(i, catalog.get(i)) for i in terms_ids]
    known = [e for _, e in entries if e is not None and e.confidence in DECIDING]
    missing = tuple(f"terms {i} are not catalogued" for i, e in entries if e is None or e.confidence not in DECIDING)
    versions = tuple(undated(e, "named by whoever registered the text") for e in known)
    scenario = Scenario(made=_NAMED, periods=(Period(days=ALWAYS, sure=versions, maybe=()),), gaps=missing)
    found = Situation(provider="", scenarios=(scenario,), days_known=True, missing=(), outside=False)
    run = _toward(found, run)
    certain = dict(uses_of(run))
    judged: dict[Use, dict[str, Judged]] = {use: {} for use in certain}
    answers = []
    for use in certain:
        weighed, parts = weigh(found, _judging(use, run, judged[use]))
        answers.append(_use_answer(use, found, weighed, parts, tuple(judged[use].values())))
    return _of_run(_together(found, answers, judged, (), catalog), certain)


def notorious_answer(catalog: TermsCatalog, names: Iterable[str]) -> TermsAnswer | None:
    """Return the bar on a notorious source where one of the names means it, or a set that was made from it (RR18); else ``None``."""
    found = next((e for name in names if (e := catalog.notorious(name)) is not None), None)
    if found is None:
        return None
    run = RunUse()
    judged = judge(found, Use.TRAIN_ANY_MODEL, run, _NAMED)
    situation_ = Situation(provider=found.provider, scenarios=(), days_known=True, missing=(), outside=False)
    layer = _layer(undated(found, "its name, or where it came from"), [judged], situation_)
    return TermsAnswer(outcome=Permission.PROHIBITED, layers=(layer,), reasons=(judged.reason,), rules=("RR18",))


def strictest(answers: Sequence[TermsAnswer]) -> TermsAnswer:
    """Return the answer for text under several sets of terms at once: PROHIBITED beats UNKNOWN beats ALLOWED (RR03)."""
    if not answers:
        return TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=("nothing says which terms applied",), rules=("RR02",))
    obligations = merged_obligations(o for a in answers for o in a.obligations)
    conflicts = dict.fromkeys((*(c for a in answers for c in a.conflicts), *obligation_conflicts(obligations)))
    return TermsAnswer(
        outcome=strictest_of([a.outcome for a in answers]),
        layers=tuple(dict.fromkeys(layer for a in answers for layer in a.layers)),
        reasons=tuple(dict.fromkeys(r for a in answers for r in a.reasons)),
        rules=tuple(sorted({"RR03", *(r for a in answers for r in a.rules)})),
        obligations=obligations,
        conflicts=tuple(conflicts),
        missing=tuple(dict.fromkeys(m for a in answers for m in a.missing)),
    )


def _unanswered(found: Situation, uses: Sequence[Use], reason: str, rule: str) -> TermsAnswer:
    missing = found.missing or (("provider",) if not found.provider else ())
    answers = tuple(
        UseAnswer(
            use=use,
            outcome=Permission.UNKNOWN,
            layers=(),
            clauses=(),
            rules=(rule,),
            reasons=(reason,),
            obligations=(),
            conflicts=(),
            missing=missing,
        )
        for use in uses
    )
    return TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=(rule,), uses=answers, missing=missing)
