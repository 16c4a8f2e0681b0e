"""Licences that give a work to the public domain instead of licensing a copyright in it."""

from __future__ import annotations

from typing import Final

from provenance.licensing.expression import iter_licenses, parse_expression
from provenance.model.absence import is_absent

DEDICATIONS: Final = frozenset({"CC0-1.0", "CC-PDDC", "CC-PDM-1.0", "LicenseRef-public-domain", "PDDL-1.0", "Unlicense"})
"""Texts that waive rights, or mark what nobody holds rights in. Permissive licences such as MIT or WTFPL rest on a copyright, and are not among them."""


def is_dedication(expression: str) -> bool:
    """Tell whether all of what a licence expression names is given to the public domain.

    >>> is_dedication("CC0-1.0"), is_dedication("CC0-1.0 AND MIT"), is_dedication("NOT_STATED")
    (True, False, False)
    """
    if is_absent(expression):
        return False
    try:
        found = [one.id for one in iter_licenses(parse_expression(expression))]
    except ValueError:
        return False
    return bool(found) and set(found) <= DEDICATIONS
