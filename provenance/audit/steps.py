"""The fewest steps that would bring a run closer to a clearance, proposed from its open findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from provenance.model.audit import Step
from provenance.model.finding import Action, Finding, SubjectKind

_REMEDIES_SAID = 3
"""Different remedies of one rule that one step spells out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What steps are measured against."""

    records: Mapping[str, int]
    """Records of each dataset."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Records of each dataset that hold a passage behind an open finding that denies or asks for review."""
    weights: Mapping[str, float] | None = None
    """Weights that would bring what is synthetic under its caps; ``None`` where there are none, or none are needed."""
    weighed: frozenset[str] = frozenset()
    """Rules that hold with these weights."""


def propose_steps(findings: Sequence[Finding], amounts: Amounts) -> tuple[Step, ...]:
    """Return steps, the one that closes most findings first. Only open findings that deny or ask for review count."""
    pending = [f for f in findings if f.is_open and f.action is not Action.WARN]
    matched = [f for f in pending if f.subject.kind is SubjectKind.MATCH]
    steps = [*_drop_steps(matched, amounts), *_other_steps([f for f in pending if f.subject.kind is not SubjectKind.MATCH], amounts)]
    return tuple(step for _, step in sorted(steps, key=lambda item: -item[0]))


def _drop_steps(findings: Sequence[Finding], amounts: Amounts) -> list[tuple[int, Step]]:
    """All match findings are closed by one step: leaving out the records that hold the passages."""
    if not findings:
        return []
    rules = sorted({f.rule for f in findings})
    datasets = sorted({f.dataset for f in findings})
    parts = []
    for name in datasets:
        records = amounts.dropped.get(name, 0)
        total = amounts.records.get(name, 0)
        share = f", {100 * records / total:.1f} % of its records" if total else ""
        parts.append(f"{records} {_plural('record', records)} of {name}{share}")
    command = "provenance remedy drop " + " ".join(f"--rule {rule}" for rule in rules) + " --apply"
    closed = sum(f.size for f in findings)
    summary = f"Drop {' and '.join(parts)}: {command}"
    return [(closed, Step(summary=summary, effect=f"closes {closed} {_plural('passage', closed)} of {', '.join(rules)}", clears=tuple(rules)))]


_ADVICE: Mapping[str, Callable[[str], str]] = {
    "L001": lambda names: f"State the licence of {names} in datasets.yaml, with where it was read, and register again",
    "R001": lambda names: f"Register {names} again, restore the registered files, or move away what stands beside them unregistered",
    "R002": lambda names: f"Mend or remove what cannot be read in {names}, then register and scan again",
    "R003": lambda _: "Name reference sets in the run file: provenance reference add NAME FILES…",
    "R004": lambda names: f"Register {names} again without text_field, and with the tokenizer of token ids, so that every field is read",
    "A001": lambda names: f"Look at the records of {names} with provenance matches suspects: drop them, or register the model that made them",
    "C002": lambda names: f"Look at the short passages of {names} with provenance matches list --state short-passage, and drop the records",
    "D003": lambda names: f"Look at the short passages of {names} with provenance matches list --state short-passage, and drop the records",
    "X001": lambda names: f"Leave out what must go from {names}: provenance remedy drop --rule X001 --apply",
    "X002": lambda names: f"See what is not known of {names}: provenance exclude check",
    "E001": lambda names: f"Register {names}: provenance register --manifest datasets.yaml",
    "D001": lambda names: f"Drop {names} from the run, state who made it where that is not known, or obtain what its terms ask for",
}


def _other_steps(findings: Sequence[Finding], amounts: Amounts) -> list[tuple[int, Step]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    done: dict[str, list[tuple[str, int]]] = {}
    for rule, members in groups.items():
        names = ", ".join(dict.fromkeys(m.dataset or m.subject.id for m in members))
        advice = _ADVICE.get(rule)
        summary = advice(names) if advice else _new_weights(members, amounts) or _own_remedies(members)
        done.setdefault(summary, []).append((rule, sum(m.size for m in members)))
    return [_closing(summary, found) for summary, found in done.items()]


def _closing(summary: str, found: Sequence[tuple[str, int]]) -> tuple[int, Step]:
    """Return a step with all that it closes: what is done once is said once."""
    rules, closed = tuple(rule for rule, _ in found), sum(size for _, size in found)
    effect = f"closes {closed} {_plural('finding', closed)} of {', '.join(rules)}"
    return closed, Step(summary=summary, effect=effect, clears=rules)


def _new_weights(findings: Sequence[Finding], amounts: Amounts) -> str:
    """Return the weights to give where other weights help, empty text where they do not."""
    if amounts.weights is None or any(f.rule not in amounts.weighed for f in findings):
        return ""
    given = ", ".join(f"{name} {weight:g}" for name, weight in amounts.weights.items() if weight)
    out = ", ".join(name for name, weight in amounts.weights.items() if not weight)
    return f"Set the weights in the run file to {given}" + (f", and leave out {out}" if out else "")


def _own_remedies(findings: Sequence[Finding]) -> str:
    """Return the first remedies that the bundle gives for findings of one rule: of all of them, since what helps one helps no other."""
    own = list(dict.fromkeys(f.remedies[0].summary if f.remedies else f.title for f in findings))
    said = "; ".join(own[:_REMEDIES_SAID])
    more = f"; and {len(own) - _REMEDIES_SAID} more alike" if len(own) > _REMEDIES_SAID else ""
    return f"{said[:1].upper()}{said[1:]}{more}"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
