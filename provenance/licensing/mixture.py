"""What several licensed datasets may be used for together, which of them bind, and which licences exclude one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from itertools import combinations, islice, product
from math import prod
from operator import and_

from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.compatibility import Compatibility, CompatibilityTable, Targets
from provenance.licensing.expression import join_all
from provenance.licensing.license_uses import Circumstances, Duty, LicenseReason, LicenseUse, UseAnswer
from provenance.licensing.permissions import permissions, strictest_answer
from provenance.licensing.single import STRICTNESS
from provenance.model.absence import Permission, TriState

_MOST_PAIRS = 1_000
"""Pairs that are listed; how many there are is told."""
_NAMED = 3
_TWO = 2


class ConflictKind(StrEnum):
    """Why datasets cannot be used as asked."""

    USE = "use"
    """One licence forbids the use, or nobody knows what it says: non-commercial data in a commercial run."""
    NO_DERIVATIVES = "no-derivatives"
    SHARE_ALIKE = "share-alike"
    """Two licences each ask for themselves, or one for itself while the other sets what it does not take."""
    TOGETHER = "together"
    """Every two fit, all of them do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensedDataset:
    """One dataset of a mixture with all licences that count for it."""

    name: str
    expression: str
    """SPDX expression or named absence."""
    also: tuple[str, ...] = ()
    """Further expressions and absences, all of which apply too: those of what it was made of."""
    synthetic: TriState = TriState.NO
    share: float | None = None
    """Of the mixture; ``None`` = not known."""

    @property
    def licenses(self) -> tuple[str, ...]:
        """Return all expressions that apply, each once."""
        return tuple(dict.fromkeys((self.expression, *self.also)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureConflict:
    """Datasets that stand in the way of a use, and why."""

    kind: ConflictKind
    use: LicenseUse
    outcome: Permission
    """PROHIBITED, or UNKNOWN where nobody knows."""
    datasets: tuple[str, ...]
    licenses: tuple[str, ...]
    """In the order of the datasets."""
    text: str
    leave_out: str = ""
    """The dataset without which the conflict is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What datasets may be used for together."""

    circumstances: Circumstances
    answers: tuple[UseAnswer, ...]
    """One for every use that was asked about."""
    binding: tuple[tuple[LicenseUse, tuple[str, ...]], ...]
    """For every use that is not allowed, the datasets because of which, sorted."""
    conflicts: tuple[MixtureConflict, ...]
    """Prohibitions first."""
    conflicts_unlisted: int = 0
    leave_out: tuple[str, ...] = ()
    """Datasets without which all uses asked about are allowed; found one after the other, so that fewer may do."""
    targets: tuple[str, ...] = ()
    """Licences under which a dataset merged from all may be passed on; ``own-choice`` = any that passes on what is asked for."""
    duties: tuple[tuple[str, Duty], ...] = ()
    """What is asked for the uses, with the dataset that brings it."""

    @property
    def compatible(self) -> TriState:
        """Tell whether all uses asked about are allowed together."""
        outcomes = {a.outcome for a in self.answers}
        if Permission.PROHIBITED in outcomes:
            return TriState.NO
        return TriState.YES if outcomes == {Permission.ALLOWED} else TriState.UNKNOWN

    def answer(self, use: LicenseUse) -> UseAnswer:
        """Return the answer for one use."""
        return next(a for a in self.answers if a.use is use)


def combine(catalog: LicenseCatalog, datasets: Sequence[LicensedDataset], asked: Circumstances, *, uses: Sequence[LicenseUse]) -> Mixture:
    """Return what datasets may be used for together: never more than each of them, and never more than fewer of them.

    Args:
        catalog: The licences known.
        datasets: At least one; names are unique.
        asked: The circumstances; whether a model made the text is each dataset's own.
        uses: What is asked about.

    Raises:
        ValueError: If there is no dataset, no use, or a name twice.

    Cost: different expressions × uses, and pairs of different expressions.
    """
    if not datasets or not uses or len({d.name for d in datasets}) < len(datasets):
        raise ValueError("a mixture needs datasets with names of their own, and at least one use")
    return _Combination(catalog, datasets, asked, uses).mixture()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """Two expressions that do not fit, or all that do not fit together."""

    expressions: tuple[str, ...]
    excluded: bool
    """Else nobody knows."""


class _Combination:
    """One question, with what was found for it: datasets that state the same are judged once."""

    def __init__(self, catalog: LicenseCatalog, datasets: Sequence[LicensedDataset], asked: Circumstances, uses: Sequence[LicenseUse]) -> None:
        self._asked, self._uses, self._datasets = asked, tuple(dict.fromkeys(uses)), tuple(sorted(datasets, key=lambda d: d.name))
        self._table = CompatibilityTable.of(catalog)
        kinds = sorted({(d.licenses, d.synthetic) for d in datasets})
        judged = {
            (first, *also, synthetic): permissions(catalog, first, replace(asked, synthetic=synthetic), uses=self._uses, also=also)
            for (first, *also), synthetic in kinds
        }
        self._answers = {d.name: judged[*d.licenses, d.synthetic].answers for d in datasets}
        self._held: dict[str, list[LicensedDataset]] = {}  # by the first licence that has the same targets: such fit the same others
        self._targets: dict[str, Targets] = {}
        groups: dict[Targets, str] = {}
        known = {licenses: self._table.together(licenses) for licenses in {d.licenses for d in datasets}}
        for dataset in self._datasets:
            group = groups.setdefault(known[dataset.licenses], _label(dataset))
            self._held.setdefault(group, []).append(dataset)
            self._targets[group] = known[dataset.licenses]
        self._merging = tuple(u for u in self._uses if u in {LicenseUse.DISTRIBUTE_ADAPTED_DATA, LicenseUse.DISTRIBUTE_WEIGHTS})

    def mixture(self) -> Mixture:
        edges = self._edges(sorted(self._held))
        listed = [*self._single(), *islice((c for e in edges for use in self._merging for c in self._conflicts(e, use)), _MOST_PAIRS)]
        conflicts = sorted(listed, key=lambda c: (-STRICTNESS.index(c.outcome), c.kind, c.use, c.datasets))
        answers = tuple(self._whole(position, use, edges) for position, use in enumerate(self._uses))
        return Mixture(
            circumstances=self._asked,
            answers=answers,
            binding=tuple((a.use, self._binding(position, a, edges)) for position, a in enumerate(answers) if a.outcome is not Permission.ALLOWED),
            conflicts=tuple(conflicts),
            conflicts_unlisted=max(0, self._pairs(edges) - _MOST_PAIRS),
            leave_out=self._leave_out(edges),
            targets=tuple(sorted(self._together(self._targets).sure)),
            duties=tuple(dict.fromkeys((d.name, duty) for d in self._datasets for answer in self._answers[d.name] for duty in answer.duties)),
        )

    def _single(self) -> list[MixtureConflict]:
        """Return what each dataset alone forbids or leaves unknown."""
        found = []
        for dataset in self._datasets:
            for answer in self._answers[dataset.name]:
                if answer.outcome is not Permission.ALLOWED:
                    why = "; ".join(dict.fromkeys(f"{r.license}: {r.text}" for r in answer.decisive[:_NAMED]))
                    found.append(
                        MixtureConflict(
                            kind=ConflictKind.NO_DERIVATIVES if _is_no_derivatives(answer) else ConflictKind.USE,
                            use=answer.use,
                            outcome=answer.outcome,
                            datasets=(dataset.name,),
                            licenses=(_label(dataset),),
                            text=why,
                            leave_out=dataset.name,
                        )
                    )
        return found

    def _edges(self, expressions: Sequence[str]) -> list[_Edge]:
        """Return the pairs of expressions that do not fit for what is made of both; where every two fit and all do not, all of them."""
        if not self._merging:
            return []
        open_ones = [e for e in expressions if self._targets[e].possible]  # what has no target is told of the dataset alone
        edges = [edge for pair in combinations(open_ones, 2) if (edge := self._edge(pair)) is not None]
        whole = self._edge(tuple(open_ones))
        if whole is not None and len(open_ones) > _TWO and all(whole.excluded > e.excluded for e in edges):
            edges.append(whole)
        return edges

    def _together(self, labels: Iterable[str]) -> Targets:
        return reduce(and_, (self._targets[label] for label in labels), self._table.together(()))

    def _edge(self, expressions: tuple[str, ...]) -> _Edge | None:
        state = self._together(expressions).compatibility
        # Where one of them alone leaves it unknown, that is told of the dataset alone.
        unknown = state is Compatibility.UNKNOWN and all(self._targets[e].sure for e in expressions)
        return _Edge(expressions=expressions, excluded=not unknown) if unknown or state is Compatibility.EXCLUDED else None

    def _outcome(self, edge: _Edge, use: LicenseUse) -> Permission:
        """Return what exclusion means for a use: that share-alike reaches weights is unsettled, so that nothing is certain of them."""
        excluded = edge.excluded and use is LicenseUse.DISTRIBUTE_ADAPTED_DATA
        return Permission.PROHIBITED if excluded else Permission.UNKNOWN

    def _concerns(self, edge: _Edge, use: LicenseUse) -> bool:
        return use in self._merging and (edge.excluded or use is not LicenseUse.DISTRIBUTE_WEIGHTS)

    def _conflicts(self, edge: _Edge, use: LicenseUse) -> Iterable[MixtureConflict]:
        """Yield the conflicts of a pair of expressions, one for every pair of datasets."""
        if not self._concerns(edge, use):
            return
        groups = [self._held[e] for e in edge.expressions]
        pairs = product(*groups) if len(groups) == _TWO else [tuple(d for g in groups for d in g)]
        for unsorted in pairs:
            members = sorted(unsorted, key=lambda d: d.name)
            yield MixtureConflict(
                kind=ConflictKind.SHARE_ALIKE if len(groups) == _TWO else ConflictKind.TOGETHER,
                use=use,
                outcome=self._outcome(edge, use),
                datasets=tuple(d.name for d in members),
                licenses=tuple(map(_label, members)),
                text=_text(replace(edge, expressions=tuple(map(_label, members))), use),
                leave_out=min(members, key=_cheapest).name,
            )

    def _pairs(self, edges: Iterable[_Edge]) -> int:
        sizes = [(e, prod(len(self._held[x]) for x in e.expressions) if len(e.expressions) == _TWO else 1) for e in edges]
        return sum(size for e, size in sizes for use in self._merging if self._concerns(e, use))

    def _whole(self, position: int, use: LicenseUse, edges: Iterable[_Edge]) -> UseAnswer:
        whole = strictest_answer(use, list(dict.fromkeys(self._answers[d.name][position] for d in self._datasets)))
        against = [e for e in edges if self._concerns(e, use)]
        outcome = max((whole.outcome, *(self._outcome(e, use) for e in against)), key=STRICTNESS.index)
        reasons = [
            LicenseReason(license=" / ".join(e.expressions[:_NAMED]), outcome=self._outcome(e, use), text=_text(e, use), rules=("RR10", "RR17"))
            for e in sorted(against, key=lambda e: not e.excluded)[:_NAMED]
        ]
        return replace(whole, outcome=outcome, reasons=(*whole.reasons, *reasons))

    def _binding(self, position: int, answer: UseAnswer, edges: Iterable[_Edge]) -> tuple[str, ...]:
        """Return the datasets because of which a use is not allowed."""
        names = {d.name for d in self._datasets if self._answers[d.name][position].outcome is answer.outcome}
        for edge in edges:
            if self._concerns(edge, answer.use) and self._outcome(edge, answer.use) is answer.outcome:
                names.update(d.name for e in edge.expressions for d in self._held[e])
        return tuple(sorted(names))

    def _leave_out(self, edges: list[_Edge]) -> tuple[str, ...]:
        """Return datasets without which nothing stands against the uses: those that alone do, then of what excludes most the part of the smallest share."""
        alone = {c.leave_out for c in self._single()}
        left = [e for e, members in self._held.items() if any(d.name not in alone for d in members)]
        gone: list[str] = []
        while edges := [e for e in self._edges(sorted(set(left) - set(gone))) if any(self._concerns(e, u) for u in self._merging)]:
            counts = Counter(x for e in edges for x in e.expressions)
            gone.append(min(counts, key=lambda x: (sum(_cheapest(d)[0] for d in self._held[x]), -counts[x], x)))
        return tuple(sorted(alone | {d.name for e in gone for d in self._held[e]}))


def _text(edge: _Edge, use: LicenseUse) -> str:
    reach = "; whether share-alike reaches the weights of a model is unsettled" if use is LicenseUse.DISTRIBUTE_WEIGHTS else ""
    if len(edge.expressions) > _TWO:
        return f"every two of these {len(edge.expressions)} licences fit, but none is known under which what is made of all may be passed on{reach}"
    first, second = edge.expressions
    said = "exclude each other for what is made of both" if edge.excluded else "are not known to fit for what is made of both"
    return f"{first} and {second} {said}{reach}"


def _label(dataset: LicensedDataset) -> str:
    """Return all licences of a dataset as one text; datasets with the same text have the same licences."""
    return join_all(dataset.licenses)


def _cheapest(dataset: LicensedDataset) -> tuple[float, str]:
    """Return the order in which datasets are given up: the smallest share first."""
    return (1.0 if dataset.share is None else dataset.share, dataset.name)


def _is_no_derivatives(answer: UseAnswer) -> bool:
    return answer.use is LicenseUse.DISTRIBUTE_ADAPTED_DATA and any("what was made of it" in r.text for r in answer.decisive)
