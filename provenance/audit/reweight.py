"""The mixture weights that bring the share of synthetic text under its caps, changing as little as possible.

Within a domain, and then over the whole run, the weights of what is or may be synthetic are scaled down by one factor each, and all weights are brought
back to the sum of 1: what is left keeps its proportions. A lower share in a domain never raises the share of the run, so the order is safe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from provenance.model.absence import TriState
from provenance.model.audit import PolicyUsed
from provenance.model.finding import Action

_CAP = re.compile(r"\b(run|domain)\.synthetic_share_upper <= (params\.\w+)")
_FLOOR = re.compile(r"\brun\.human_share >= (params\.\w+)")
_ONE = re.compile(r"^dataset\.share <= (params\.\w+)$")
_DIGITS = 4
"""Decimals of the weights that are proposed."""
_STEP = 10**-_DIGITS
_SPARE = 10
"""Steps by which synthetic weights may be lowered further, where rounding takes a share over its cap."""
_CLOSE = 1e-9
"""Of a step: what is that close to a whole one is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetShare:
    """A dataset's share of the sampled tokens."""

    name: str
    share: float
    synthetic: TriState
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The highest shares of text that is or may be synthetic."""

    run: float = 1.0
    domains: Mapping[str, float]
    """By domain; one that is not named has none."""
    dataset: float = 1.0
    """Of the run, for any single dataset that is or may be synthetic."""
    rules: frozenset[str] = frozenset()
    """Rules that hold where all caps are kept."""


def reweight(shares: Sequence[DatasetShare], caps: Caps) -> dict[str, float] | None:
    """Return new weights by dataset, of four decimals and with the sum 1, that keep every cap; ``None`` where no weights can: nothing that is left is human.

    A dataset of which nobody knows whether a model made it counts as synthetic. Weight 0 means that the dataset has to go.
    """
    weights = {s.name: s.share for s in shares}
    for domain, cap in caps.domains.items():
        _scale(weights, [s for s in shares if s.domain == domain], cap)
    _scale(weights, shares, caps.run)
    total = math.fsum(weights.values())
    if total <= 0:
        return None
    parts = _limited({name: weight / total for name, weight in weights.items()}, shares, caps.dataset)
    tried = (_rounded(parts, shares, spare) for spare in range(_SPARE))
    return next((found for found in tried if found is not None and keeps(found, shares, caps)), None)


def _scale(weights: dict[str, float], shares: Sequence[DatasetShare], cap: float) -> None:
    """Lower what is or may be synthetic until it is at most ``cap`` of all that is given."""
    synthetic = math.fsum(weights[s.name] for s in shares if s.synthetic is not TriState.NO)
    human = math.fsum(weights[s.name] for s in shares if s.synthetic is TriState.NO)
    if cap >= 1 or synthetic <= cap * (synthetic + human):
        return
    factor = cap * human / (1 - cap) / synthetic
    for share in shares:
        if share.synthetic is not TriState.NO:
            weights[share.name] *= factor


def _limited(parts: dict[str, float], shares: Sequence[DatasetShare], cap: float) -> dict[str, float]:
    """Lower single synthetic datasets to their cap, and give what they lose to what is human: this lowers every other share of synthetic text too."""
    human = {s.name: parts[s.name] for s in shares if s.synthetic is TriState.NO}
    lowered = {s.name: min(parts[s.name], cap) for s in shares if s.synthetic is not TriState.NO}
    given, room = 1 - math.fsum(lowered.values()), math.fsum(human.values())
    return {**parts, **lowered, **{name: part * given / room for name, part in human.items()}} if room > 0 else parts


def _rounded(weights: Mapping[str, float], shares: Sequence[DatasetShare], spare: int) -> dict[str, float] | None:
    """Round what is human up, and all else down with some steps to spare; the largest human weight takes what the sum then lacks or has too much."""
    human = [s.name for s in shares if s.synthetic is TriState.NO]
    if not human:
        return None
    steps = {
        name: math.ceil(weight / _STEP - _CLOSE) if name in human else max(math.floor(weight / _STEP + _CLOSE) - spare, 0)
        for name, weight in weights.items()
    }
    largest = max(human, key=lambda name: (weights[name], name))
    steps[largest] += 10**_DIGITS - sum(steps.values())
    return {name: round(count * _STEP, _DIGITS) for name, count in steps.items()} if steps[largest] > 0 else None


def keeps(weights: Mapping[str, float], shares: Sequence[DatasetShare], caps: Caps) -> bool:
    """Tell whether weights keep every cap. Added up as an audit adds them up, so that no rounding of a computer decides otherwise there."""
    total = sum(weights[s.name] for s in shares)
    parts = {s.name: weights[s.name] / total for s in shares}
    if any(parts[s.name] > caps.dataset for s in shares if s.synthetic is not TriState.NO):
        return False
    return _share_of(parts, shares) <= caps.run and all(
        _inner_share(parts, [s for s in shares if s.domain == domain]) <= cap for domain, cap in caps.domains.items()
    )


def _inner_share(parts: Mapping[str, float], members: Sequence[DatasetShare]) -> float:
    whole = sum(parts[s.name] for s in members)
    return _share_of({s.name: parts[s.name] / whole for s in members}, members) if whole > 0 else 0.0


def _share_of(parts: Mapping[str, float], shares: Sequence[DatasetShare]) -> float:
    yes = sum(parts[s.name] for s in shares if s.synthetic is TriState.YES)
    return min(1.0, yes + sum(parts[s.name] for s in shares if s.synthetic is TriState.UNKNOWN))


def caps_of(policy: Iterable[PolicyUsed], domains: Iterable[str]) -> Caps:
    """Return the caps that a run's rules put on text that is or may be synthetic, whether they are kept now or not. A floor for human text is a cap for all other."""
    found: dict[str, float] = {}
    rules: set[str] = set()
    for used in policy:
        params = {r.path: float(r.value) for r in used.params if isinstance(r.value, int | float) and not isinstance(r.value, bool)}
        for rule in used.rules:
            limits = [(kind, params[param]) for kind, param in _CAP.findall(rule.require) if param in params]
            limits += [("run", 1 - params[param]) for param in _FLOOR.findall(rule.require) if param in params]
            limits += [("dataset", params[param]) for param in _ONE.findall(rule.require) if param in params]
            for kind, limit in limits if rule.action != Action.WARN else ():
                found[kind] = min(found.get(kind, 1.0), limit)
                rules.add(rule.id)
    domain = dict.fromkeys(domains, found["domain"]) if "domain" in found else {}
    return Caps(run=found.get("run", 1.0), domains=domain, dataset=found.get("dataset", 1.0), rules=frozenset(rules))


def differ(weights: Mapping[str, float], shares: Iterable[DatasetShare]) -> bool:
    """Tell whether weights are others than the shares of now, as far as their decimals tell."""
    return any(abs(weights.get(s.name, 0.0) - s.share) > _STEP for s in shares)
