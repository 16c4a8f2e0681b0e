"""Clauses on training, competing and imitating: whom a bar reaches, what lifts it (RR07, RR08, RR09), and what is left (RR02)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provenance.licensing.terms_said import Circumstances, Said, allowed, neutral, prohibited, unknown
from provenance.licensing.terms_values import Clause, ExceptionCase
from provenance.model.absence import Permission, TriState, is_absent

BARS = frozenset({"prohibited", "prohibited-if-competing", "prohibited-without-approval", "prohibited-if-competing-without-approval"})
_OBJECTS = {
    "other-llm": ("large language models", frozenset({"llm"}), frozenset({"classifier", "embedding", "other"})),
    "foundation-models": ("foundation, large or general-purpose models", frozenset({"llm"}), frozenset({"classifier", "embedding"})),
}
"""Object → its name, kinds of model that it surely holds, kinds that it surely does not hold."""
_SIMILAR = "similar-service"
"""The object of a bar on what is similar or competes."""


def training_clauses(about: Circumstances) -> Iterator[Said]:
    """Yield what a text says on training the model."""
    entry = about.entry
    train, competing, imitation = (entry.clause(n) for n in ("train_any_model", "competing_models", "distillation"))
    if train is not None:
        yield _training(about, train)
    if competing is not None:
        yield _competing(about, competing)
    if imitation is not None and about.run.imitates is not TriState.NO:
        yield _perhaps(_imitation(about, imitation), about.run.imitates)


def _training(about: Circumstances, clause: Clause) -> Said:
    value = clause.value
    if value == "silent":
        return neutral(clause, "it is silent on training", "RR02")
    if value == "allowed":
        return allowed(clause, "outputs may train models", "RR03")
    if value == "allowed-with-conditions":
        return _conditional(about, clause)
    if value == "research-or-noncommercial-only":
        return non_commercial(about, clause, "only research or non-commercial use is allowed")
    if value in BARS:
        return barred(about, clause, "training on outputs")
    return unknown(clause, f"clause value {value!r} is not known to this program", "RR02")


def _conditional(about: Circumstances, clause: Clause) -> Said:
    """A permission whose conditions nobody catalogued cannot be kept, so it is none yet."""
    entry = about.entry
    structured = entry.duties or clause.permits or any(c.cases or c.tests for c in entry.clauses)
    if structured:
        return allowed(clause, "training is allowed under conditions, which are listed as obligations", "RR10")
    return unknown(clause, "training is allowed under conditions that are not catalogued", "RR10", missing=("conditions",))


def non_commercial(about: Circumstances, clause: Clause, words: str) -> Said:
    """Return what a text says that frees only what is not commercial."""
    if about.run.commercial is TriState.YES:
        return prohibited(clause, f"{words}, and the run is commercial", "RR10", "RR17")
    if about.run.commercial is TriState.NO:
        return allowed(clause, f"{words}, and the run is not commercial", "RR10", "RR17")
    return unknown(clause, f"{words}, and nobody says whether the run is commercial", "RR10", "RR17", missing=("commercial",))


def _competing(about: Circumstances, clause: Clause) -> Said:
    """A clause on competing models alone never allows anything else (RR09)."""
    if clause.value in {"silent", "allowed"}:
        return neutral(clause, "it is silent on competing models", "RR02")
    if clause.value not in BARS:
        return unknown(clause, f"clause value {clause.value!r} is not known to this program", "RR02")
    if about.competes is TriState.NO and (clause.object != _SIMILAR or about.run.similar is TriState.NO):
        return neutral(clause, f"it bars what competes with {about.entry.provider}, and the model is said not to", "RR07", "RR09")
    return _no_permission(barred(about, clause, "what competes", only_competing=True))


def _perhaps(found: Said, imitates: TriState) -> Said:
    """What bars imitation is open while nobody says whether the model imitates; what lets it be adds nothing then."""
    if imitates is TriState.YES:
        return found
    if found.outcome in {None, Permission.ALLOWED}:
        return replace(found, outcome=None, duties=())
    words = f"{found.reason}, and nobody says whether the model imitates"
    return replace(found, outcome=Permission.UNKNOWN, reason=words, missing=("imitates", *found.missing))


def _imitation(about: Circumstances, clause: Clause) -> Said:
    if clause.value == "silent":
        return neutral(clause, "it is silent on imitating the model", "RR02")
    if clause.value == "allowed":
        return allowed(clause, "imitating the model is allowed by name", "RR03")
    if clause.value == "allowed-with-conditions":
        return allowed(clause, "imitating the model is allowed under the conditions that are listed as obligations", "RR10")
    if clause.value not in BARS:
        return unknown(clause, f"clause value {clause.value!r} is not known to this program", "RR02")
    return _no_permission(barred(about, clause, "imitating the model"))


def _no_permission(found: Said) -> Said:
    """That a narrow bar does not hit is no permission to train (RR09); what lifts it may still ask for something."""
    return replace(found, outcome=None) if found.outcome is Permission.ALLOWED else found


def barred(about: Circumstances, clause: Clause, what: str, *, only_competing: bool = False) -> Said:
    """Return what is left of a bar for this run.

    Args:
        about: The facts.
        clause: The bar.
        what: What it forbids, for the reason.
        only_competing: It is about competing models by its name, not by its value.
    """
    conditional = only_competing or "if-competing" in clause.value
    if conditional and about.competes is TriState.NO and clause.object == _SIMILAR and about.run.similar is not TriState.NO:
        return _similar(about, clause)
    if conditional and about.competes is TriState.NO:
        return allowed(clause, f"only what competes with {about.entry.provider} is forbidden, and the model is said not to", "RR07")
    reach, lifted = _reach(about, clause), lifting_exception(about) if clause.name != "distillation" else None
    if reach is TriState.NO and (lifted is None or lifted.outcome is not Permission.ALLOWED):
        return neutral(clause, f"its bar reaches {_OBJECTS[clause.object][0]}, not a model of kind {about.run.kind}", "RR09")
    if "without-approval" in clause.value and about.has_approval:
        return allowed(clause, "the approval that it asks for is recorded", "RR08", duties=("written-approval",))
    if lifted is not None and lifted.outcome is Permission.ALLOWED:
        return lifted
    return _open(about, clause, reach, conditional=conditional) or _standing(about, clause, what, conditional=conditional, lost=lifted)


def _similar(about: Circumstances, clause: Clause) -> Said:
    """A bar on what is similar or competing is not lifted by not competing: what does not compete may still be similar (RR09)."""
    words = f"what is similar to {about.entry.provider}'s service is forbidden as well as what competes"
    if about.run.similar is TriState.UNKNOWN:
        return unknown(clause, f"{words}, and nobody says whether the model is", "RR07", "RR09", missing=("similar",))
    return prohibited(clause, f"{words}, and the model is said to be", "RR07", "RR09")


def _open(about: Circumstances, clause: Clause, reach: TriState, *, conditional: bool) -> Said | None:
    """Return why nobody can tell yet whether a bar hits, where that is so."""
    if reach is TriState.UNKNOWN:
        return unknown(clause, f"its bar reaches {_OBJECTS[clause.object][0]}, and the model may be one", "RR09", missing=("model_kind",))
    if conditional and about.competes is TriState.UNKNOWN:
        return unknown(clause, f"competing with {about.entry.provider} is forbidden, and nobody says whether it does", "RR07", missing=("competing",))
    return None


def _standing(about: Circumstances, clause: Clause, what: str, *, conditional: bool, lost: Said | None) -> Said:
    """Return a bar that stands, with what might lift it."""
    words = f"the model competes with {about.entry.provider}, and that is forbidden" if conditional else f"{what} is forbidden"
    rules = ["RR07"] if conditional else ["RR03"]
    missing: tuple[str, ...] = ()
    if "without-approval" in clause.value:
        words, missing = f"{words} without an approval, and none is recorded", ("approval",)
        rules.append("RR08")
    if clause.object in _OBJECTS:
        rules.append("RR09")
        missing += ("model_kind",) if is_absent(about.run.kind) else ()
    if lost is not None:
        words, missing = f"{words}; {lost.reason}", missing + lost.missing
        rules.append("RR07")
    return prohibited(clause, words, *dict.fromkeys(rules), missing=missing)


def _reach(about: Circumstances, clause: Clause) -> TriState:
    """Tell whether a bar's object holds the model (RR09); a run that does not say what it trains counts as the object."""
    known = _OBJECTS.get(clause.object)
    if known is None or is_absent(about.run.kind):
        return TriState.YES
    return TriState.NO if about.run.kind in known[2] else TriState.YES if about.run.kind in known[1] else TriState.UNKNOWN


def lifting_exception(about: Circumstances) -> Said | None:
    """Return what the exceptions to a bar come to: one whose conditions are known to hold lifts it (RR07), the others say why they do not."""
    clause = about.entry.clause("exceptions")
    if clause is None:
        return None
    found = [said for case in clause.cases if (said := _lifts(about, clause, case)) is not None]
    return next((s for s in found if s.outcome is Permission.ALLOWED), found[0] if found else None)


def _lifts(about: Circumstances, clause: Clause, case: ExceptionCase) -> Said | None:
    if case.kind == "same-family":
        same = about.is_same_family(case.models)
        if same is TriState.YES:
            return allowed(clause, "the model is of the family that it frees", "RR07")
        return (
            unknown(clause, "it frees its own family, and nobody names the model's", "RR07", missing=("model_family",))
            if same is TriState.UNKNOWN
            else None
        )
    if case.kind != "model-kind":
        return None
    if is_absent(about.run.kind):
        return unknown(clause, f"it frees models of kind {', '.join(case.kinds)}", "RR07", missing=("model_kind",))
    return _frees_kind(about, clause, case) if about.run.kind in case.kinds else None


def _frees_kind(about: Circumstances, clause: Clause, case: ExceptionCase) -> Said:
    kind = about.run.kind
    if "no-distribution" in case.conditions and about.run.distribute_weights is TriState.YES:
        return neutral(clause, f"its exception for a {kind} is lost, since the weights are handed to others", "RR07")
    if "no-distribution" in case.conditions and about.run.distribute_weights is TriState.UNKNOWN:
        return unknown(clause, f"its exception for a {kind} holds only if nobody else gets it", "RR07", missing=("distribute_weights",))
    if "not-offered" in case.conditions and about.run.commercial is TriState.YES:
        return neutral(clause, f"its exception for a {kind} is lost where it is made commercially available", "RR07")
    if "not-offered" in case.conditions and about.run.commercial is TriState.UNKNOWN:
        return unknown(clause, f"its exception for a {kind} holds only if it is not sold", "RR07", missing=("commercial",))
    duties = ("no-distribution",) if case.conditions else ()
    return allowed(clause, f"it frees a {kind} under its conditions", "RR07", "RR10", duties=duties)
