"""Licences as SPDX 3 elements: one element an expression, a custom licence for every ``LicenseRef-…`` and for what is no expression."""

from __future__ import annotations

import uuid
from typing import Any

from provenance.exchange.export_words import NOT_KNOWN, license_form, stated_url
from provenance.model.dataset import LicenseClaim

INFO = "_:creationinfo"
_INDIVIDUALS = {NOT_KNOWN: "expandedlicensing_NoAssertionLicense", "NONE": "expandedlicensing_NoneLicense"}
_NO_TEXT = "The text is not part of this document."


class LicenseElements:
    """Gives licences their ids, and the elements that go with them."""

    def __init__(self, key: uuid.UUID) -> None:
        """Start without any; ids are made under ``key``."""
        self._key = key
        self._made: dict[str, dict[str, Any]] = {}

    def id_of(self, claim: LicenseClaim) -> str:
        """Return the id of a claim's licence."""
        form = license_form(claim.value)
        if form.absent:
            return _INDIVIDUALS[form.absent]
        if form.other:
            return self._custom(form.other, claim)
        return self._expression(form.expression, form.refs, claim)

    def elements(self) -> list[dict[str, Any]]:
        """Return the elements, in the order of their ids."""
        return [self._made[key] for key in sorted(self._made)]

    def _expression(self, expression: str, refs: tuple[str, ...], claim: LicenseClaim) -> str:
        found = self._new("expression", expression, "simplelicensing_LicenseExpression")
        element = {"simplelicensing_licenseExpression": expression}
        customs = [{"type": "DictionaryEntry", "key": ref, "value": self._custom(ref, claim)} for ref in refs]
        self._made[found].update({**element, "simplelicensing_customIdToUri": customs} if customs else element)
        return found

    def _custom(self, name: str, claim: LicenseClaim) -> str:
        found = self._new("custom", name, "expandedlicensing_CustomLicense")
        see = self._made[found].setdefault("expandedlicensing_seeAlso", [])
        url = stated_url(claim.evidence.url)
        see[:] = sorted({*see, *([url] if url else [])})
        self._made[found].update({"name": name, "simplelicensing_licenseText": _NO_TEXT})
        return found

    def _new(self, kind: str, name: str, element_type: str) -> str:
        found = f"urn:uuid:{uuid.uuid5(self._key, f'{kind} {name}')}"
        self._made.setdefault(found, {"spdxId": found, "type": element_type, "creationInfo": INFO})
        return found
