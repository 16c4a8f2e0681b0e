"""What is likely wrong with a bundle that loads: rules that can never decide, that nobody tests, or that say one thing and do another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provenance.model.finding import Action, Outcome, Severity
from provenance.policy.bundle_tests import run_bundle_tests
from provenance.policy.combinations import combinations, space_of, with_params
from provenance.policy.explain import shown_paths
from provenance.policy.facts import schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.rules import Bundle, Rule
from provenance.policy.shipped_names import taken_name

_ODD = {
    (Action.DENY, Severity.LOW): "it blocks a run for a harm that is low",
    (Action.WARN, Severity.CRITICAL): "it only warns of a critical harm",
    (Action.WARN, Severity.HIGH): "it only warns of a harm that is high",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something about a bundle that its author should look at."""

    rule: str
    """Empty where it is about the bundle."""
    line: int
    column: int
    is_fault: bool
    """Whether it has to be mended; otherwise it is only good to know."""
    message: str
    hint: str = ""


def lint_bundle(bundle: Bundle, *, docs: Path | None = None) -> tuple[Remark, ...]:
    """Return remarks on a bundle, in the order of its rules.

    Args:
        bundle: The bundle.
        docs: Folder in which each rule should have a page ``ID.md``.
    """
    remarks = [remark for rule in bundle.rules for remark in _of_rule(bundle, rule, docs)]
    used = {path for rule in bundle.rules for path in shown_paths(rule)}
    for name, _ in bundle.params:
        if f"params.{name}" not in used:
            remarks.append(
                Remark(rule="", line=1, column=1, is_fault=True, message=f"parameter {name} is read by no rule", hint="leave it out, or read it")
            )
    taken = taken_name(bundle.name, bundle.digest) or taken_name(Path(bundle.path).name, bundle.digest)
    if taken:
        message = f"{taken} is the name of a shipped bundle, and this one has other content: no run may name it"
        remarks.append(Remark(rule="", line=1, column=1, is_fault=True, message=message, hint="give it a name and a file name of its own"))
    return tuple(remarks)


def _of_rule(bundle: Bundle, rule: Rule, docs: Path | None) -> Iterator[Remark]:
    def remark(message: str, hint: str = "", *, is_fault: bool = True) -> Remark:
        line, column = rule.place
        return Remark(rule=rule.id, line=line, column=column, is_fault=is_fault, message=message, hint=hint)

    tested = {outcome for test in bundle.tests for rule_id, outcome in test.expect if rule_id == rule.id}
    if not tested:
        yield remark("no test expects anything of it", f"add under tests: {{name: …, given: {{…}}, expect: {{{rule.id}: VIOLATED}}}}")
    elif missing := [o.value for o in (Outcome.SATISFIED, Outcome.VIOLATED) if o not in tested]:
        yield remark(f"no test expects {' or '.join(missing)}", "a rule is known to work when one test meets it and one breaks it")
    if (rule.action, rule.severity) in _ODD:
        yield remark(f"{rule.action}, severity {rule.severity}: {_ODD[rule.action, rule.severity]}")
    if not rule.remedies:
        yield remark("it offers no remedy", "say under remedies what would clear it")
    if not rule.waivable and any(r.kind == "waive" and "waiver {waiver.id}" not in r.summary and "waiver." not in r.summary for r in rule.remedies):
        yield remark(
            "it offers a waiver and permits none", "leave out the remedy waive, or set waivable: true", is_fault=rule.for_each.value != "waiver"
        )
    if _misses_labels(rule):
        yield remark(
            "it is guarded by dataset.synthetic alone, so that labels by a model on text by people pass it whatever their terms say",
            'let it apply where dataset.outputs != "NO"',
        )
    if docs is not None and not (docs / f"{rule.id}.md").is_file():
        yield remark(f"{docs / rule.id}.md is not there", "write what the rule asks for, why, and what to do")
    for message, hint, is_fault in _of_outcomes(bundle, rule):
        yield remark(message, hint, is_fault=is_fault)


def _of_outcomes(bundle: Bundle, rule: Rule) -> Iterator[tuple[str, str, bool]]:
    space = space_of([(bundle, rule)])
    if space is None:
        yield "it reads too many facts for all combinations to be tried", "split it", False
        return
    fields = schema_paths(rule.for_each)
    counts: Counter[Outcome] = Counter()
    silent: set[str] = set()
    for values in combinations(space):
        outcome = judge(rule, with_params(bundle, values), fields)
        counts[outcome] += 1
        if outcome is Outcome.NOT_APPLICABLE:
            silent |= {p for p in values if p.rpartition(".")[2].endswith("known") and values[p] == "NO"}
    if counts[Outcome.NOT_APPLICABLE] == counts.total():
        yield "it never applies, whatever the facts are", "see its condition under applies", True
    elif not counts[Outcome.SATISFIED]:
        yield "nothing ever satisfies it, whatever the facts are", "see its condition under require", True
    elif not counts[Outcome.VIOLATED] and not counts[Outcome.UNKNOWN]:
        yield "nothing ever violates it, whatever the facts are", "see its condition under require", True
    elif not counts[Outcome.VIOLATED]:
        yield "it objects only to what is not known", "say so in its title", False
    applies = set() if rule.applies is None else set(rule.applies.condition.paths)
    for path in sorted(silent & applies):
        yield f"where {path} is NO it does not apply: what is not known passes it by", "another rule should ask that it is known", False


def failed_tests(bundle: Bundle) -> tuple[str, ...]:
    """Return which of a bundle's own expectations do not hold, in words."""
    return tuple(f"{r.test}: {r.rule} expected {r.expected}, got {r.got}" for r in run_bundle_tests(bundle) if not r.passed)


def _misses_labels(rule: Rule) -> bool:
    """Tell whether a rule on terms leaves out datasets that a model only labelled: whoever wrote the text, labels are outputs."""
    guard = rule.applies.condition.text if rule.applies is not None else ""
    return (
        "dataset.synthetic" in guard
        and not any(fact in guard for fact in ("dataset.outputs", "dataset.teacher_role"))
        and "dataset.terms." in rule.require.condition.text
    )
