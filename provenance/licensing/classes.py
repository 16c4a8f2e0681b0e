"""Licence names and classes: what a licence expression says about training, from a catalogue of data.

``normalize`` turns what people write into an SPDX expression or a named absence; ``LicenseCatalog.assess`` says what the expression permits. What the
catalogue does not know is UNKNOWN, never permissive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_files import catalog_digest, iter_catalog_documents
from provenance.licensing.expression import AllOf, AnyOf, Expression, parse_expression, render
from provenance.licensing.flat import flat_words
from provenance.licensing.names import whole_name
from provenance.licensing.spdx import listed_id, listed_licenses
from provenance.licensing.urls import license_of_url
from provenance.model.absence import ABSENCES, Absence, Permission, TriState, is_absent

LICENSES_FORMAT = "provenance.licenses"
LICENSES_VERSION = 1
ALL_RIGHTS_RESERVED = "LicenseRef-all-rights-reserved"
"""The holder grants nothing: every use that needs a licence is prohibited."""
USES = ("public-domain", "commercial", "non-commercial", "research-only", "unspecified", "terms-of-use", "UNKNOWN")
"""Classes from the loosest to the least known."""
MAX_NAME = 400
"""Characters of a licence's name; longer text is prose, of which ``matching.license_detection`` makes what it can."""
_FIELDS = frozenset(
    {"id", "use", "attribution", "share_alike", "no_derivatives", "behavioural_restrictions", "outputs_clause", "confidence", "basis"}
)
_DECIDING = frozenset({"seen", "secondary"})
"""Confidence of entries that may decide (reading rule 6)."""
_HARMLESS_OUTPUTS = frozenset({"free", "silent", "allowed-with-naming", "see-terms"})
"""Clauses on a model's outputs that leave training on them to what else the licence says."""
_TRISTATES = ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions")


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseClass:
    """What one licence says, on the axes that matter for training."""

    id: str
    use: str = "UNKNOWN"
    attribution: TriState = TriState.UNKNOWN
    share_alike: TriState = TriState.UNKNOWN
    no_derivatives: TriState = TriState.UNKNOWN
    behavioural_restrictions: TriState = TriState.UNKNOWN
    outputs_clause: str = "unknown"

    def permission(self, commercial: TriState, synthetic: TriState = TriState.NO) -> Permission:
        """Return what the class says about training a model for this kind of use (reading rule 17).

        Args:
            commercial: Whether the run is commercial.
            synthetic: Whether a model made the licensed text; unless it did not, what the licence says on outputs counts too.
        """
        if synthetic is not TriState.NO and self.outputs_clause not in _HARMLESS_OUTPUTS:
            if self.outputs_clause == "restricted-noncommercial" and commercial is TriState.YES:
                return Permission.PROHIBITED
            if self.outputs_clause != "restricted-noncommercial" or commercial is not TriState.NO:
                return Permission.UNKNOWN
        if self.use in {"public-domain", "commercial"}:
            return Permission.ALLOWED
        if self.use in {"non-commercial", "research-only"}:
            return {TriState.YES: Permission.PROHIBITED, TriState.NO: Permission.ALLOWED}.get(commercial, Permission.UNKNOWN)
        return Permission.UNKNOWN


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
            named = _map_ids(parse_expression(folded), self._expression_id)
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
        return listed_id(name) or _spdx_ids().get(name.lower())

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
        found = self.classes.get(expression.id)
        if found is None:
            return replace(UNKNOWN_ASSESSMENT, unknown_ids=(expression.id,))
        return LicenseAssessment(
            use=found.use,
            this_use=found.permission(commercial, synthetic),
            attribution=found.attribution,
            share_alike=found.share_alike,
            no_derivatives=found.no_derivatives,
            behavioural_restrictions=found.behavioural_restrictions,
        )


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
    if expression.exception and not isinstance(parsed, AllOf | AnyOf):
        return type(parsed)(id=parsed.id, exception=expression.exception)
    return parsed


@cache
def _spdx_ids() -> Mapping[str, str]:
    """Every SPDX id that the ``license-expression`` package lists, by its lower-case form: an id may be valid though its class is not known here."""
    import license_expression

    return {key.lower(): key for key in license_expression.get_spdx_licensing().known_symbols}


def load_licenses(folders: Sequence[Path]) -> LicenseCatalog:
    """Load licence catalogues; entries of later folders override earlier ones by id.

    Raises:
        TermsDocumentError: If a document is malformed.
    """
    entries: dict[str, dict[str, Any]] = {}
    aliases: dict[str, str] = {}
    releases: list[str] = []
    for path, document in iter_catalog_documents(folders, format_name=LICENSES_FORMAT, version=LICENSES_VERSION, fields=("licenses", "aliases")):
        releases.append(str(document.get("release", path.stem)))
        listed, named = document.get("licenses") or [], document.get("aliases") or {}
        if not isinstance(listed, list) or not isinstance(named, dict):
            raise TermsDocumentError(f"{path}: licenses must be a list of entries, aliases must map names to licences")
        for raw in listed:
            entry = _checked(raw, path)
            entries[entry["id"]] = entry
        aliases.update({" ".join(str(a).lower().split()): str(v) for a, v in named.items()})
    # A name such as "gpl-3.0" does not tell only from or-later: one entry then stands for both ids.
    parts = [(part.strip("() "), key) for key in entries for part in key.split(" OR ")]
    classes = {part: _license_class(entries[key]) for part, key in parts if entries[key].get("confidence", "seen") in _DECIDING}
    return LicenseCatalog(version="+".join(releases), digest=catalog_digest({**entries, "aliases": aliases}), classes=classes, aliases=aliases)


def _checked(raw: object, path: Path) -> dict[str, Any]:
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise TermsDocumentError(f"{path}: every licence needs an id")
    unknown = sorted(set(raw) - _FIELDS)
    if unknown:
        raise TermsDocumentError(f"{path}: licence {raw['id']}: unknown field {unknown[0]!r}", hint=f"known fields: {', '.join(sorted(_FIELDS))}")
    if raw.get("use") not in USES:
        raise TermsDocumentError(f"{path}: licence {raw['id']}: use is {raw.get('use')!r}, expected one of {', '.join(USES)}")
    for name in _TRISTATES:
        if raw.get(name, "UNKNOWN") not in set(TriState):
            raise TermsDocumentError(f"{path}: licence {raw['id']}: {name} is {raw[name]!r}, expected YES, NO or UNKNOWN")
    return raw


def _license_class(entry: Mapping[str, Any]) -> LicenseClass:
    duties = {name: TriState(entry.get(name, "UNKNOWN")) for name in _TRISTATES}
    return LicenseClass(id=entry["id"], use=entry["use"], outputs_clause=entry.get("outputs_clause", "unknown"), **duties)


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
