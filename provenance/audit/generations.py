"""How many models in a row wrote a text, each from what the one before wrote.

A model trained on the text of models, over and over, loses what is rare in human text (Shumailov and others, Nature 631, 2024). Rules of this module:

* A dataset that a model wrote counts 1; one that a model wrote from a dataset of depth n counts n + 1. The deepest way counts.
* A step that only chooses, joins or labels (``filter``, ``mix``, ``deduplicate``, ``tokenize``, ``copy``, ``label``) adds nothing, unless the dataset names a
  model that no source of it names: then that model wrote along.
* Where a step may have been done by people or by a model, and nothing says by whom, the depth is not known; so it is where an origin is not known.
* What holds the same bytes counts as they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.audit.lineage import SAME_BYTES, Part, Tracer
from provenance.audit.writers import written_by_model
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.model.lineage import Transform

_PLAIN = frozenset(t.value for t in (Transform.FILTER, Transform.MIX, Transform.DEDUPLICATE, Transform.TOKENIZE, Transform.COPY, Transform.LABEL)) | {
    SAME_BYTES
}
_Key = tuple[str, str, frozenset[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generations:
    """A depth: at least so many models in a row, and whether there surely are no more."""

    at_least: int = 0
    known: bool = False


NOT_COUNTED = Generations()
"""Nothing is known."""


def count_generations(tracer: Tracer, version: DatasetVersion) -> Generations:
    """Return the depth of a version."""
    return _Counter(tracer, version.dataset.name).count(Part(name=version.dataset.name, root_digest=version.root_digest))


class _Counter:
    """Counts what some dataset comes from, each part once."""

    def __init__(self, tracer: Tracer, owner: str) -> None:
        self._tracer, self._owner = tracer, owner
        self._done: dict[_Key, Generations] = {}

    def count(self, root: Part) -> Generations:
        """Return the depth of a part. Lineages may be longer than Python's stack is deep, so this keeps its own."""
        sources: dict[_Key, list[Part]] = {}
        pending = [root]
        while pending:
            part = pending[-1]
            if part.key in self._done:
                pending.pop()
            elif part.key in sources:
                self._done[part.key] = self._depth(part, sources[part.key])
                pending.pop()
            else:
                sources[part.key] = [*self._tracer.sources(part), *self._twins(part)]
                # What is still open is the part itself, reached from what it comes from: it has no depth yet, and counts as not known.
                pending += [s for s in sources[part.key] if s.key not in self._done and s.key not in sources]
        return self._done[root.key]

    def _twins(self, part: Part) -> list[Part]:
        """Return what holds the same bytes, unless it was made of the part: then it says nothing of how the part came about."""
        if part.via[-1:] == (SAME_BYTES,):
            return []
        twins = [Part(name=name, root_digest=root, via=(SAME_BYTES,)) for name, root in self._tracer.twins(part)]
        return [t for t in twins if not {part.name, self._owner} & {p.name for p in self._tracer.reach((t,))}]

    def _depth(self, part: Part, sources: Sequence[Part]) -> Generations:
        facts = self._tracer.facts(part)
        if not facts:
            return NOT_COUNTED
        own = _own_depth(facts)
        known = own.known or (bool(sources) and _says_nothing(facts))
        depth = own.at_least
        named = {model for s in sources for model in _models(self._tracer.facts(s))}
        is_new = bool(_models(facts) - named)
        for source in sources:
            before = self._done.get(source.key, NOT_COUNTED)
            step, is_sure = _step(source.via[-1], facts, is_new=is_new)
            # From text by people alone there is nothing to add up: the dataset's own depth tells.
            known = known and before.known and (is_sure or (before.at_least == 0 and own.at_least > 0))
            depth = max(depth, before.at_least + step)
        return Generations(at_least=depth, known=known)


def _own_depth(facts: Iterable[Dataset]) -> Generations:
    """Return what a dataset's own facts say, whatever it comes from."""
    said = {written_by_model(d) for d in facts}
    if TriState.YES in said:
        return Generations(at_least=1, known=True)
    return Generations(at_least=0, known=said <= {TriState.NO})


def _says_nothing(facts: Iterable[Dataset]) -> bool:
    """Tell whether a dataset only names models that labelled it: then what it comes from tells who wrote it."""
    return {written_by_model(d) for d in facts} <= {TriState.NO, None}


def _models(facts: Iterable[Dataset]) -> frozenset[tuple[str, str]]:
    return frozenset((g.provider, g.model) for d in facts for g in d.writers)


def _step(transform: str, facts: Sequence[Dataset], *, is_new: bool) -> tuple[int, bool]:
    """Return how many models a step surely adds, and whether it surely adds no more."""
    if transform == SAME_BYTES:
        return 0, True
    if transform == Transform.GENERATE:
        return 1, True
    if transform in _PLAIN:
        return int(is_new), True
    if is_new or (transform == Transform.REWRITE and _models(facts)):
        return 1, True
    return 0, {written_by_model(d) for d in facts} <= {TriState.NO, None}
