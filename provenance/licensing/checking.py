"""Checks catalogues of licences that somebody wrote: every fault of every file, and what their entries loosen of shipped ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_files import catalog_paths, read_catalog_document
from provenance.licensing.classes import LicenseCatalog, shipped_licenses
from provenance.licensing.expression import parse_expression
from provenance.licensing.license_class import USES, LicenseClass
from provenance.licensing.license_documents import (
    DECIDING,
    LICENSES_FORMAT,
    LICENSES_VERSION,
    document_faults,
    entry_faults,
    license_class,
    split_ids,
)
from provenance.licensing.places import Places, find_places
from provenance.model.absence import TriState, is_absent

_DUTIES = ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions")
_STRICTNESS = {TriState.NO: 0, TriState.UNKNOWN: 1, TriState.YES: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedFault:
    """One thing that a check found."""

    where: str
    """``file:line:column``, as far as it is known."""
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogCheck:
    """What a check found."""

    files: int
    licenses: int
    faults: tuple[CheckedFault, ...]
    notes: tuple[CheckedFault, ...] = ()
    """What is allowed and worth a look: entries that loosen shipped ones."""


def check_folders(folders: Sequence[Path]) -> CatalogCheck:
    """Return what is wrong with the catalogues of folders.

    Raises:
        TermsDocumentError: If a folder is missing.
    """
    faults: list[CheckedFault] = []
    notes: list[CheckedFault] = []
    licenses = files = 0
    for path in (p for folder in folders for p in catalog_paths(folder)):
        files += 1
        try:
            document = read_catalog_document(path, LICENSES_FORMAT, LICENSES_VERSION)
        except TermsDocumentError as err:
            place, message = _split(str(err), path)
            faults.append(CheckedFault(where=place, message=message, hint=err.hint or ""))
            continue
        places = find_places(path.read_bytes(), file=str(path))
        faults += [CheckedFault(where=places.of(f.path), message=f.message, hint=f.hint) for f in document_faults(document)]
        listed = document.get("licenses")
        licenses += len(listed) if isinstance(listed, list) else 0
        faults += _dangling(document, places)
        notes += _loosened(document, places)
    return CatalogCheck(files=files, licenses=licenses, faults=tuple(faults), notes=tuple(notes))


def _split(sentence: str, path: Path) -> tuple[str, str]:
    """Return the place that a sentence begins with, and what it says of it."""
    found = re.match(re.escape(str(path)) + r"(?::\d+){0,2}(?=: )", sentence)
    return (found.group(), sentence[found.end() + 2 :]) if found is not None else (str(path), sentence)


def _dangling(document: Mapping[str, Any], places: Places) -> Iterator[CheckedFault]:
    """Yield names that stand for what is no licence expression."""
    named = document.get("aliases")
    for alias, value in named.items() if isinstance(named, Mapping) else ():
        if isinstance(value, str) and not is_absent(value):
            try:
                parse_expression(value)
            except ValueError as err:
                yield CheckedFault(where=places.of(("aliases", str(alias))), message=f"name {alias!r} stands for no licence: {err}")


def _loosened(document: Mapping[str, Any], places: Places) -> Iterator[CheckedFault]:
    """Yield entries that permit more, or ask for less, than the shipped ones that they override, and names that mean something else then."""
    shipped = shipped_licenses()
    listed, named = document.get("licenses"), document.get("aliases")
    for position, entry in enumerate(listed if isinstance(listed, list) else ()):
        if any(f.serious for f in entry_faults(entry)) or entry.get("confidence", "seen") not in DECIDING:
            continue
        for name in split_ids(entry["id"]):
            loosened = sorted(_looser(license_class(entry), shipped.classes.get(name)))
            if loosened:
                text = f"licence {name} overrides the shipped entry and is looser in {', '.join(loosened)}"
                yield CheckedFault(where=places.of(("licenses", position, "id")), message=text)
    for alias, value in named.items() if isinstance(named, Mapping) else ():
        before = _meaning(shipped, str(alias))
        if before not in {"", value}:
            yield CheckedFault(
                where=places.of(("aliases", str(alias))), message=f"name {alias!r} now stands for {value}; the shipped catalogue reads {before}"
            )


def _meaning(shipped: LicenseCatalog, alias: str) -> str:
    value = shipped.normalize(alias)[0]
    return "" if is_absent(value) else value


def _looser(own: LicenseClass, other: LicenseClass | None) -> Iterable[str]:
    if other is None:
        return
    if USES.index(own.use) < USES.index(other.use):
        yield "use"
    yield from (axis for axis in _DUTIES if _STRICTNESS[getattr(own, axis)] < _STRICTNESS[getattr(other, axis)])
    if own.redistribution is TriState.YES and other.redistribution is not TriState.YES:
        yield "redistribution"
    if set(other.duties) - set(own.duties):
        yield "duties"
    if set(other.limits) - set(own.limits):
        yield "limits"
    if set(other.excluded_regions) - set(own.excluded_regions):
        yield "excluded_regions"
    if set(other.partly_excluded_regions) - {*own.partly_excluded_regions, *own.excluded_regions}:
        yield "partly_excluded_regions"
    if other.family and not own.family:
        yield "family"
    if own.outputs_clause != other.outputs_clause and own.outputs_clause in {"free", "allowed-with-naming"}:
        yield "outputs_clause"
