"""Where the parts of a dataset say different things on its licence, and which of the statements permits least."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from provenance.licensing.classes import LicenseAssessment, LicenseCatalog, shipped_licenses
from provenance.licensing.conclusion import join_all
from provenance.licensing.expression import AllOf, AnyOf, Expression, parse_expression, render
from provenance.licensing.license_class import USES
from provenance.model.absence import Absence, Permission, TriState, is_absent
from provenance.model.dataset import Evidence, LicenseClaim
from provenance.model.license_detection import EXCERPT, ConflictKind, FileLicenses, LicenseConflict

MOST_VALUES = 200
"""Different licences of the files of one folder that are compared with one another."""
DPI = "Data Provenance Initiative"
_DPI_SOURCES = (
    ("HF Yaml License", "Hugging Face card"),
    ("HF Config License", "Hugging Face configuration"),
    ("GitHub License", "GitHub repository"),
    ("PwC License Name", "Papers with Code"),
)
"""Keys of an entry's inferred metadata, and who said it."""
_FAMILIES = {
    "LicenseRef-hf-bsd-family": ("BSD-", "0BSD"),
    "LicenseRef-hf-cc-family": ("CC-", "CC0-"),
    "LicenseRef-hf-gpl-family": ("GPL-",),
    "LicenseRef-hf-lgpl-family": ("LGPL-",),
    "LicenseRef-hf-gfdl-family": ("GFDL-",),
}
"""Names that leave open which licence of a family is meant, and how the ids of its members begin."""
_PERMISSIONS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
_DUTIES = (TriState.NO, TriState.UNKNOWN, TriState.YES)


def conflicts(claims: Sequence[LicenseClaim], *, catalog: LicenseCatalog | None = None) -> tuple[LicenseConflict, ...]:
    """Return the pairs of statements that do not agree, in the order given; who states nothing contradicts nobody.

    Args:
        claims: What is said by whom: the card, a LICENSE file, records, a registry.
        catalog: The licence classes that tell which statement is stricter; the shipped ones where not given.

    Cost: pairs of statements that differ in value or speaker.
    """
    known = catalog or shipped_licenses()
    distinct = list({(c.by, c.value, c.original): c for c in claims if c.value != Absence.NOT_STATED}.values())
    found = (_compare(first, second, known) for first, second in combinations(distinct, 2))
    return tuple(conflict for conflict in found if conflict is not None)


def _compare(first: LicenseClaim, second: LicenseClaim, catalog: LicenseCatalog) -> LicenseConflict | None:
    if is_absent(first.value) or is_absent(second.value):
        if first.value == second.value and first.original == second.original:
            return None
        known = [c.value for c in (first, second) if not is_absent(c.value)]
        return LicenseConflict(kind=ConflictKind.UNCLEAR, first=first, second=second, strictest=known[0] if known else Absence.UNKNOWN.value)
    own, others = _parts(first.value), _parts(second.value)
    if own == others or (_agree(own, others) and _agree(others, own)):
        return None
    kind = ConflictKind.ADDS if _agree(own, others) or _agree(others, own) else ConflictKind.CONTRADICTS
    return LicenseConflict(kind=kind, first=first, second=second, strictest=strictest_value(first.value, second.value, catalog=catalog))


def _parts(value: str) -> frozenset[str]:
    """Return what an expression joins by AND; an expression that does not parse is one part."""
    try:
        parsed = parse_expression(value)
    except ValueError:
        return frozenset({value})
    return frozenset(map(render, parsed.parts)) if isinstance(parsed, AllOf) else frozenset({render(parsed)})


def _agree(own: Collection[str], others: Collection[str]) -> bool:
    """Tell whether each part of one statement is in the other, in these words or less precise ones."""
    return all(any(_is_same(part, other) for other in others) for part in own)


def _is_same(part: str, other: str) -> bool:
    return part == other or _is_vague(part, other) or _is_vague(other, part)


def _is_vague(vague: str, precise: str) -> bool:
    """Tell whether one names a family or a version without "only" or "or later", and the other a member of it."""
    if vague in _FAMILIES:
        return precise.startswith(_FAMILIES[vague])
    choices = _choices(vague)
    return len(choices) > 1 and precise in choices and len({c.removesuffix("-only").removesuffix("-or-later") for c in choices}) == 1


def _choices(value: str) -> frozenset[str]:
    try:
        parsed: Expression = parse_expression(value)
    except ValueError:
        return frozenset({value})
    return frozenset(map(render, parsed.parts)) if isinstance(parsed, AnyOf) else frozenset({value})


def strictest_value(first: str, second: str, *, catalog: LicenseCatalog) -> str:
    """Return the expression that permits less and asks for more; both joined by AND where neither does on every axis."""
    own, others = (_axes(catalog.assess(value, TriState.YES)) for value in (first, second))
    if all(a >= b for a, b in zip(own, others, strict=True)):
        return first
    if all(b >= a for a, b in zip(own, others, strict=True)):
        return second
    return join_all([first, second])


def _axes(found: LicenseAssessment) -> tuple[int, ...]:
    duties = (found.attribution, found.share_alike, found.no_derivatives, found.behavioural_restrictions)
    return _PERMISSIONS.index(found.this_use), USES.index(found.use), *(_DUTIES.index(duty) for duty in duties)


def claim_of_file(file: FileLicenses) -> LicenseClaim:
    """Return what a file says as a statement."""
    original = "; ".join(dict.fromkeys(" ".join(d.original.split()) for d in file.detections if d.original))
    return LicenseClaim(value=file.expression, original=original[:EXCERPT], by=file.path, evidence=Evidence(sha256=file.sha256))


def claims_of_files(files: Iterable[FileLicenses]) -> tuple[LicenseClaim, ...]:
    """Return what files say, one statement for each licence that any of them states: by the first of them, with how many more say the same.

    A folder may hold thousands of files; those that state nothing are left out.
    """
    first: dict[str, LicenseClaim] = {}
    count: dict[str, int] = {}
    for file in files:
        if file.expression != Absence.NOT_STATED:
            first.setdefault(file.expression, claim_of_file(file))
            count[file.expression] = count.get(file.expression, 0) + 1
    return tuple(
        claim if count[value] == 1 else replace(claim, by=f"{claim.by} and {count[value] - 1} more")
        for value, claim in list(first.items())[:MOST_VALUES]
    )


def claims_of_dpi(entry: Mapping[str, object], *, catalog: LicenseCatalog | None = None) -> tuple[LicenseClaim, ...]:
    """Return the statements in one entry of the Data Provenance Initiative: its own, and those that it read elsewhere.

    Args:
        entry: One dataset of a data summary, as its JSON has it; what has another shape says nothing.
        catalog: The names known; the shipped ones where not given.
    """
    known = catalog or shipped_licenses()
    listed = entry.get("Licenses")
    names = [str(item["License"]) for item in listed if isinstance(item, Mapping) and item.get("License")] if isinstance(listed, list) else []
    inferred = entry.get("Inferred Metadata")
    said = [(by, [str(inferred[key])]) for key, by in _DPI_SOURCES if isinstance(inferred, Mapping) and inferred.get(key)]
    url = str(entry.get("Dataset URL") or entry.get("Collection URL") or Absence.NOT_STATED.value)
    return tuple(_claim(by, texts, url, known) for by, texts in ([(DPI, names)] if names else []) + said)


def _claim(by: str, texts: Iterable[str], url: str, catalog: LicenseCatalog) -> LicenseClaim:
    written = list(texts)
    value = join_all(catalog.normalize(text)[0] for text in written)
    return LicenseClaim(value=value, original="; ".join(written)[:EXCERPT], by=by, evidence=Evidence(url=url))
