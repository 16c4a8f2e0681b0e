"""Which texts may have applied to generated text: one scenario for every value that an unknown fact may have (RR05), host, provider and licence together (RR13)."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.licensing.periods import ALWAYS, Dated, Days, Period, dated, known_days, licence_texts, periods, undated, within
from provenance.licensing.terms_names import (
    CHANNELS,
    SERVED_BY_OTHERS,
    channel_matches,
    glob_matches,
    is_known_region,
    normalize_provider,
    region_matches,
)
from provenance.licensing.terms_said import Made
from provenance.licensing.terms_values import CONTRACTS, TermsCatalog, TermsVersion
from provenance.model.absence import Absence, is_absent
from provenance.model.dataset import Generator

_UNKNOWN = Absence.UNKNOWN.value
_TEXT_SOURCES = frozenset({"site-terms", "notorious-source"})
_ELSEWHERE = "ELSEWHERE"
"""A region that no catalogued copy names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One reading of the facts: what applied on which days, and which layer nobody knows."""

    made: Made
    periods: tuple[Period, ...]
    gaps: tuple[str, ...] = ()
    """Layers that nobody knows (RR13)."""
    servers: frozenset[str] = frozenset()
    """Whose service it was: the provider's, and the host's."""
    makers: frozenset[str] | None = None
    """Whose own text has to be in force beside that of whoever served the model (RR13); ``None`` = nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All readings of the facts, and which facts are missing."""

    provider: str
    scenarios: tuple[Scenario, ...]
    days_known: bool
    missing: tuple[str, ...]
    outside: bool
    """Something unknown may be what no catalogued text covers: then nothing is allowed."""
    problem: str = ""
    """Why nothing can be said at all."""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The generator, as far as it is known, and who served it."""

    generator: Generator
    host: str
    access: str
    catalog: TermsCatalog

    @property
    def provider(self) -> str:
        """Return the provider as the catalogue spells it; empty where nobody names it."""
        if is_absent(self.generator.provider):
            return ""
        notorious = self.catalog.notorious(self.generator.provider)
        return normalize_provider(self.generator.provider) if notorious is None else notorious.provider


def situation(catalog: TermsCatalog, generator: Generator, *, host: str = _UNKNOWN, access: str = _UNKNOWN) -> Situation:
    """Return every reading of what is known about a generator."""
    asked = Asked(generator=generator, host="" if is_absent(host) else normalize_provider(host), access=access, catalog=catalog)
    source = None if is_absent(generator.provider) else catalog.notorious(generator.provider)
    if source is not None:
        return _notorious(asked, source)
    first, last = known_days(generator.generated)
    if first is not None and last is not None and last < first:
        return _nothing(asked, f"the days of generation run backwards: {generator.generated.start} to {generator.generated.end}", "RR01")
    problem = _nobody_knows(asked)
    if problem:
        return _nothing(asked, problem, "RR13")
    days_known = first is not None and last is not None
    days: Days = (first or ALWAYS[0], last or ALWAYS[1])
    channels, ways = _channels(asked), _ways(asked)
    regions = _regions(asked, channels)
    made = (Made(model=generator.model, channel=c, region=r, access=a) for c, r, a in itertools.product(channels, regions, ways))
    found = tuple(_scenario(asked, m, days) for m in made)
    facts = {"channel": generator.channel, "region": generator.region, "model": generator.model, "provider": generator.provider}
    missing = [
        name
        for name, value in facts.items()
        if (is_absent(value) if name != "region" else len(regions) > 1) and not (name == "model" and _is_site(asked))
    ]
    missing += ["access"] if len(ways) > 1 else []
    return Situation(
        provider=asked.provider,
        scenarios=found,
        days_known=days_known,
        missing=(*missing, *(() if days_known else ("days",))),
        outside=is_absent(generator.channel) or any(m in {"model", "provider"} for m in missing),
    )


def _notorious(asked: Asked, source: TermsVersion) -> Situation:
    """A notorious source is barred on every day and channel, whoever served it (RR18)."""
    made = Made(model=asked.generator.model, channel=asked.generator.channel, region=asked.generator.region, access=asked.access)
    period = Period(days=ALWAYS, sure=(undated(source, "its name, or where it came from"),), maybe=())
    scenario = Scenario(made=made, periods=(period,), servers=frozenset({source.provider}))
    return Situation(provider=source.provider, scenarios=(scenario,), days_known=True, missing=(), outside=False)


def _nothing(asked: Asked, problem: str, rule: str) -> Situation:
    return Situation(provider=asked.provider, scenarios=(), days_known=True, missing=(), outside=True, problem=problem, rule=rule)


def _nobody_knows(asked: Asked) -> str:
    """Return why no text of the provider can be meant, where that is so and no other text follows the model."""
    provider, generator = asked.provider, asked.generator
    if _makers(asked, generator.model, but="") or (asked.host and asked.catalog.of_provider(asked.host)):
        return ""
    if not provider:
        return "the provider of the generator is not known"
    known = asked.catalog.of_provider(provider)
    if not known:
        return f"no terms of {provider} are catalogued"
    if not any(_fits_model(e, generator.model) for e in known):
        return f"no catalogued terms of {provider} cover model {generator.model}"
    return ""


def _is_site(asked: Asked) -> bool:
    known = asked.catalog.of_provider(asked.provider)
    return bool(known) and all(e.kind in _TEXT_SOURCES for e in known)


def _fits_model(entry: TermsVersion, model: str) -> bool:
    """Tell whether a text may govern a model; a site's text governs no model, and a licence without names is matched by its id only."""
    if entry.kind in _TEXT_SOURCES or is_absent(model):
        return True
    return glob_matches(entry.models, entry.not_models, model)


def _surely_fits(entry: TermsVersion, model: str) -> bool:
    return not is_absent(model) or entry.kind in _TEXT_SOURCES or (entry.serves_others and not entry.not_models)


def _channels(asked: Asked) -> tuple[str, ...]:
    """Return the channels that an unknown one may be, as far as texts name them."""
    if not is_absent(asked.generator.channel):
        return (asked.generator.channel.lower(),)
    entries = [e for e in asked.catalog.of_provider(asked.provider) if _fits_model(e, asked.generator.model)]
    named = {c for e in entries for c in e.channels or CHANNELS}
    return tuple(c for c in CHANNELS if c in named) or ("weights",)


def _regions(asked: Asked, channels: Sequence[str]) -> tuple[str, ...]:
    """Return one region for each set of regional copies that an unknown one may fall under."""
    model, region = asked.generator.model, asked.generator.region
    if is_known_region(region):
        return {"EU": ("EU",), "EEA": ("EU", "NO")}.get(region.upper(), (region,))
    own = (e for e in (*asked.catalog.of_provider(asked.provider), *asked.catalog.of_provider(asked.host)) if _fits_model(e, model))
    entries = [e for e in (*own, *_makers(asked, model, but=asked.provider)) if any(channel_matches(e.channels, c) for c in channels)]
    named = {r for e in entries for r in e.regions} - {"global"}
    return (*sorted(named - {"row"}), _ELSEWHERE) if named else (_UNKNOWN,)


def _ways(asked: Asked) -> tuple[str, ...]:
    """Return the ways of access that an unknown one may be; one that no text of the site names may fall under any of them."""
    named = sorted({a for e in asked.catalog.of_provider(asked.provider) if e.kind in _TEXT_SOURCES for a in e.access})
    return (asked.access,) if asked.access in named else tuple(named) or (_UNKNOWN,)


def _scenario(asked: Asked, made: Made, days: Days) -> Scenario:
    named = frozenset(r.upper() for e in asked.catalog.of_provider(asked.provider) for r in e.regions) - {"GLOBAL", "ROW"}
    host, gaps = _host(asked, made)
    own = [e for e in asked.catalog.of_provider(asked.provider) if e.kind != "model-licence" and _applies(e, made, named)]
    if host and host != asked.provider:
        own += [e for e in asked.catalog.of_provider(host) if e.kind != "model-licence" and _applies(e, made, frozenset())]
    versions = [dated(e, _why(e, made)) for e in own]
    versions += _following(asked, made, named, host)
    makers = _maker_names(asked, made, own, host)
    versions += _passed_on(asked, made, own, host) if makers is not None else ()
    if not made.model or is_absent(made.model):
        versions = [_unsure(v) if not _surely_fits(v.entry, made.model) else v for v in versions]
    return Scenario(
        made=made,
        periods=_merged(periods(versions, days)),
        gaps=(*gaps, *_foreign(asked, made)),
        servers=frozenset({asked.provider, host}),
        makers=makers,
    )


def _unsure(version: Dated) -> Dated:
    """A text of which nobody knows whether the model is one of its own may apply on its days."""
    return Dated(
        entry=version.entry,
        starts_possibly=version.starts_possibly,
        starts_surely=dt.date.max,
        ends_surely=version.ends_surely,
        ends_possibly=version.ends_possibly,
        why=f"{version.why}; the model is not known",
    )


def _merged(found: Sequence[Period]) -> tuple[Period, ...]:
    """Join neighbours under the same versions."""
    merged: list[Period] = []
    for period in found:
        if merged and (merged[-1].sure, merged[-1].maybe) == (period.sure, period.maybe):
            merged[-1] = Period(days=(merged[-1].days[0], period.days[1]), sure=period.sure, maybe=period.maybe)
        else:
            merged.append(period)
    return tuple(merged)


def _applies(entry: TermsVersion, made: Made, named: frozenset[str]) -> bool:
    return (
        channel_matches(entry.channels, made.channel)
        and region_matches(entry.regions, made.region, named)
        and _fits_model(entry, made.model)
        and (not entry.access or is_absent(made.access) or made.access in entry.access)
    )


def _why(entry: TermsVersion, made: Made) -> str:
    region = "every region" if "global" in entry.regions else f"region {'+'.join(entry.regions)}"
    what = made.model if not is_absent(made.model) and entry.models else "what it serves" if entry.models else "the site"
    return f"{entry.provider} {made.channel}, {region}, {what}"


def _host(asked: Asked, made: Made) -> tuple[str, tuple[str, ...]]:
    """Return who served the model, and the layer that is unknown where nobody says (RR13)."""
    if asked.host:
        known = any(channel_matches(e.channels, made.channel) for e in asked.catalog.of_provider(asked.host))
        return asked.host, () if known else (f"no terms of the host {asked.host} for channel {made.channel} are catalogued",)
    if made.channel not in SERVED_BY_OTHERS:
        return asked.provider, ()
    serves = any(e.serves_others and channel_matches(e.channels, made.channel) for e in asked.catalog.of_provider(asked.provider))
    return (asked.provider, ()) if serves else ("", (f"who served the model on channel {made.channel} is not known",))


def _makers(asked: Asked, model: str, *, but: str) -> list[TermsVersion]:
    """Return the texts of others that name a model."""
    if is_absent(model):
        return []
    return [e for e in asked.catalog.following(model) if e.provider != but]


def _following(asked: Asked, made: Made, named: frozenset[str], host: str) -> list[Dated]:
    """Return the licences and usage policies that follow the model to where it is served."""
    own = [e for e in asked.catalog.of_provider(asked.provider) if e.kind == "model-licence" and _fits_model(e, made.model)]
    own = [e for e in own if channel_matches(e.channels, made.channel) or made.channel in SERVED_BY_OTHERS]
    others = [e for e in _makers(asked, made.model, but=asked.provider) if e.provider != host or e.kind == "model-licence"]
    licences = [*own, *(e for e in others if e.kind == "model-licence")]
    policies = [
        e
        for e in others
        if e.kind == "acceptable-use" and channel_matches(e.channels, made.channel) and region_matches(e.regions, made.region, named)
    ]
    found: list[Dated] = []
    for provider, texts in itertools.groupby(sorted(licences, key=_provider), key=_provider):
        found += licence_texts(tuple(texts), f"licence of the model by {provider}") if not is_absent(made.model) else ()
    found += [dated(e, f"licence that {e.provider} may have given") for e in licences if is_absent(made.model)]
    found += [dated(e, f"usage policy of {e.provider}, which binds all users of its models") for e in policies]
    return found + _inherited(asked, made, licences)


def _provider(entry: TermsVersion) -> str:
    return entry.provider


def _inherited(asked: Asked, made: Made, licences: Sequence[TermsVersion]) -> list[Dated]:
    """Return the licences of a base model that a distilled one carries (RR12)."""
    cases = [c for e in licences if (x := e.clause("exceptions")) is not None for c in x.cases if c.kind == "inherits"]
    ids = [t for c in cases if not is_absent(made.model) and glob_matches(c.models, (), made.model) for t in c.terms]
    present = {e.id for e in licences}
    texts = [e for t in ids if t not in present and (e := asked.catalog.get(t)) is not None]
    return [v for e in texts for v in licence_texts((e,), "licence of the base model")]


def _foreign(asked: Asked, made: Made) -> tuple[str, ...]:
    """Return the layer that is unknown where a site's text came over a channel on which none of its texts is catalogued (RR13)."""
    known = asked.catalog.of_provider(asked.provider)
    if not _is_site(asked) or any(channel_matches(e.channels, made.channel) for e in known):
        return ()
    return (f"no terms of {asked.provider} for text that came over channel {made.channel} are catalogued",)


def _maker_names(asked: Asked, made: Made, own: Sequence[TermsVersion], host: str) -> frozenset[str] | None:
    """Return whose text a model needs that somebody else served; ``None`` where it is its server's own (RR13)."""
    served = made.channel in SERVED_BY_OTHERS or host != asked.provider or any(e.serves_others for e in own)
    if is_absent(made.model) or not host or not served or _is_hosts_own(asked, host, made.model):
        return None
    return frozenset(e.provider for e in _makers(asked, made.model, but=host)) | (frozenset({asked.provider}) - {host, ""})


def _passed_on(asked: Asked, made: Made, own: Sequence[TermsVersion], host: str) -> list[Dated]:
    """Return the terms of a model's maker on the days on which its host passes them on."""
    passing = [e for e in own if (c := e.clause("downstream")) is not None and c.value == "pass-through"]
    makers = {e.provider for e in _makers(asked, made.model, but=host)} | ({asked.provider} - {host, ""})
    terms = [e for m in sorted(makers) for e in asked.catalog.of_provider(m) if e.kind == "service-terms" and "api" in e.channels]
    terms = [e for e in terms if not e.serves_others and glob_matches(e.models, e.not_models, made.model)]
    return [within(dated(e, f"terms of the model's maker, which {host} passes on"), dated(p, "")) for p in passing for e in terms]


def _is_hosts_own(asked: Asked, host: str, model: str) -> bool:
    entries = asked.catalog.of_provider(host)
    return any(glob_matches(e.models, e.not_models, model) for e in entries if not e.serves_others) or any(
        glob_matches(e.not_models, (), model) for e in entries if e.serves_others and e.kind == "host-terms"
    )


def versions_of(found: Situation) -> Iterator[Dated]:
    """Yield every version of a situation once."""
    seen: set[str] = set()
    for scenario in found.scenarios:
        for period in scenario.periods:
            for version in (*period.sure, *period.maybe):
                if version.entry.id not in seen:
                    seen.add(version.entry.id)
                    yield version


def is_covered(period: Period, scenario: Scenario) -> bool:
    """Tell whether a contract was surely in force: a model's licence stands in for one only where the weights were run at home (RR13)."""
    at_home = scenario.made.channel == "weights" or is_absent(scenario.made.channel)
    contracts = [v.entry for v in period.sure if v.entry.kind in CONTRACTS]
    return any(at_home or (e.kind != "model-licence" and e.provider in scenario.servers) for e in contracts)


def is_maker_known(period: Period, scenario: Scenario) -> bool:
    """Tell whether a contract of the model's maker, or its licence, was surely in force: a usage policy alone grants nothing (RR13)."""
    if scenario.makers is None:
        return True
    return any(
        v.entry.kind == "model-licence" or (v.entry.kind in CONTRACTS and v.entry.provider in scenario.makers and not v.entry.serves_others)
        for v in period.sure
    )
