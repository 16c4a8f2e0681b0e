"""Limits and stricter rules inside a text, tested by the facts that are known (RR10): one that fails bars, one that nobody can test leaves UNKNOWN."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.licensing.terms_counts import is_above
from provenance.licensing.terms_names import glob_matches, region_names
from provenance.licensing.terms_said import Circumstances, Said, neutral, prohibited, unknown
from provenance.licensing.terms_values import Clause, ExceptionCase, LimitTest
from provenance.licensing.uses import Use
from provenance.model.absence import TriState, is_absent

_PLAIN_LIMITS = {
    "non-commercial": "non-commercial",
    "non-commercial-output": "non-commercial",
    "non-commercial-model": "non-commercial-model",
    "non-commercial-research": "research-only",
    "research-only": "research-only",
    "evaluation-only": "evaluation-only",
    "non-production": "non-production",
    "no-copying-no-commercial-use": "no-commercial-use",
    "aup-incorporated": "conduct",
    "guardrail-bypass-terminates": "conduct",
}
"""Values of a limit that test themselves where no tests are catalogued."""
_PLAIN_EXCEPTIONS = frozenset(
    {
        "api-exception",
        "permitted-exception",
        "named-purposes",
        "same-family",
        "evaluation",
        "where-service-permits",
        "outputs-not-derivatives",
        "outputs-not-derivative",
        "third-party-content-barred",
    }
)
"""Values of an exception that only loosen; any other one may bar some outputs, and without cases nobody can tell which."""
_NO_EFFECT = frozenset(
    {"same-family", "model-kind", "evaluation", "platform-tuning", "service-permits", "outputs-free", "named-purposes", "api", "third-party-content"}
)


def limits(about: Circumstances) -> Iterator[Said]:
    """Yield what limits and stricter rules take back from a permission; nothing where all hold."""
    limit, exception = about.entry.clause("limits"), about.entry.clause("exceptions")
    if limit is not None:
        for test in limit.tests or _own_tests(limit):
            said = _limit(about, limit, test)
            if said is not None:
                yield said
        if not limit.tests and limit.value not in _PLAIN_LIMITS:
            yield unknown(limit, f"the limit {limit.value!r} must be checked by a person", "RR10")
    yield from (said for clause in about.entry.clauses for case in clause.cases if (said := _stricter(about, clause, case)) is not None)
    if exception is not None and not exception.cases and exception.value not in _PLAIN_EXCEPTIONS:
        yield unknown(exception, f"the exception {exception.value!r} may bar these outputs and must be checked by a person", "RR10")


def _own_tests(limit: Clause) -> tuple[LimitTest, ...]:
    kind = _PLAIN_LIMITS.get(limit.value)
    return () if kind is None else (LimitTest(kind=kind),)


def _limit(about: Circumstances, clause: Clause, test: LimitTest) -> Said | None:
    if test.kind == "threshold":
        return _threshold(about, clause, test)
    if test.kind == "territory" and test.models and not (is_absent(about.made.model) or glob_matches(test.models, (), about.made.model)):
        return None
    if test.kind == "territory":
        return _territory(about, clause, test)
    if test.kind == "conduct" or (test.kind == "evaluation-only" and about.use is Use.EVALUATION):
        return None
    if test.kind == "output-type" and about.run.output_type not in test.outputs:
        return None if not is_absent(about.run.output_type) else unknown(clause, "nobody says what type the outputs are", "RR10")
    return _purpose(about, clause, test)


def _purpose(about: Circumstances, clause: Clause, test: LimitTest) -> Said | None:
    """Test what the text may be used for; a model that may only be run non-commercially says nothing on text that was made so."""
    if test.kind == "non-commercial-model":
        if about.run.commercial is TriState.NO:
            return None
        words = "the model may be run non-commercially only, and nobody says whether it was when it made the text"
        return unknown(clause, words, "RR10", missing=("commercial",) if about.run.commercial is TriState.UNKNOWN else ())
    if about.run.commercial is TriState.YES:
        return prohibited(clause, f"the permission is limited ({test.kind}), and the run is commercial", "RR10")
    if about.run.commercial is TriState.UNKNOWN:
        return unknown(
            clause, f"the permission is limited ({test.kind}), and nobody says whether the run is commercial", "RR10", missing=("commercial",)
        )
    if test.kind in {"evaluation-only", "no-commercial-use"}:
        return unknown(clause, f"the permission is limited ({test.kind}), and training may lie beyond it", "RR10")
    return None


def _territory(about: Circumstances, clause: Clause, test: LimitTest) -> Said | None:
    if is_absent(about.made.region):
        return unknown(clause, f"nothing is granted in {', '.join(test.regions)}, and the region is not known", "RR10", missing=("region",))
    if "ROW" in region_names(about.made.region):
        return unknown(clause, f"nothing is granted in {', '.join(test.regions)}, and ROW may be one of them", "RR10", missing=("region",))
    if region_names(about.made.region) & set(test.regions):
        return prohibited(clause, f"nothing is granted in {about.made.region}", "RR10")
    return None


def _threshold(about: Circumstances, clause: Clause, test: LimitTest) -> Said | None:
    """Test a count of users or a revenue; a badge above a threshold bars nothing, and a rule for those who serve the model binds only them."""
    if test.effect == "ui-badge" or (test.scope and about.use is not Use.COMMERCIAL):
        return None
    above = is_above(about, test)
    words = f"{test.metric.replace('-', ' ')} above {test.value:,}"
    if above is TriState.NO:
        return None
    if test.effect == "extra-licence" and about.has_approval:
        return Said(clause=clause, outcome=None, reason="a licence of its own is recorded", rules=("RR08", "RR10"), duties=("written-approval",))
    if above is TriState.UNKNOWN or test.scope:
        missing = (test.metric.replace("-", "_"),)
        return unknown(clause, f"{words} needs a licence of its own, and nobody says whether it is reached", "RR10", missing=missing)
    return prohibited(clause, f"{words} needs a licence of its own, and none is recorded", "RR10", missing=("approval",))


def _stricter(about: Circumstances, clause: Clause, case: ExceptionCase) -> Said | None:
    """Return what a stricter rule says on some outputs."""
    if case.kind in _NO_EFFECT:
        return None
    if case.kind in {"grounded", "output-type"}:
        return _grounded(about, clause) if case.kind == "grounded" else _output_type(about, clause, case)
    if case.kind == "inherits":
        reaches = is_absent(about.made.model) or glob_matches(case.models, (), about.made.model)
        return neutral(clause, f"the base model's licence applies as well ({', '.join(case.terms)})", "RR12") if reaches else None
    is_own = case.kind == "third-party-terms" and not is_absent(about.made.model) and glob_matches(case.models, (), about.made.model)
    if is_own:
        return None
    if case.kind == "similar-model":
        return _similar_model(about, clause)
    return unknown(clause, "it bars what competes with a third party that made the output, and no fact tells", "RR09")


def _similar_model(about: Circumstances, clause: Clause) -> Said | None:
    if about.run.similar is TriState.NO:
        return None
    if about.run.similar is TriState.YES:
        return prohibited(clause, "it bars models similar to the provider's, and the model is said to be", "RR09")
    return unknown(clause, "it bars models similar to the provider's, and nobody says whether the model is", "RR09", missing=("similar",))


def _grounded(about: Circumstances, clause: Clause) -> Said | None:
    if about.run.grounded is TriState.NO:
        return None
    if about.run.grounded is TriState.YES:
        return prohibited(clause, "results grounded in a search may not be trained on", "RR10")
    return unknown(clause, "results grounded in a search may not be trained on, and nobody says whether these are", "RR10", missing=("grounded",))


def _output_type(about: Circumstances, clause: Clause, case: ExceptionCase) -> Said | None:
    if about.run.output_type not in case.outputs and not is_absent(about.run.output_type):
        return None
    words = f"outputs of type {', '.join(case.outputs)} may not train what competes"
    if case.effect == "prohibited-if-competing" and about.competes is TriState.NO:
        return None
    if is_absent(about.run.output_type):
        return unknown(clause, f"{words}, and nobody says what these are", "RR10", missing=("output_type",))
    if case.effect == "prohibited-if-competing" and about.competes is TriState.UNKNOWN:
        return unknown(clause, f"{words}, and nobody says whether it does", "RR10", missing=("competing",))
    return prohibited(clause, words, "RR10")
