"""What texts ask in return: obligations by code, with when they fall due and where they come from, and those that contradict one another."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provenance.licensing.terms_counts import is_above
from provenance.licensing.terms_names import glob_matches
from provenance.licensing.terms_said import Circumstances, Said
from provenance.licensing.terms_values import Duty, LimitTest
from provenance.licensing.uses import TRAINING, Use, both
from provenance.model.absence import TriState, is_absent

_GENERAL = {
    "no-distribution": "Keep the trained model to yourselves: neither hand it out nor offer it commercially; the exception is lost with the first copy.",
    "written-approval": "Keep the provider's written approval as evidence.",
    "aup-compliance": "Keep to the usage policy.",
}
_WITH_DATA = frozenset({"attribution", "share-alike", "content-rights-separate", "no-redistribution-of-data", "strip-pg-boilerplate"})
"""Obligations that the text itself carries, whoever it is handed to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One thing that a text asks in return for a use."""

    code: str
    """Such as ``name-prefix:Llama`` (docs/formats/terms.md)."""
    summary: str
    terms: str
    """Id of the terms version that asks."""
    clause: str
    source: str
    due: TriState
    """YES, or UNKNOWN where it depends on a fact that nobody states; what is surely not due is not listed."""
    when: str = "always"
    tested_when: str = ""
    """Day on which a threshold is tested, or ``always``."""


def obligations(about: Circumstances, said: Iterable[Said]) -> Iterator[Obligation]:
    """Yield what a text asks of a use: its own duties, those of thresholds, and those of an exception or approval that the answer rests on."""
    entry = about.entry
    for duty in entry.duties:
        due = _due(about, duty)
        if due is not TriState.NO:
            yield _obligation(about, duty.code, duty.summary, duty.clause, due, duty)
    limit = entry.clause("limits")
    for test in limit.tests if limit is not None and about.use in TRAINING else ():
        if test.kind == "threshold" and (due := is_above(about, test)) is not TriState.NO:
            yield _obligation(
                about, test.code or _threshold_code(test), _threshold_words(test), "limits", due, Duty(code="", tested_when=test.tested_when)
            )
    for answer in said:
        for code in answer.duties:
            yield _obligation(about, code, _GENERAL[code], answer.clause.name, TriState.YES, None)
    if entry.kind == "acceptable-use" and not any(d.code == "aup-compliance" for d in entry.duties) and about.use in TRAINING:
        yield _obligation(about, "aup-compliance", _GENERAL["aup-compliance"], "", TriState.YES, None)


def _obligation(about: Circumstances, code: str, summary: str, clause: str, due: TriState, duty: Duty | None) -> Obligation:
    return Obligation(
        code=code,
        summary=summary,
        terms=about.entry.id,
        clause=clause,
        source=about.entry.source,
        due=due,
        when="always" if duty is None else duty.when,
        tested_when="" if duty is None else duty.tested_when,
    )


def _threshold_code(test: LimitTest) -> str:
    return "extra-licence:revenue" if test.metric == "revenue" else f"extra-licence:mau-{test.value // 1_000_000}m"


def _threshold_words(test: LimitTest) -> str:
    what = {"ui-badge": "show the badge", "no-licence": "the licence is not available"}.get(test.effect, "ask for a licence of its own")
    amount = f"{test.value:,}" if test.metric == "monthly-active-users" else f"{test.currency} {test.value:,} a {test.period}"
    served = " where the model itself is served to others" if test.scope else ""
    return f"Above {amount} of {test.metric.replace('-', ' ')}{served}: {what}."


def _due(about: Circumstances, duty: Duty) -> TriState:
    if not is_absent(about.made.model) and duty.models and not glob_matches(duty.models, (), about.made.model):
        return TriState.NO
    if about.use is Use.EVALUATION or (duty.when == "collection") != (about.use is Use.COLLECTION):
        return TriState.NO
    if about.use is Use.DISTRIBUTE_DATA and duty.code.partition(":")[0] not in _WITH_DATA:
        return TriState.NO
    run = about.run
    due = {
        "distribute-weights": run.distribute_weights,
        "derivative": both(TriState.UNKNOWN if run.imitates is TriState.UNKNOWN else run.imitates, run.distribute_weights),
        "commercial": run.commercial,
        "materials": TriState.UNKNOWN,
        "distribute-data": TriState.YES if about.use is Use.DISTRIBUTE_DATA else run.distribute_data,
        "exception": TriState.NO,
        "approval": TriState.YES if about.has_approval else TriState.NO,
    }.get(duty.when, TriState.YES)
    unsure = bool(duty.models) and is_absent(about.made.model)
    return TriState.UNKNOWN if unsure and due is TriState.YES else due


def merged_obligations(found: Iterable[Obligation]) -> tuple[Obligation, ...]:
    """Return each obligation of each text once; it is due where one of the uses that bring it surely makes it due."""
    merged: dict[tuple[str, str], Obligation] = {}
    for one in found:
        key = (one.code, one.terms)
        before = merged.get(key)
        if before is None or one.due is TriState.YES:
            merged[key] = one
    return tuple(merged.values())


def contradictions(found: Iterable[Obligation]) -> Iterator[tuple[Obligation, Obligation, str]]:
    """Yield pairs of obligations that cannot both be kept, each with the reason.

    Two prefixes go together where one begins with the other: a name that begins with "Llama 3" begins with "Llama".
    """
    every = sorted({(o.code, o.terms): o for o in found}.items())
    prefixes = [o for (code, _), o in every if code.startswith("name-prefix:")]
    bans = [o for (code, _), o in every if code.startswith("name-ban:")]
    for one, other in itertools.combinations(prefixes, 2):
        first, second = _name(one), _name(other)
        if not (first.startswith(second) or second.startswith(first)):
            yield one, other, f"the model's name must begin with {_quoted(one)} and with {_quoted(other)}"
    for prefix in prefixes:
        for ban in bans:
            if _name(prefix).startswith(_name(ban)):
                yield prefix, ban, f"the model's name must begin with {_quoted(prefix)}, and {_quoted(ban)} may not be its primary name"


def _name(obligation: Obligation) -> str:
    return obligation.code.partition(":")[2].casefold()


def _quoted(obligation: Obligation) -> str:
    return repr(obligation.code.partition(":")[2])
