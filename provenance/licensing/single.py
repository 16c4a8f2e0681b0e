"""What one licence says about each use: its class, its clause on outputs, its limits and its duties (reading rules 2, 6, 7, 9, 10 and 17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from provenance.licensing.license_class import LicenseClass, Limit, Metric, WhenTested
from provenance.licensing.license_uses import Circumstances, Duty, LicenseLimit, LicenseReason, LicenseUse, UseAnswer
from provenance.model.absence import Permission, TriState, is_absent

Said = tuple[Permission, str, tuple[str, ...]]
"""Outcome, reason, reading rules."""
STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
"""From the loosest to the strictest (reading rule 3)."""
_RULE_17 = ("RR17",)
_PASSING_ON = frozenset({LicenseUse.DISTRIBUTE_DATA, LicenseUse.DISTRIBUTE_ADAPTED_DATA})
_OF_DATA = frozenset({"flow-down:data-terms", "no-redistribution-of-data", "strip-pg-boilerplate"})
"""Duties that concern the data alone; the others go along with models too."""
_BARRED_OBJECTS = {
    "no-other-llm": "other large language models",
    "no-other-model": "other models",
    "no-foundational-model": "foundational models",
    "no-general-purpose-model": "general-purpose models",
    "licensor-owns+no-other-model": "other models, and the licensor owns the outputs",
}


def judge(found: LicenseClass | None, name: str, use: LicenseUse, asked: Circumstances) -> UseAnswer:
    """Return what one licence says about one use; a licence that is not known says UNKNOWN.

    Args:
        found: Its class; ``None`` where no catalogue describes it.
        name: As the expression names it.
        use: What is asked about.
        asked: The circumstances.
    """
    if found is None:
        reason = LicenseReason(license=name, outcome=Permission.UNKNOWN, text="no catalogue describes this licence", rules=("RR06",))
        return UseAnswer(use=use, outcome=Permission.UNKNOWN, reasons=(reason,))
    outcome, text, rules = _JUDGES[use](found, asked)
    limits = tuple(_limits(found, name, asked))
    reasons = [LicenseReason(license=name, outcome=outcome, text=text, rules=rules, license_class=found.use)]
    reasons += [replace(r, license_class=found.use) for r in (_over(limit) for limit in limits) if r is not None]
    strictest = max((r.outcome for r in reasons), key=STRICTNESS.index)
    return UseAnswer(use=use, outcome=strictest, reasons=tuple(reasons), duties=tuple(_duties(found, name, use, limits)), limits=limits)


def _train(found: LicenseClass, asked: Circumstances) -> Said:
    outcome = found.permission(asked.commercial, asked.synthetic, asked.region)
    if found.excluded_regions and outcome is not found.permission(asked.commercial, asked.synthetic, "none"):
        where = "here" if not is_absent(asked.region) else f"in {', '.join(found.excluded_regions)}, and the region is not known"
        return outcome, f"it grants no rights {where}", ("RR05", "RR10") if is_absent(asked.region) else ("RR10",)
    if found.family:
        return outcome, "its name stands for several licences: read the file to tell which is meant", ("RR02",)
    if outcome is Permission.UNKNOWN and found.may_end_in(asked.region):
        where = f"in {', '.join(found.partly_excluded_regions)}"
        unknown = ", and the region is not known" if is_absent(asked.region) else ""
        return outcome, f"it grants no rights {where} in its multimodal models, and its name does not tell which model is meant{unknown}", ("RR10",)
    if outcome is not found.permission(asked.commercial, TriState.NO, asked.region):
        return outcome, f"a model may have made the text, and its clause on outputs is {found.outputs_clause!r}", _RULE_17
    return outcome, _class_reason(found.use, asked.commercial), _RULE_17


def _class_reason(use: str, commercial: TriState) -> str:
    if use in {"public-domain", "commercial"}:
        return "dedicated to the public domain" if use == "public-domain" else "its class permits commercial use"
    if use in {"non-commercial", "research-only"}:
        wanted = {TriState.YES: "and the use is commercial", TriState.NO: "and the use is not commercial"}
        return f"its class is {use}, {wanted.get(commercial, 'and nobody says whether the use is commercial')}"
    if use == "terms-of-use":
        return "terms of use stand in the place of a licence: provenance terms list"
    return f"its class is {use}: nothing tells what it permits"


def _commercial(found: LicenseClass, asked: Circumstances) -> Said:
    return _train(found, replace(asked, commercial=TriState.YES))


def _noncommercial(found: LicenseClass, asked: Circumstances) -> Said:
    return _train(found, replace(asked, commercial=TriState.NO))


def _weights(found: LicenseClass, asked: Circumstances) -> Said:
    outcome, reason, rules = _train(found, asked)
    if outcome is not Permission.ALLOWED:
        return outcome, reason, rules
    unsettled = _unsettled(found, strict=asked.share_alike_reaches_weights)
    if unsettled:
        return Permission.UNKNOWN, unsettled, _RULE_17
    if found.share_alike is TriState.YES:
        return outcome, "share-alike is read as not reaching weights, since nothing limits outputs: a reading, not settled law", _RULE_17
    return outcome, reason, rules


def _unsettled(found: LicenseClass, *, strict: bool) -> str:
    """Return why nobody can say whether weights may be passed on; nothing where that is not so."""
    states = {"share-alike": found.share_alike, "no derivatives": found.no_derivatives, "use restrictions": found.behavioural_restrictions}
    missing = [name for name, state in states.items() if state is TriState.UNKNOWN]
    if missing:
        return f"nobody knows whether it sets {' or '.join(missing)}"
    if found.share_alike is TriState.YES and (strict or found.outputs_clause == "silent"):
        return "whether share-alike reaches the weights of a model is unsettled"
    if found.outputs_clause == "silent":
        return "whether its limit on the licensed text reaches the weights of a model is unsettled"
    return "what it says on outputs and models was not read" if found.outputs_clause == "unknown" else ""


def _data(found: LicenseClass, asked: Circumstances) -> Said:
    outcome, reason, rules = _train(found, replace(asked, synthetic=TriState.NO))
    if outcome is Permission.ALLOWED and found.behavioural_restrictions is TriState.UNKNOWN:
        return Permission.UNKNOWN, "nobody knows whether it sets use restrictions, which would have to be passed on", ("RR10",)
    passing = {
        TriState.YES: (Permission.ALLOWED, "it lets the data be passed on"),
        TriState.NO: (Permission.PROHIBITED, "it forbids passing the data on"),
        TriState.UNKNOWN: (Permission.UNKNOWN, "nobody knows whether the data may be passed on"),
    }[found.redistribution]
    if STRICTNESS.index(passing[0]) > STRICTNESS.index(outcome):
        return *passing, ("RR10",)
    return outcome, reason if outcome is not Permission.ALLOWED else passing[1], rules


def _adapted(found: LicenseClass, asked: Circumstances) -> Said:
    outcome, reason, rules = _data(found, asked)
    if outcome is Permission.PROHIBITED:
        return outcome, reason, rules
    if found.no_derivatives is TriState.YES:
        return Permission.PROHIBITED, "it forbids passing on what was made of it", ("RR10",)
    if TriState.UNKNOWN in {found.no_derivatives, found.share_alike}:
        return Permission.UNKNOWN, "nobody knows whether adaptations may be passed on, and under which licence", ("RR10",)
    return outcome, reason, rules


def _outputs(found: LicenseClass, asked: Circumstances) -> Said:
    """What the licence of a model says on training others on what it writes: its class and its clause on outputs, the stricter of both."""
    base, reason, rules = _train(found, replace(asked, synthetic=TriState.NO))
    clause, text = _clause(found, asked)
    if STRICTNESS.index(clause) >= STRICTNESS.index(base):
        return clause, text, ("RR09", "RR17") if clause is Permission.PROHIBITED else _RULE_17
    return base, reason, rules


def _clause(found: LicenseClass, asked: Circumstances) -> tuple[Permission, str]:
    clause = found.outputs_clause
    if clause in {"free", "allowed-with-naming"}:
        return Permission.ALLOWED, "outputs may train other models" + (", under the names that it asks for" if clause != "free" else "")
    if clause in _BARRED_OBJECTS:
        return Permission.PROHIBITED, f"outputs may not train {_BARRED_OBJECTS[clause]}"
    if clause == "no-competing-model":
        competing = {
            TriState.YES: (Permission.PROHIBITED, "outputs may not train a model that competes"),
            TriState.NO: (Permission.ALLOWED, "outputs may train a model that does not compete"),
        }
        return competing.get(
            asked.competes, (Permission.UNKNOWN, "outputs may not train a competing model, and nobody says whether this one competes")
        )
    if clause == "restricted-noncommercial":
        bound = {
            TriState.YES: (Permission.PROHIBITED, "outputs are for non-commercial use only"),
            TriState.NO: (Permission.ALLOWED, "outputs may be used non-commercially"),
        }
        return bound.get(asked.commercial, (Permission.UNKNOWN, "outputs are for non-commercial use only, and nobody says whether this use is"))
    return Permission.UNKNOWN, {
        "silent": "its text is silent on outputs, and whether its limit reaches them is unsettled",
        "see-terms": "the provider's terms decide on outputs: provenance terms list",
        "derivative-if-distilled": "a model trained on outputs may count as a derivative, which takes over the licence: a person must check",
        "aup-bound": "outputs are bound by an acceptable-use policy: a person must check",
    }.get(clause, "what it says on outputs was not read")


_JUDGES: dict[LicenseUse, Callable[[LicenseClass, Circumstances], Said]] = {
    LicenseUse.TRAIN: _train,
    LicenseUse.COMMERCIAL: _commercial,
    LicenseUse.TRAIN_NONCOMMERCIAL: _noncommercial,
    LicenseUse.DISTRIBUTE_WEIGHTS: _weights,
    LicenseUse.DISTRIBUTE_DATA: _data,
    LicenseUse.DISTRIBUTE_ADAPTED_DATA: _adapted,
    LicenseUse.TRAIN_ON_OUTPUTS: _outputs,
}


def _limits(found: LicenseClass, name: str, asked: Circumstances) -> Iterator[LicenseLimit]:
    for limit in found.limits:
        users = asked.monthly_active_users if limit.metric is Metric.MONTHLY_ACTIVE_USERS else None
        yield LicenseLimit(license=name, limit=limit, exceeded=_exceeded(limit, users))


def _exceeded(limit: Limit, users: int | None) -> TriState:
    """Tell whether a limit is passed, as terms read it: a number of today below it is below it; one above it says nothing of the day of release."""
    if users is None:
        return TriState.UNKNOWN
    if users <= limit.value:
        return TriState.NO
    return TriState.UNKNOWN if limit.tested_when is WhenTested.RELEASE else TriState.YES


def _over(found: LicenseLimit) -> LicenseReason | None:
    """Return the reason that a limit gives which is exceeded, or of which nobody says whether it is (reading rule 10)."""
    if found.exceeded is TriState.NO or not found.limit.bars:
        return None
    if found.exceeded is TriState.UNKNOWN:
        text = f"another licence is needed {found.limit.summary}; whether it is reached is not known"
        return LicenseReason(license=found.license, outcome=Permission.UNKNOWN, text=text, rules=("RR10",))
    text = f"another licence is needed {found.limit.summary}"
    return LicenseReason(license=found.license, outcome=Permission.PROHIBITED, text=text, rules=("RR10",))


def _duties(found: LicenseClass, name: str, use: LicenseUse, limits: tuple[LicenseLimit, ...]) -> Iterator[Duty]:
    """Yield what the licence asks of a use; what is not known to be asked is named as not known."""
    passing = use in _PASSING_ON
    axes = [
        ("attribution:required", found.attribution, "keep the credit that it asks for"),
        ("flow-down:use-restrictions", found.behavioural_restrictions, "pass its use restrictions on to whoever receives the model or the data"),
    ]
    if passing or use is LicenseUse.DISTRIBUTE_WEIGHTS:
        axes.insert(1, ("share-alike", found.share_alike, _share_alike(passing=passing)))
    for code, state, text in axes:
        if state is not TriState.NO:
            unknown = "" if state is TriState.YES else ", if it asks for that: not known"
            yield Duty(code=code, license=name, text=text + unknown, certain=state)
    for code in found.duties:
        if _concerns(code, use):
            yield Duty(code=code, license=name, text=_MEANING.get(code.partition(":")[0], "do what the code says"))
    for limit in limits:
        yield Duty(code=limit.limit.effect, license=name, text=f"only {limit.limit.summary}", certain=limit.exceeded)


def _share_alike(*, passing: bool) -> str:
    return "pass adaptations on under the same licence" if passing else "whether weights are adaptations is unsettled; record the reading taken"


def _concerns(code: str, use: LicenseUse) -> bool:
    if code == "state-changes":
        return use is LicenseUse.DISTRIBUTE_ADAPTED_DATA
    return code not in _OF_DATA or use in _PASSING_ON


_MEANING = {
    "name-prefix": "begin the model's name so",
    "badge": "show these words on a website, a user interface or a product page",
    "badge-docs": "show one of these in the documentation",
    "ui-badge": "show this in the user interface",
    "flow-down": "bind whoever receives the data to these terms",
    "notice-file": "add this notice to what is passed on",
    "name-ban": "do not use this as primary name",
    "state-changes": "say what was changed",
    "aup-compliance": "keep the acceptable-use policy",
    "no-redistribution-of-data": "do not pass the data on",
    "content-rights-separate": "clear the rights in the contents apart: this is a licence of the database",
    "written-approval": "get the approval in writing and keep it",
}
"""Obligation codes in words."""
