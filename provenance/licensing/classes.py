"""Licence names and classes: what a licence expression says about training, from a catalogue of data.

``normalize`` turns what people write into an SPDX expression or a named absence; ``LicenseCatalog.assess`` says what the expression permits. What the
catalogue does not know is UNKNOWN, never permissive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_files import catalog_digest, iter_catalog_documents
from provenance.licensing.conclusion import UNRECOGNISED
from provenance.licensing.expression import AllOf, AnyOf, Expression, OneLicense, parse_expression, render
from provenance.licensing.flat import flat_words
from provenance.licensing.license_class import USES, Fit, LicenseClass
from provenance.licensing.license_documents import DECIDING, LICENSES_FORMAT, LICENSES_VERSION, TOP_FIELDS, document_faults, license_class, split_ids
from provenance.licensing.names import whole_name
from provenance.licensing.places import find_places
from provenance.licensing.spdx import listed_id, listed_licenses
from provenance.licensing.urls import license_of_url
from provenance.model.absence import ABSENCES, Absence, Permission, TriState, is_absent

ALL_RIGHTS_RESERVED = "LicenseRef-all-rights-reserved"
"""The holder grants nothing: every use that needs a licence is prohibited."""
_NOTHING_KNOWN = frozenset({"NOASSERTION", "NONE", *ABSENCES})
"""Words that stand in an expression for a licence that nobody knows."""
MAX_NAME = 400
"""Characters of a licence's name; longer text is prose, of which ``matching.license_detection`` makes what it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseAssessment:
    """What a whole expression says about one run."""

    use: str
    this_use: Permission
    attribution: TriState
    share_alike: TriState
    no_derivatives: TriState
    behavioural_restrictions: TriState
    unknown_ids: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Tell whether the class of the whole expression is known."""
        return self.use != "UNKNOWN"


UNKNOWN_ASSESSMENT = LicenseAssessment(
    use="UNKNOWN",
    this_use=Permission.UNKNOWN,
    attribution=TriState.UNKNOWN,
    share_alike=TriState.UNKNOWN,
    no_derivatives=TriState.UNKNOWN,
    behavioural_restrictions=TriState.UNKNOWN,
)


@dataclass(frozen=True, kw_only=True)  # without slots: names are sorted once
class LicenseCatalog:
    """Licence classes and the names people use for them."""

    version: str
    digest: str
    classes: Mapping[str, LicenseClass]
    """By licence id."""
    aliases: Mapping[str, str]
    """Free-form name, lower case and single-spaced → licence expression."""
    compatibility: Mapping[str, Fit] = field(default_factory=dict)
    """Licence id → under which licences with share-alike an adaptation may be passed on."""

    def normalize(self, text: str) -> tuple[str, str]:
        """Return (SPDX expression, ``LicenseRef-…`` or named absence, the original wording)."""
        folded = " ".join(text.split())
        if not folded:
            return Absence.NOT_STATED.value, text
        if folded.upper() in ABSENCES:
            return folded.upper(), text
        known = self._known_name(folded)
        if known is not None:
            return known, text
        try:
            parsed = parse_expression(folded)
            named = _map_ids(parsed, self._expression_id if isinstance(parsed, OneLicense) else self._part_id)
        except ValueError:
            named = None
        value = render(named) if named is not None else self._read_name(folded)
        return value or Absence.UNKNOWN.value, text

    def _known_name(self, folded: str) -> str | None:
        if len(folded) > MAX_NAME:
            return None
        lower = folded.lower()
        if lower in self.aliases:
            return self.aliases[lower]
        if lower in self._lower:
            return self._lower[lower]
        return self._loose.get(_loose(folded)) if _is_balanced(folded) else None

    @cached_property
    def _lower(self) -> Mapping[str, str]:
        return {name.lower(): name for name in self.classes}

    @cached_property
    def _loose(self) -> Mapping[str, str]:
        """Aliases and listed names by their words; what two of them share and mean otherwise is nobody's."""
        found: dict[str, set[str]] = {}
        for alias, expression in self.aliases.items():
            found.setdefault(_loose(alias), set()).add(expression)
        for key, entry in listed_licenses().items():
            for written in (entry.name, key):
                if _loose(written) not in found:
                    found[_loose(written)] = {key}
        return {words: next(iter(meant)) for words, meant in found.items() if len(meant) == 1}

    def _read_name(self, folded: str) -> str | None:
        """Return what an address, or a name in other words than those listed, stands for."""
        if len(folded) > MAX_NAME or not _is_balanced(folded):
            return None
        if folded.lower().startswith(("http://", "https://", "www.")):
            return license_of_url(folded)
        return whole_name(folded, self)

    def _expression_id(self, name: str) -> str | None:
        known = self._known_name(name)
        if known is not None:
            return known if known not in ABSENCES else None
        if name.startswith("LicenseRef-"):
            return name
        return _spdx_id(name) or (f"{base}+" if name.endswith("+") and (base := _spdx_id(name[:-1])) is not None else None)

    def _part_id(self, name: str) -> str | None:
        """Return what one part of an expression stands for: where it says that nobody knows, this part is not known, and the others still count."""
        return UNRECOGNISED if name.upper() in _NOTHING_KNOWN else self._expression_id(name)

    def assess(self, expression: str, commercial: TriState, *, synthetic: TriState = TriState.NO) -> LicenseAssessment:
        """Return what an expression says about a run: AND takes the strictest part, OR may choose the loosest.

        Args:
            expression: As ``normalize`` returns it.
            commercial: Whether the run is commercial.
            synthetic: Whether a model made the licensed text.
        """
        if is_absent(expression):
            return UNKNOWN_ASSESSMENT
        try:
            parsed = parse_expression(expression)
        except ValueError:
            return UNKNOWN_ASSESSMENT
        return self._assess(parsed, commercial, synthetic)

    def _assess(self, expression: Expression, commercial: TriState, synthetic: TriState) -> LicenseAssessment:
        if isinstance(expression, AllOf):
            return strictest_license([self._assess(part, commercial, synthetic) for part in expression.parts])
        if isinstance(expression, AnyOf):
            return min((self._assess(part, commercial, synthetic) for part in expression.parts), key=_looseness)
        if expression.id == ALL_RIGHTS_RESERVED:
            return replace(UNKNOWN_ASSESSMENT, use="unspecified", this_use=Permission.PROHIBITED)
        found = self.find(expression)
        if found is None:
            return replace(UNKNOWN_ASSESSMENT, unknown_ids=(render(expression),))
        return LicenseAssessment(
            use=found.use,
            this_use=found.permission(commercial, synthetic),
            attribution=found.attribution,
            share_alike=found.share_alike,
            no_derivatives=found.no_derivatives,
            behavioural_restrictions=found.behavioural_restrictions,
        )

    def find(self, license_: OneLicense) -> LicenseClass | None:
        """Return the class of one licence, ``None`` where it is not known.

        An exception of the SPDX list only adds permissions, so the licence without it is judged. Any other words behind WITH may as well take some away.
        ``X+`` lets the licensee take X itself.
        """
        if license_.exception and license_.exception.lower() not in _spdx_exceptions():
            return None
        return self.classes.get(license_.id) or self.classes.get(license_.id.removesuffix("+"))


_ORDER = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
_STRICTNESS = {TriState.NO: 0, TriState.UNKNOWN: 1, TriState.YES: 2}


def strictest_license(parts: Sequence[LicenseAssessment]) -> LicenseAssessment:
    """Return what several licences that all apply say together."""
    return LicenseAssessment(
        use=max((p.use for p in parts), key=USES.index),
        this_use=max((p.this_use for p in parts), key=_ORDER.index),
        attribution=_strictest_duty([p.attribution for p in parts]),
        share_alike=_strictest_duty([p.share_alike for p in parts]),
        no_derivatives=_strictest_duty([p.no_derivatives for p in parts]),
        behavioural_restrictions=_strictest_duty([p.behavioural_restrictions for p in parts]),
        unknown_ids=tuple(i for p in parts for i in p.unknown_ids),
    )


def _strictest_duty(duties: Sequence[TriState]) -> TriState:
    return max(duties, key=_STRICTNESS.__getitem__)


def _looseness(found: LicenseAssessment) -> tuple[int, int, int]:
    duties = (found.attribution, found.share_alike, found.no_derivatives, found.behavioural_restrictions)
    return _ORDER.index(found.this_use), sum(_STRICTNESS[d] for d in duties), USES.index(found.use)


def _is_balanced(text: str) -> bool:
    """Tell whether no bracket is left open: half an expression is none."""
    return text.count("(") == text.count(")")


def _loose(name: str) -> str:
    """Return the words of a name, without "the" before and "license" behind it: CC_BY_4.0 and "CC BY 4.0 License" are one name."""
    words = flat_words(name)
    return " ".join(words[words[:1] == ("the",) : len(words) - (len(words) > 1 and words[-1] == "license")])


def _map_ids(expression: Expression, name: Any) -> Expression | None:
    if isinstance(expression, AllOf | AnyOf):
        parts = [_map_ids(part, name) for part in expression.parts]
        whole = [p for p in parts if p is not None]
        return type(expression)(parts=tuple(whole)) if len(whole) == len(parts) else None
    found = name(expression.id)
    if found is None:
        return None
    parsed = parse_expression(found)
    return _with_exception(parsed, expression.exception) if expression.exception else parsed


def _with_exception(expression: Expression, exception: str) -> Expression:
    """Put what stands behind WITH behind every licence that a name stands for: it may take permissions away, so it must not get lost."""
    if isinstance(expression, OneLicense):
        return replace(expression, exception=exception)
    return replace(expression, parts=tuple(_with_exception(part, exception) for part in expression.parts))


@cache
def _spdx_ids() -> Mapping[str, str]:
    """Every SPDX id that the ``license-expression`` package lists, by its lower-case form: an id may be valid though its class is not known here."""
    import license_expression

    return {key.lower(): key for key in license_expression.get_spdx_licensing().known_symbols}


def _spdx_id(name: str) -> str | None:
    return listed_id(name) or _spdx_ids().get(name.lower())


@cache
def _spdx_exceptions() -> frozenset[str]:
    """Return the ids of the exceptions that SPDX lists, in lower case."""
    import license_expression

    return frozenset(key.lower() for key, symbol in license_expression.get_spdx_licensing().known_symbols.items() if symbol.is_exception)


def load_licenses(folders: Sequence[Path]) -> LicenseCatalog:
    """Load licence catalogues; entries of later folders override earlier ones by id.

    Raises:
        TermsDocumentError: If a document is malformed; with file, line and column.
    """
    entries: dict[str, dict[str, Any]] = {}
    aliases: dict[str, str] = {}
    fits: dict[str, dict[str, Any]] = {}
    releases: list[str] = []
    for path, document in iter_catalog_documents(folders, format_name=LICENSES_FORMAT, version=LICENSES_VERSION, fields=TOP_FIELDS):
        refuse_faults(path, document)
        releases.append(str(document.get("release", path.stem)))
        entries.update({entry["id"]: entry for entry in document.get("licenses") or []})
        aliases.update({" ".join(str(a).lower().split()): v for a, v in (document.get("aliases") or {}).items()})
        fits.update(document.get("compatibility") or {})
    classes = {part: license_class(entries[key]) for key in entries for part in split_ids(key) if entries[key].get("confidence", "seen") in DECIDING}
    digest = catalog_digest({**entries, "aliases": aliases, "compatibility": fits})
    compatibility = {key: Fit(under=tuple(fit.get("under", ())), not_under=tuple(fit.get("not_under", ()))) for key, fit in fits.items()}
    return LicenseCatalog(version="+".join(releases), digest=digest, classes=classes, aliases=aliases, compatibility=compatibility)


def refuse_faults(path: Path, document: Mapping[str, Any]) -> None:
    """Refuse a catalogue document with serious faults; the sentence tells the first and how many more there are.

    Raises:
        TermsDocumentError: With file, line and column.
    """
    faults = [fault for fault in document_faults(document) if fault.serious]
    if faults:
        first = find_places(path.read_bytes(), file=str(path)).of(faults[0].path)
        more = f" (and {len(faults) - 1} more: provenance licenses check {path.parent})" if len(faults) > 1 else ""
        raise TermsDocumentError(f"{first}: {faults[0].message}{more}", hint=faults[0].hint or None)


@cache
def shipped_licenses() -> LicenseCatalog:
    """Return the shipped catalogue alone."""
    return load_licenses((shipped("policies") / "licenses",))


def normalize(text: str) -> tuple[str, str]:
    """Return what the shipped catalogue makes of a licence name: (expression or named absence, the original wording).

    >>> normalize("CC BY 4.0")[0], normalize("Apache 2")[0], normalize("ask Bob")[0]
    ('CC-BY-4.0', 'Apache-2.0', 'UNKNOWN')
    """
    return shipped_licenses().normalize(text)
