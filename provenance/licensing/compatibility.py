"""Under which licences something made of several licensed things may be passed on, such as a data set merged from several.

Every licence tells the *targets* under which adaptations of it may be passed on: a licence with share-alike only itself and those it names, any other also one
of the user's choice. What several licences have in common is a way out; where they have nothing in common, they exclude each other. What is not known makes two
sets of it: the targets that are surely open, and those that may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.expression import AllOf, AnyOf, Expression, OneLicense, parse_expression, render
from provenance.licensing.license_class import LicenseClass
from provenance.model.absence import TriState, is_absent

OWN_CHOICE = "own-choice"
"""The target that stands for a licence of the user's choice, which passes on what the parts ask for."""
_NON_COMMERCIAL = frozenset({"non-commercial", "research-only"})


class Compatibility(StrEnum):
    """Whether adaptations of several things may be passed on together."""

    COMPATIBLE = "COMPATIBLE"
    EXCLUDED = "EXCLUDED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Licences under which adaptations may be passed on."""

    sure: frozenset[str]
    possible: frozenset[str]
    """Also those of which nobody knows; holds ``sure``."""

    def __and__(self, other: Targets) -> Targets:
        """Return what is left where both apply."""
        return Targets(sure=self.sure & other.sure, possible=self.possible & other.possible)

    def __or__(self, other: Targets) -> Targets:
        """Return what is open where one of both may be chosen."""
        return Targets(sure=self.sure | other.sure, possible=self.possible | other.possible)

    @property
    def compatibility(self) -> Compatibility:
        """Tell whether there is a way out."""
        if self.sure:
            return Compatibility.COMPATIBLE
        return Compatibility.UNKNOWN if self.possible else Compatibility.EXCLUDED


@dataclass(frozen=True, kw_only=True)
class CompatibilityTable:
    """Answers for one catalogue."""

    catalog: LicenseCatalog
    universe: frozenset[str]

    @classmethod
    def of(cls, catalog: LicenseCatalog) -> CompatibilityTable:
        """Return the table of a catalogue."""
        alike = {key for key, found in catalog.classes.items() if found.share_alike is not TriState.NO}
        return cls(catalog=catalog, universe=frozenset({OWN_CHOICE, *alike}))

    def targets(self, expression: str) -> Targets:
        """Return the targets of an expression or a named absence."""
        if is_absent(expression):
            return self._anything
        try:
            return self.targets_of(parse_expression(expression))
        except ValueError:
            return self._anything

    def together(self, expressions: Iterable[str]) -> Targets:
        """Return the targets of what was made of several things."""
        found = Targets(sure=self.universe, possible=self.universe)
        for expression in expressions:
            found &= self.targets(expression)
        return found

    @property
    def _anything(self) -> Targets:
        return Targets(sure=frozenset(), possible=self.universe)

    def targets_of(self, expression: Expression) -> Targets:
        """Return the targets of a parsed expression."""
        if isinstance(expression, OneLicense):
            return self._of_one(expression)
        parts = [self.targets_of(part) for part in expression.parts]
        found = parts[0]
        for part in parts[1:]:
            found = found & part if isinstance(expression, AllOf) else found | part
        if isinstance(expression, AnyOf) and is_vague(expression):
            # The name does not tell which of both is meant: sure is only what either gives.
            return Targets(sure=frozenset.intersection(*(p.sure for p in parts)), possible=found.possible)
        return found

    def _of_one(self, license_: OneLicense) -> Targets:
        found = self.catalog.find(license_)
        if found is None or TriState.UNKNOWN in {found.share_alike, found.no_derivatives, found.behavioural_restrictions} or _is_unclear(found):
            return self._anything
        if found.no_derivatives is TriState.YES:
            return Targets(sure=frozenset(), possible=frozenset())
        named = license_.id if license_.id in self.catalog.classes else license_.id.removesuffix("+")
        return self._share_alike(named) if found.share_alike is TriState.YES else self._free(named, found)

    def _share_alike(self, name: str) -> Targets:
        fit = self.catalog.compatibility.get(name)
        if fit is None:
            return Targets(sure=frozenset({name}), possible=self.universe - {OWN_CHOICE})
        sure = frozenset({name, *fit.under}) - set(fit.not_under)
        return Targets(sure=sure & self.universe, possible=sure & self.universe)

    def _free(self, name: str, found: LicenseClass) -> Targets:
        """Return the targets of a licence without share-alike; one with share-alike takes no further restrictions, so that what sets some stays outside."""
        fit = self.catalog.compatibility.get(name)
        barred = set(fit.not_under) if fit is not None else set()
        if found.behavioural_restrictions is TriState.YES:
            barred |= self.universe - {OWN_CHOICE}
        if found.use in _NON_COMMERCIAL:
            barred |= {key for key in self.universe - {OWN_CHOICE} if self.catalog.classes[key].use not in _NON_COMMERCIAL}
        under = set() if fit is None else set(self.universe) if "*" in fit.under else set(fit.under)
        possible = self.universe - barred
        return Targets(sure=frozenset({OWN_CHOICE, *under}) & possible, possible=possible)


def _is_unclear(found: LicenseClass) -> bool:
    return found.use in {"unspecified", "terms-of-use", "UNKNOWN"}


def is_vague(expression: AnyOf) -> bool:
    """Tell whether alternatives are one licence whose name tells neither only nor or-later: no choice, but a name that says too little."""
    names = {render(part) for part in expression.parts}
    return len(names) > 1 and len({name.removesuffix("-only").removesuffix("-or-later") for name in names}) == 1
