"""Which terms applied to generated text, and what they say about training this run's model.

The rules are named after docs/rules/reading.md and cited in every answer. Whatever is not decided by a rule is UNKNOWN; PROHIBITED beats UNKNOWN beats
ALLOWED; nothing here ever turns silence into permission.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.licensing.terms import (
    DECIDING,
    Clause,
    TermsCatalog,
    TermsVersion,
    channel_matches,
    model_matches,
    normalize_provider,
    region_matches,
)
from provenance.model.absence import Absence, Permission, TriState, is_absent
from provenance.model.dataset import Generator
from provenance.model.finding import ClauseCitation

_STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
_CONTRACTS = frozenset({"service-terms", "host-terms", "site-terms", "dataset-licence", "model-licence", "notorious-source"})
"""Kinds of text that can cover a day; usage policies and help articles stand beside a contract (RR16)."""
_NON_COMMERCIAL = frozenset({"non-commercial", "non-commercial-output", "non-commercial-model", "non-commercial-research"})
_NOT_FOR_BUSINESS = frozenset({"research-only", "evaluation-only", "non-production", "no-copying-no-commercial-use"})
_HARMLESS_LIMITS = frozenset({"aup-incorporated", "guardrail-bypass-terminates"})
"""Limits that do not bear on training: the usage policy is a layer of its own."""
_LOOSENING = frozenset(
    {
        "api-exception",
        "permitted-exception",
        "named-purposes",
        "same-family",
        "evaluation",
        "where-service-permits",
        "outputs-not-derivatives",
        "outputs-not-derivative",
        "third-party-content-barred",  # bars what a web search showed, not the output
    }
)
"""Exceptions that only loosen a bar. Any other one may bar some outputs, and the facts do not tell which."""
_DUTIES = ("naming_attribution", "downstream")
NEUTRAL = None
"""A text that is silent decides nothing (reading rule 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUse:
    """What a run does, as far as terms care."""

    commercial: TriState
    distribute_weights: TriState = TriState.UNKNOWN
    not_competing_with: tuple[str, ...] = ()
    """Providers that the run file says, with name and reason, the model does not compete with; every other one counts as competed with."""

    def competes(self, provider: str) -> bool:
        """Tell whether the run counts as competing with a provider."""
        return normalize_provider(provider) not in {normalize_provider(p) for p in self.not_competing_with}


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsLayer:
    """One version that applied, or may have, with what it says about this use."""

    terms: str
    title: str
    provider: str
    effective_from: str
    effective_to: str
    outcome: Permission | None
    """``None`` = the text is silent on it."""
    clauses: tuple[ClauseCitation, ...]
    reason: str
    duties: tuple[Clause, ...] = ()
    """What it asks in return: names, badges, notices, passing on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAnswer:
    """What all layers together say."""

    outcome: Permission
    layers: tuple[TermsLayer, ...]
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    """Reading rules that the answer rests on, such as ``RR03``."""

    @property
    def clauses(self) -> tuple[ClauseCitation, ...]:
        """Return the citations of the layers that decided."""
        return tuple(c for layer in self.layers if layer.outcome is self.outcome for c in layer.clauses)


def resolve(catalog: TermsCatalog, generator: Generator, use: RunUse) -> TermsAnswer:
    """Return what the terms in force over a generator's days say about training on its outputs."""
    if is_absent(generator.provider):
        return _unknown("the provider of the generator is not known", "RR13")
    provider = normalize_provider(generator.provider)
    known = [e for e in catalog.entries if e.provider == provider and e.confidence in DECIDING]
    if not known:
        return _unknown(f"no terms of {provider} are catalogued", "RR13")
    if _is_reversed(generator):
        return _unknown(f"the days of generation run backwards: {generator.generated.start} to {generator.generated.end}", "RR01")
    scoped = [
        e
        for e in known
        if channel_matches(e.channels, generator.channel) and region_matches(e.regions, generator.region) and model_matches(e, generator.model)
    ]
    if not scoped:
        return _unknown(
            f"no catalogued terms of {provider} cover model {generator.model}, channel {generator.channel}, region {generator.region}", "RR13"
        )
    days = _interval(generator)
    candidates = [e for e in scoped if days is None or _may_apply(e, days)]
    makers = _maker_licenses(catalog, provider, generator, days)
    layers = tuple(_layer(e, use, e.provider, generator.model) for e in (*candidates, *makers))
    return _combine(layers, [*_uncovered_anywhere(scoped, days, generator), *_maybe_silent(candidates, days, generator)], provider)


def _maker_licenses(catalog: TermsCatalog, provider: str, generator: Generator, days: tuple[dt.date, dt.date] | None) -> tuple[TermsVersion, ...]:
    """Return the model licences of other makers: who serves a model does not lift its licence, which follows the model id (RR12, RR13)."""
    if is_absent(generator.model):
        return ()
    return tuple(
        e
        for e in catalog.entries
        if e.kind == "model-licence" and e.provider != provider and e.confidence in DECIDING and "*" not in e.models
        if model_matches(e, generator.model) and (days is None or is_absent(e.effective_to) or _may_apply(e, days))
    )


def _uncovered_anywhere(entries: Sequence[TermsVersion], days: tuple[dt.date, dt.date] | None, generator: Generator) -> list[str]:
    """Return gaps in the cover for every channel and region that an unknown one may be: texts of two channels do not make up for one another."""
    sure = [e for e in entries if e.kind in _CONTRACTS and (not is_absent(generator.model) or ("*" in e.models and not e.not_models))]
    channels = sorted({c for e in entries for c in e.channels}) if is_absent(generator.channel) else [generator.channel]
    regions = sorted({r for e in entries for r in e.regions}) if is_absent(generator.region) else [generator.region]
    gaps = [
        gap
        for channel in channels or [generator.channel]
        for region in regions
        for gap in _uncovered([e for e in sure if channel_matches(e.channels, channel) and region_matches(e.regions, region)], days)
    ]
    if is_absent(generator.model) and not sure:
        gaps.append("the model is not known, and no text covers every model")
    return list(dict.fromkeys(gaps))


def _maybe_silent(candidates: Sequence[TermsVersion], days: tuple[dt.date, dt.date] | None, generator: Generator) -> list[str]:
    """With something unknown, a silent contract may be the only one that applied: then nothing is known (RR02, RR05)."""
    if days is not None and not any(is_absent(v) for v in (generator.channel, generator.region, generator.model)):
        return []
    return [f"{e.id} may be the text that applied, and it is silent on training" for e in candidates if e.kind in _CONTRACTS and not _speaks(e)]


def resolve_named(catalog: TermsCatalog, terms_ids: Iterable[str], use: RunUse) -> TermsAnswer:
    """Return what terms named by the registrant say; an id that is not catalogued is an unknown layer."""
    layers, missing = [], []
    for terms_id in terms_ids:
        entry = catalog.get(terms_id)
        if entry is None or entry.confidence not in DECIDING:
            missing.append(f"terms {terms_id} are not catalogued")
        else:
            layers.append(_layer(entry, use, entry.provider, Absence.UNKNOWN.value))
    return _combine(tuple(layers), missing, "")


def strictest(answers: Sequence[TermsAnswer]) -> TermsAnswer:
    """Return the answer for text under several sets of terms at once: PROHIBITED beats UNKNOWN beats ALLOWED (RR03)."""
    if not answers:
        return _unknown("nothing says which terms applied", "RR02")
    return TermsAnswer(
        outcome=max((a.outcome for a in answers), key=_STRICTNESS.index),
        layers=tuple(dict.fromkeys(layer for a in answers for layer in a.layers)),
        reasons=tuple(dict.fromkeys(r for a in answers for r in a.reasons)),
        rules=tuple(sorted({"RR03", *(r for a in answers for r in a.rules)})),
    )


def _unknown(reason: str, rule: str) -> TermsAnswer:
    return TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(reason,), rules=(rule,))


def _interval(generator: Generator) -> tuple[dt.date, dt.date] | None:
    """Return the inclusive days of generation (RR01), ``None`` where an end is unknown (RR05)."""
    try:
        first, last = dt.date.fromisoformat(generator.generated.start), dt.date.fromisoformat(generator.generated.end)
    except ValueError:
        return None
    return (first, last) if first <= last else None


def _is_reversed(generator: Generator) -> bool:
    try:
        return dt.date.fromisoformat(generator.generated.end) < dt.date.fromisoformat(generator.generated.start)
    except ValueError:
        return False


def _may_apply(entry: TermsVersion, days: tuple[dt.date, dt.date]) -> bool:
    """Tell whether a version may have been in force on any of the days: start included, end excluded (RR01)."""
    return entry.starts_possibly <= days[1] and days[0] < entry.ends_possibly


def _uncovered(entries: Sequence[TermsVersion], days: tuple[dt.date, dt.date] | None) -> list[str]:
    """Return why a part of the interval is not covered by a text that speaks and was surely in force (RR04)."""
    if days is None:
        return ["the days of generation are not known, so every version may have applied"] if len(entries) > 1 else []
    day, last = days
    speaking = [e for e in entries if _speaks(e)]
    while day <= last:
        reach = max((e.ends_surely for e in speaking if e.starts_surely <= day < e.ends_surely), default=None)
        if reach is None:
            return [f"no catalogued version that speaks of training is known to have been in force on {day.isoformat()}"]
        day = reach
    return []


def _speaks(entry: TermsVersion) -> bool:
    return any(c.value != "silent" for name in ("train_any_model", "competing_models", "distillation") if (c := entry.clause(name)) is not None)


def _layer(entry: TermsVersion, use: RunUse, provider: str, model: str) -> TermsLayer:
    judged = [
        (c, *_judge(c, use, provider)) for name in ("train_any_model", "competing_models", "distillation") if (c := entry.clause(name)) is not None
    ]
    spoken = [(c, outcome, reason) for c, outcome, reason in judged if outcome is not NEUTRAL]
    if spoken and all(o is Permission.ALLOWED for _, o, _ in spoken):
        spoken += _restrictions(entry, use, model)
    outcome = max((o for _, o, _ in spoken), key=_STRICTNESS.index) if spoken else NEUTRAL
    if entry.kind == "help-article" and outcome is Permission.ALLOWED:
        outcome, spoken = NEUTRAL, []  # RR16: a text that is no contract never loosens
    deciding = [(c, reason) for c, o, reason in spoken if o is outcome]
    return TermsLayer(
        terms=entry.id,
        title=entry.title,
        provider=entry.provider,
        effective_from=entry.effective_from,
        effective_to=entry.effective_to,
        outcome=outcome,
        clauses=tuple(_cite(entry, c) for c, _ in deciding),
        reason="; ".join(f"{entry.id}: {reason}" for _, reason in deciding) or f"{entry.id} is silent on training",
        duties=tuple(c for name in _DUTIES if (c := entry.clause(name)) is not None),
    )


def _restrictions(entry: TermsVersion, use: RunUse, model: str) -> list[tuple[Clause, Permission, str]]:
    """Return what limits and exceptions take back from a permission (RR10); one that this program cannot test leaves it UNKNOWN."""
    found = []
    limit, exception = entry.clause("limits"), entry.clause("exceptions")
    if limit is not None and limit.value not in _HARMLESS_LIMITS:
        found.append((limit, *_judge_limit(limit.value, use)))
    if exception is not None and exception.value not in _LOOSENING and not _is_other_model(exception, model):
        found.append((exception, Permission.UNKNOWN, f"the exception {exception.value!r} may bar these outputs and must be checked by a person"))
    return found


def _judge_limit(value: str, use: RunUse) -> tuple[Permission, str]:
    if value in _NON_COMMERCIAL | _NOT_FOR_BUSINESS and use.commercial is TriState.YES:
        return Permission.PROHIBITED, f"the permission is limited: {value}"
    if value in _NON_COMMERCIAL and use.commercial is TriState.NO:
        return Permission.ALLOWED, "non-commercial use is allowed"
    return Permission.UNKNOWN, f"the limit {value!r} must be checked by a person"


def _is_other_model(exception: Clause, model: str) -> bool:
    """Tell whether an exception for models distilled from another base cannot reach this one."""
    return exception.value == "distills-inherit-base" and not is_absent(model) and "distill" not in model.lower()


def _cite(entry: TermsVersion, clause: Clause) -> ClauseCitation:
    return ClauseCitation(
        terms=entry.id,
        clause=clause.name,
        quote=clause.quote,
        source=entry.source,
        value=clause.value,
        effective_from=entry.effective_from,
        effective_to=entry.effective_to,
    )


def _judge(clause: Clause, use: RunUse, provider: str) -> tuple[Permission | None, str]:
    """Return what one clause says (RR02, RR07, RR08, RR10); a value this program does not know is UNKNOWN."""
    if clause.value == "silent":
        return NEUTRAL, ""
    if clause.name == "competing_models":
        return _judge_competing(clause, use, provider)
    if clause.name == "distillation" and clause.value == "allowed":
        return NEUTRAL, ""  # permission to imitate is no permission to train whatever one likes
    competes = use.competes(provider)
    table: dict[str, tuple[Permission, str]] = {
        "allowed": (Permission.ALLOWED, "outputs may train models"),
        "prohibited": (Permission.PROHIBITED, "training on outputs is forbidden"),
        "prohibited-without-approval": (Permission.PROHIBITED, "training needs an approval, and none is recorded"),
        "prohibited-if-competing": _by(
            competes, "competing models are forbidden", "only competing models are forbidden, and this one is said not to compete"
        ),
        "prohibited-if-competing-without-approval": _by(
            competes, "competing models need an approval, and none is recorded", "only competing models need an approval"
        ),
        "research-or-noncommercial-only": {
            TriState.YES: (Permission.PROHIBITED, "only research or non-commercial use is allowed"),
            TriState.NO: (Permission.ALLOWED, "non-commercial use is allowed"),
        }.get(use.commercial, (Permission.UNKNOWN, "the run does not say whether it is commercial")),
        "allowed-with-conditions": (Permission.UNKNOWN, "training is allowed under conditions that a person must check"),
    }
    outcome, reason = table.get(clause.value, (Permission.UNKNOWN, f"clause value {clause.value!r} is not known to this program"))
    if clause.name == "distillation" and outcome is Permission.ALLOWED:
        return NEUTRAL, ""  # that a bar on imitation does not reach this run is no permission to train
    return outcome, reason


def _by(competes: bool, forbidden: str, allowed: str) -> tuple[Permission, str]:
    return (Permission.PROHIBITED, forbidden) if competes else (Permission.ALLOWED, allowed)


def _judge_competing(clause: Clause, use: RunUse, provider: str) -> tuple[Permission | None, str]:
    """A clause on competing models alone never allows anything else (RR09)."""
    if not use.competes(provider):
        return NEUTRAL, ""
    if clause.value in {"prohibited", "prohibited-without-approval", "prohibited-if-competing", "prohibited-if-competing-without-approval"}:
        return Permission.PROHIBITED, "competing models are forbidden"
    return (NEUTRAL, "") if clause.value == "allowed" else (Permission.UNKNOWN, f"clause value {clause.value!r} must be checked by a person")


def _combine(layers: tuple[TermsLayer, ...], gaps: Sequence[str], provider: str) -> TermsAnswer:
    spoken = [layer.outcome for layer in layers if layer.outcome is not None]
    reasons = [layer.reason for layer in layers if layer.outcome is not None] + list(gaps)
    rules = {"RR01", "RR03", "RR06"} | ({"RR04"} if gaps else set())
    if not spoken:
        reasons.append(f"no terms of {provider or 'those named'} that applied speak of training")
        return TermsAnswer(outcome=Permission.UNKNOWN, layers=layers, reasons=tuple(reasons), rules=tuple(sorted({*rules, "RR02"})))
    outcomes = [*spoken, *((Permission.UNKNOWN,) if (gaps and len(set(spoken)) > 1) or (gaps and not _agrees(spoken, gaps)) else ())]
    return TermsAnswer(outcome=max(outcomes, key=_STRICTNESS.index), layers=layers, reasons=tuple(reasons), rules=tuple(sorted(rules)))


def _agrees(spoken: Sequence[Permission], gaps: Sequence[str]) -> bool:
    """Reading rule 5: with an unknown date, all candidate versions agreeing is an answer; a day that no text covers is not."""
    return len(set(spoken)) == 1 and all(gap.startswith("the days of generation") for gap in gaps)
