"""The remedies that an audit computes for itself: which records to leave out, which weights to give, and which datasets only leaving out would help.

The plan is the sure way; what may be cheaper – a licence, a statement, a waiver – needs somebody else and stands beside it as a comment.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provenance.audit.reweight import DatasetShare, caps_of, differ, reweight
from provenance.model.audit import AuditRecord, DatasetSummary, PolicyUsed
from provenance.model.finding import Action, Finding, SubjectKind

_REMEDIES_SAID = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Why a dataset would be left out, and what else would help."""

    dataset: str
    rules: tuple[str, ...]
    remedies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedPlan:
    """What an audit proposes."""

    audit: str
    drop: tuple[str, ...]
    leave_out: tuple[Alternative, ...]
    weights: Mapping[str, float] | None
    """``None`` where the weights may stay as they are."""
    unmended: tuple[str, ...] = ()
    """What no plan mends."""


def propose_plan(record: AuditRecord) -> ProposedPlan:
    """Return the surest remedies of what an audit found; only open findings that deny or ask for review count."""
    pending = [f for f in record.findings if f.is_open and f.action is not Action.WARN]
    drop = sorted({f.rule for f in pending if _is_dropped(f)})
    capped = caps_of(record.policy, ()).rules
    weighed = {f.rule for f in pending if f.rule in capped}
    rest = [f for f in pending if not _is_dropped(f) and f.rule not in weighed]
    datasets = {f.dataset or f.subject.id for f in rest if f.subject.kind in {SubjectKind.DATASET, SubjectKind.SHARD}}
    leave_out = [_alternative(name, [f for f in rest if name in {f.dataset, f.subject.id}]) for name in sorted(datasets)]
    left = [d for d in record.datasets if d.dataset.name not in datasets]
    weights, unmended = _weights(record, left, bool(leave_out), weighed)
    unmended += [_said(f) for f in rest if f.subject.kind not in {SubjectKind.DATASET, SubjectKind.SHARD}]
    if not left:
        unmended = [*unmended, "nothing would be left of the run: mend the datasets instead"]
    return ProposedPlan(audit=record.id, drop=tuple(drop), leave_out=tuple(leave_out), weights=weights, unmended=tuple(unmended))


def _said(finding: Finding) -> str:
    """Return what no plan mends, with the first thing that does."""
    ways = [r.summary for r in finding.remedies if r.kind != "waive"]
    return f"{finding.rule}, {finding.title}: {ways[0] if ways else finding.message}"


def _is_dropped(finding: Finding) -> bool:
    """Tell whether leaving records out, as ``remedy drop`` does, helps."""
    return finding.subject.kind is SubjectKind.MATCH or any(r.path == "dataset.exclusions.inside" and r.value for r in finding.because)


def _alternative(name: str, findings: Sequence[Finding]) -> Alternative:
    said = dict.fromkeys(r.summary for f in findings for r in f.remedies if r.kind != "drop")
    return Alternative(dataset=name, rules=tuple(sorted({f.rule for f in findings})), remedies=tuple(said)[:_REMEDIES_SAID])


def dataset_shares(datasets: Iterable[DatasetSummary]) -> list[DatasetShare] | None:
    """Return each dataset's share, of the sum of these; ``None`` where one is not known."""
    known = [(d, d.weight) for d in datasets]
    total = sum(weight or 0.0 for _, weight in known)
    if total <= 0 or any(weight is None for _, weight in known):
        return None
    return [DatasetShare(name=d.dataset.name, share=(weight or 0.0) / total, synthetic=d.synthetic, domain=d.dataset.domain) for d, weight in known]


def new_weights(datasets: Sequence[DatasetSummary], policy: Iterable[PolicyUsed]) -> tuple[dict[str, float] | None, frozenset[str]]:
    """Return weights that keep every cap on what is or may be synthetic, and the rules that hold with them.

    The weights are ``None`` where there are none, they are those of now, or shares are not known.
    """
    shares = dataset_shares(datasets)
    if shares is None:
        return None, frozenset()
    caps = caps_of(policy, {d.dataset.domain for d in datasets})
    weights = reweight(shares, caps)
    return (weights, caps.rules) if weights is not None and differ(weights, shares) else (None, caps.rules)


def _weights(record: AuditRecord, left: Sequence[DatasetSummary], fewer: bool, asked: Collection[str]) -> tuple[dict[str, float] | None, list[str]]:
    """Return the weights to give, where what is left breaks a cap or no longer adds up to 1, and what they cannot mend."""
    shares = dataset_shares(left)
    if shares is None:
        return None, ["the shares of the mixture are not known, so no weights can be computed"] if asked and left else []
    weights = reweight(shares, caps_of(record.policy, {d.dataset.domain for d in left}))
    stated = fewer and any(d.weight is not None for d in record.run.data)
    if weights is None:
        return None, ["no weights keep the caps: everything that is left is or may be synthetic"] if asked or stated else []
    return (weights if asked or stated or differ(weights, shares) else None), []


def write_plan(plan: ProposedPlan, *, run_file: str) -> str:
    """Return a plan as a remedy file, with what else would help as comments. Every text of the audit is written as a JSON string."""
    return "\n".join(_lines(plan, run_file)) + "\n"


def _lines(plan: ProposedPlan, run_file: str) -> Iterator[str]:
    yield "# What would clear the run, as far as it can be computed. See what it would do, before doing it:"
    yield f"#   provenance audit {_comment(run_file)} --what-if THIS_FILE"
    yield "format: provenance.remedy"
    yield "version: 1"
    if plan.drop:
        yield "# provenance remedy drop " + " ".join(f"--rule {rule}" for rule in plan.drop) + " --apply"
        yield f"drop: {json.dumps(list(plan.drop))}"
    zero = [name for name, weight in (plan.weights or {}).items() if not weight]
    if plan.leave_out or zero:
        yield "leave_out:"
        for item in plan.leave_out:
            yield f"  - {json.dumps(item.dataset)}   # {_comment(', '.join(item.rules))}"
            yield from (f"    # or {_comment(remedy)}" for remedy in item.remedies)
        yield from (f"  - {json.dumps(name)}   # no weight above 0 keeps the caps" for name in zero)
    if plan.weights:
        yield "weights:"
        yield from (f"  {json.dumps(name)}: {weight:.4f}" for name, weight in plan.weights.items() if weight)
    yield from (f"# {_comment(text)}" for text in plan.unmended)


def _comment(text: str) -> str:
    """Return text that cannot leave its comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
