"""What a finding says for people: messages, the facts a rule read, and what backs them. No attribute of a Python object is ever formatted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from provenance.model.finding import ClauseCitation, FindingEvidence, Reading, Remedy
from provenance.policy.facts import SCHEMA, FactValue, SubjectFacts
from provenance.policy.rules import Rule

MAX_TEXT = 300
"""Longest value printed in a message, characters: facts may come from hostile files."""
_PATH = r"\{([^}]*)\}"


def render(template: str, values: Mapping[str, FactValue]) -> str:
    """Fill a message's ``{paths}``; ``{path:percent}`` prints a share."""

    def fill(found: re.Match[str]) -> str:
        path = found.group(1)
        if path.endswith(":percent"):
            value = values[path.removesuffix(":percent")]
            return f"{float(value):.1%}" if isinstance(value, int | float) else str(value)
        return show(values[path])

    return re.sub(_PATH, fill, template)


def shown_paths(rule: Rule) -> tuple[str, ...]:
    """Return every path whose value a finding of the rule shows: what it reads, and what message and remedies hold."""
    texts = (rule.message, *(spec.summary.replace("{subject}", "") for spec in rule.remedies))
    named = (path.removesuffix(":percent") for text in texts for path in re.findall(_PATH, text))
    return tuple(dict.fromkeys((*rule.reads, *named)))


def show(value: FactValue) -> str:
    """Return a fact's value as text, shortened."""
    text = (", ".join(value) or "none") if isinstance(value, tuple) else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def readings(rule: Rule, values: Mapping[str, FactValue]) -> tuple[Reading, ...]:
    """Return every fact that the rule read, with its value."""
    found = []
    for path in rule.reads:
        value = values[path]
        found.append(Reading(path=path, value=show(value) if isinstance(value, tuple) else value))
    return tuple(found)


def cited_clauses(rule: Rule, clauses: tuple[ClauseCitation, ...]) -> tuple[ClauseCitation, ...]:
    """Return the clauses behind a subject's terms where the rule read these."""
    return clauses if any(".terms." in path for path in rule.reads) else ()


def cited_evidence(rule: Rule, subject: SubjectFacts) -> tuple[FindingEvidence, ...]:
    """Return the evidence that backs the facts the rule read."""
    fields = {f"{rule.for_each.value}.{field.path}": field.evidence for field in SCHEMA[rule.for_each]}
    kinds = {fields[path] for path in rule.reads if fields.get(path)}
    return tuple(item for item in subject.evidence if item.kind in kinds or item.kind == "match")


def remedies(rule: Rule, values: Mapping[str, FactValue], subject: str) -> tuple[Remedy, ...]:
    """Return the ways out, with what each would do."""
    return tuple(
        Remedy(kind=spec.kind, summary=render(spec.summary.replace("{subject}", subject), values), effect=_effect(spec.kind, rule, values))
        for spec in rule.remedies
    )


def _effect(kind: str, rule: Rule, values: Mapping[str, FactValue]) -> str:
    if kind == "waive":
        return f"{rule.id} no longer counts for this subject until the waiver expires; the finding stays listed"
    share = values.get("dataset.share")
    if kind == "drop" and isinstance(share, float) and values.get("dataset.share_known") == "YES":
        return f"closes this finding of {rule.id}; at most {share:.1%} of the run's sampled tokens are concerned"
    return f"closes this finding of {rule.id}"
