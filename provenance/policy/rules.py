"""What a policy bundle is once it is read, checked and compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from provenance.model.finding import Action, Outcome, Severity, SubjectKind
from provenance.policy.cel import CompiledCondition
from provenance.policy.conditions import Condition
from provenance.policy.facts import FactValue

ENGINE: Final = "engine"
"""Bundle of what the engine finds by itself."""
NO_SUBJECTS = "E000"
"""Id of the engine's own finding: nothing was judged, and nothing is never cleared. No bundle may use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedySpec:
    """A way out that a rule offers; the summary may hold ``{paths}``."""

    kind: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition with its compiled form."""

    condition: Condition
    compiled: CompiledCondition = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a bundle."""

    id: str
    title: str
    for_each: SubjectKind
    applies: Check | None
    require: Check
    action: Action
    severity: Severity
    waivable: bool
    message: str
    remedies: tuple[RemedySpec, ...]
    place: tuple[int, int] = field(default=(1, 1), compare=False)
    """Line and column of the file where it begins."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Every path that its conditions mention, in order."""
        applies = self.applies.condition.paths if self.applies else ()
        return tuple(dict.fromkeys((*self.require.condition.paths, *applies)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTest:
    """A test that a bundle carries: facts that differ from the harmless defaults, and the outcomes expected."""

    name: str
    given: tuple[tuple[str, FactValue], ...]
    expect: tuple[tuple[str, Outcome], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A parsed and compiled bundle."""

    name: str
    release: str
    title: str
    digest: str
    """``sha256:<hex>`` of the file's bytes."""
    path: str
    params: tuple[tuple[str, FactValue], ...]
    rules: tuple[Rule, ...]
    tests: tuple[BundleTest, ...]
    includes: tuple[str, ...] = ()
    """Names of bundles that judge along with it."""

    def param(self, name: str) -> FactValue | None:
        """Return a parameter's value, ``None`` where the bundle has none of the name."""
        return dict(self.params).get(name)
