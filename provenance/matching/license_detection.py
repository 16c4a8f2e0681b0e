"""Finds the licences that a text states: tags, texts, notices, addresses, titles, fields of a card, and what limits them.

What a text says is taken at its strictest: several licences in one text all apply, unless the text leaves a choice; a licence's text with more conditions
is not that licence; words in a licence file that nothing explains are named as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from provenance.licensing.card import read_card
from provenance.licensing.classes import LicenseCatalog, shipped_licenses
from provenance.licensing.exceptions import NamedException, read_exceptions
from provenance.licensing.restrictions import NON_COMMERCIAL, find_restrictions
from provenance.licensing.statements import (
    Statement,
    choose,
    family_of,
    is_listed,
    leaves_choice,
    opens_choice,
    read_acknowledgements,
    read_names,
    read_tags,
    read_urls,
    settle_versions,
)
from provenance.matching.license_beside import find_beside
from provenance.matching.license_compare import FoundText, find_texts
from provenance.matching.license_reading import Reading, is_license_file
from provenance.matching.license_texts import shipped_texts
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.license_detection import EXCERPT, DetectionMethod, LicenseDetection

MAX_TEXT = 4 << 20
"""Code points of a text that are read. No licence is longer; what stands behind is named as not read."""
_MOST_STATEMENTS = 40
"""Places kept of one licence stated in one way."""
_COMMERCIAL = TriState.YES
_LEAST_UNEXPLAINED = 12
"""Words of a paragraph of a licence file from which on it must be explained."""
_BESIDE = 160
"""Characters between a statement and one that only repeats it."""
_EXCEPTED = 40_000
"""Characters around an exception in which it holds: a licence's whole text may stand between."""
_VAGUE = re.compile(r"LicenseRef-(?:hf-bsd-family|[a-zA-Z0-9-]+-style)")
"""What tells a family of licences, or one that is like another, and not which."""
_PUBLIC_DOMAIN, _PUBLIC_DOMAIN_BY, _BESIDE_ZERO = "LicenseRef-public-domain", "CC0-1.0", 600
"""Characters around CC0 in which words on the public domain mean it."""
_IN_BRACKETS = 4
"""Characters between a name and its short form in brackets: ``the Apache License 2.0 (the "Apache License")``."""
_QUOTED = 120
"""Characters of a change that are quoted."""
_OPEN = frozenset({DetectionMethod.MODIFIED_TEXT, DetectionMethod.UNRECOGNISED})
"""Findings that leave the terms of a file open."""
_SHORT_FILE = 100
"""Words of a licence file up to which it says nothing but its terms, also where it only names a licence."""
_WHOLE_NOTICES = {"eCos-2.0": "GPL-2.0-or-later WITH eCos-exception-2.0", "wxWindows": "LGPL-2.0-or-later WITH WxWindows-exception-3.1"}
_EXCEPTIONS = {
    "GPL-2.0-with-autoconf-exception": "Autoconf-exception-2.0",
    "GPL-2.0-with-bison-exception": "Bison-exception-2.2",
    "GPL-2.0-with-classpath-exception": "Classpath-exception-2.0",
    "GPL-2.0-with-font-exception": "Font-exception-2.0",
    "GPL-2.0-with-GCC-exception": "GCC-exception-2.0",
    "GPL-3.0-with-autoconf-exception": "Autoconf-exception-3.0",
    "GPL-3.0-with-GCC-exception": "GCC-exception-3.1",
}
"""Ids that SPDX has replaced: a GPL notice with an exception, or the words of an exception alone."""


def detect_licenses(text: str, *, name: str, catalog: LicenseCatalog | None = None) -> tuple[LicenseDetection, ...]:
    """Return the licences that a text states, in the order of their places; empty where it states none.

    Args:
        text: The text; it is hostile.
        name: The file's name or path: a LICENSE file is read more strictly, a README's header is read as a card's.
        catalog: The names known; the shipped ones where not given.

    Cost: linear in the text, at most ``MAX_TEXT`` code points of it.
    """
    known = catalog or shipped_licenses()
    reading = Reading.of(text[:MAX_TEXT])
    expected = is_license_file(name)
    stated = _read_statements(reading, known, expected=expected)
    texts = find_texts(reading.words.words, reading.explained(stated), shipped_texts())
    reading.cover_texts(texts)
    cards = list(_cards(reading.text, known, name))
    inner = [(d.start, d.end) for d in cards] + [(s.start, s.end) for s in stated if s.method is DetectionMethod.TAG]
    loose = [s for s in stated if not reading.is_covered(s.start, s.end) and not _is_within(s, inner)]
    found = [*_state(reading, loose, texts, name), *cards]
    found += _restrict(reading, found, known, name)
    odd = _beside(reading, loose, texts, found, name)
    if expected:
        found += _unexplained(reading, loose, found, name)
        found = _harden(found, known)
    if odd and not any(d.method in _OPEN for d in found):
        found += odd
    if len(text) > MAX_TEXT:
        note = f"only the first {MAX_TEXT} of {len(text)} characters were read"
        found.append(_detection(Absence.UNKNOWN.value, DetectionMethod.UNRECOGNISED, name, (MAX_TEXT, len(text)), note=note))
    return tuple(_distinct(sorted(found, key=lambda d: (d.start, d.end, d.method, d.expression))))


def _detection(expression: str, method: DetectionMethod, name: str, span: tuple[int, int], *, original: str = "", note: str = "") -> LicenseDetection:
    return LicenseDetection(
        expression=expression, method=method, file=name, start=span[0], end=span[1], score=1.0, original=original[:EXCERPT], note=note[:EXCERPT]
    )


def _read_statements(reading: Reading, catalog: LicenseCatalog, *, expected: bool) -> list[Statement]:
    """Return what is stated outside tags' own lines and the header, of each licence and way at most some places: hostile text repeats itself."""
    counts: dict[tuple[str, str], int] = {}
    kept = []
    for read in (
        read_acknowledgements(reading.flat),
        read_tags(reading.text, catalog),
        read_urls(reading.text),
        read_names(reading.text, reading.flat, catalog, expected=expected),
    ):
        for statement in read:
            key = (statement.expression, statement.method.value)
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= _MOST_STATEMENTS:
                kept.append(statement)
    return kept


def _is_within(statement: Statement, spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a name stands in a tag or in a field of a card, which are read as a whole."""
    return statement.method is not DetectionMethod.TAG and any(start <= statement.start and statement.end <= end for start, end in spans)


def _state(reading: Reading, loose: Sequence[Statement], texts: Sequence[FoundText], name: str) -> Iterator[LicenseDetection]:
    """Yield the licences stated and those whose texts are there, with the choices that the text leaves."""
    near = {found.text.id for found in texts if not found.unchanged}
    kept = [s for s in loose if not (s.expression in near and s.method in {DetectionMethod.NAME, DetectionMethod.URL})]
    whole = [_text_statement(reading, texts, number) for number, found in enumerate(texts) if found.text.id not in _EXCEPTIONS]
    kept = _without_explained(kept, whole)
    ordered = settle_versions(sorted([*kept, *whole], key=lambda s: (s.start, -s.end)))
    whole_texts = ((reading.span(f)[0], _EXCEPTIONS[f.text.id]) for f in texts if f.text.id in _EXCEPTIONS and f.unchanged)
    exceptions = [NamedException(start=start, expression=expression, family="GPL") for start, expression in whole_texts]
    ordered = _with_exceptions(ordered, [*exceptions, *read_exceptions(reading.flat)])
    groups = _groups(reading, ordered)
    chosen: dict[str, int] = {}
    for group in groups:
        for s in group if len(group) > 1 else ():
            chosen.setdefault(s.expression, group[0].start)
    offered = all(s.expression in chosen for s in whole)  # the licences' texts below "under either of" are those offered
    for group in groups:
        one = group[0]
        again = len(group) == 1 and one.expression in chosen and not (one.granting and one.end < chosen[one.expression])
        if again and (one.text_number < 0 or offered):
            continue  # names again what the choice above or below is between
        yield _detected(reading, group, texts, name)


def _without_explained(statements: Sequence[Statement], whole: Sequence[Statement]) -> list[Statement]:
    """Return the statements without those that others beside them make plain.

    "Dedicated to the public domain" beside CC0 means CC0; "the BSD license below" means the text that stands below.
    """
    zero = [s.start for s in statements if s.expression == _PUBLIC_DOMAIN_BY]
    return [
        s
        for s in statements
        if not (s.expression == _PUBLIC_DOMAIN and any(abs(s.start - at) <= _BESIDE_ZERO for at in zero))
        and not (_VAGUE.fullmatch(s.expression) and any(0 <= text.start - s.end <= _BESIDE for text in whole))
    ]


def _text_statement(reading: Reading, texts: Sequence[FoundText], number: int) -> Statement:
    found = texts[number]
    start, end = reading.span(found)
    expression = _WHOLE_NOTICES.get(found.text.id, found.text.id) if found.unchanged else f"LicenseRef-modified-{found.text.id}"
    method = DetectionMethod.TEXT if found.unchanged else DetectionMethod.MODIFIED_TEXT
    family = family_of(found.text.id) if found.unchanged else ""
    return Statement(start=start, end=end, expression=expression, method=method, family=family, granting=True, text_number=number)


def _with_exceptions(statements: Sequence[Statement], exceptions: Sequence[NamedException]) -> list[Statement]:
    """Return the statements, the licence of its family that stands nearest to each exception with it, wherever else nearby it is named."""
    changed = list(statements)
    for exception in exceptions:
        near = [s for s in changed if family_of(s.expression) == exception.family and " " not in s.expression]
        if near:
            _, bearer = min((abs(s.start - exception.start), s.expression) for s in near)
            changed = [_bearing(s, bearer, exception) for s in changed]
    return changed


def _bearing(statement: Statement, bearer: str, exception: NamedException) -> Statement:
    if statement.expression != bearer or abs(statement.start - exception.start) > _EXCEPTED:
        return statement
    return replace(statement, expression=f"{bearer} WITH {exception.expression}")


def _groups(reading: Reading, ordered: Sequence[Statement]) -> list[list[Statement]]:
    """Return the statements in groups: of each group the reader may choose one."""
    kept: list[Statement] = []
    for statement in ordered:
        if kept and _continues(kept[-1], statement):
            kept[-1] = replace(kept[-1], end=max(kept[-1].end, statement.end))
        else:
            kept.append(statement)
    joined = [_is_choice(reading, first, second) for first, second in pairwise(kept)]
    for at in range(len(joined) - 2, -1, -1):  # "A, B or C": the comma joins as the last word does
        joined[at] = joined[at] or (joined[at + 1] and is_listed(reading.text, kept[at].end, kept[at + 1].start))
    groups: list[list[Statement]] = [[one] for one in kept[:1]]
    for statement, chosen in zip(kept[1:], joined, strict=True):
        if chosen:
            groups[-1].append(statement)
        else:
            groups.append([statement])
    return groups


def _continues(first: Statement, second: Statement) -> bool:
    """Tell whether a statement says once more what the one before it said, as the address behind a name does."""
    room = _BESIDE if not second.granting else _IN_BRACKETS
    return first.expression == second.expression and 0 <= second.start - first.end <= room and second.text_number < 0


def _is_choice(reading: Reading, first: Statement, second: Statement) -> bool:
    if first.end > second.start:
        return opens_choice(reading.flat, second.start)
    return leaves_choice(reading.text, reading.flat, (first.start, first.end), (second.start, second.end))


def _detected(reading: Reading, group: Sequence[Statement], texts: Sequence[FoundText], name: str) -> LicenseDetection:
    known = [s.expression for s in group if not is_absent(s.expression)]
    expression = choose(known) if len(known) == len(group) else Absence.UNKNOWN.value
    span = min(s.start for s in group), max(s.end for s in group)
    found = next((texts[s.text_number] for s in group if s.text_number >= 0), None)
    method = next((s.method for s in group if s.text_number >= 0), group[0].method)
    detected = _detection(expression, method, name, span, original=reading.text[span[0] : span[0] + EXCERPT])
    if found is None:
        return detected
    note = "" if found.unchanged else _changes(found)
    near = "" if found.unchanged else found.text.id
    return replace(detected, score=round(found.score, 4), coverage=round(found.coverage, 4), near=near, note=note)


def _changes(found: FoundText) -> str:
    """Return in words what a text has more and less than the licence."""
    added = " … ".join(" ".join(change.added) for change in found.changes if change.added)
    missing = " … ".join(" ".join(change.missing) for change in found.changes if change.missing)
    parts = [f"{what} {words[:_QUOTED]!r}" for what, words in (("added", added), ("left out", missing)) if words]
    return f"not {found.text.id} as published: {'; '.join(parts)}"


def _cards(text: str, catalog: LicenseCatalog, name: str) -> Iterator[LicenseDetection]:
    for card in read_card(text, catalog):
        yield _detection(card.expression, DetectionMethod.CARD, name, (card.start, card.end), original=card.original, note=card.note)


def _restrict(reading: Reading, found: Sequence[LicenseDetection], catalog: LicenseCatalog, name: str) -> list[LicenseDetection]:
    """Return the limits that stand outside the texts of licences and are not already in the licences found."""
    uses = {catalog.assess(d.expression, _COMMERCIAL).use for d in found}
    kept = []
    for limit in find_restrictions(reading.flat):
        known = limit.expression == NON_COMMERCIAL and bool(uses & {"non-commercial", "research-only"})
        if not known and not reading.is_covered(limit.start, limit.end):
            original = reading.text[max(limit.start - EXCERPT // 4, 0) : limit.end + EXCERPT // 4]
            kept.append(_detection(limit.expression, DetectionMethod.RESTRICTION, name, (limit.start, limit.end), original=original))
    return kept


def _unexplained(reading: Reading, loose: Iterable[Statement], found: Sequence[LicenseDetection], name: str) -> list[LicenseDetection]:
    """Return the paragraphs of a licence file that read like terms and that nothing explains, those next to one another as one."""
    reading.cover_statements(loose)
    reading.cover_spans((d.start, d.end) for d in found if d.method is not DetectionMethod.NAME)
    reading.cover_notices(shipped_texts())
    spans = reading.unexplained(_LEAST_UNEXPLAINED)
    if not spans and not found and reading.flat.words:
        spans = [reading.flat.span(0, len(reading.flat.words))]
    note = "no known licence explains these words"
    return [
        _detection(Absence.UNKNOWN.value, DetectionMethod.UNRECOGNISED, name, span, original=reading.text[span[0] : span[0] + EXCERPT], note=note)
        for span in spans
    ]


def _beside(
    reading: Reading, loose: Sequence[Statement], texts: Sequence[FoundText], found: Sequence[LicenseDetection], name: str
) -> list[LicenseDetection]:
    """Return the first thing beside the licences stated that is not plainly harmless."""
    short = is_license_file(name) and len(reading.flat.words) <= _SHORT_FILE
    if not found or not (short or (texts and (is_license_file(name) or _is_notice(name)))):
        return []
    reading.cover_notices(shipped_texts())
    spans = [(d.start, d.end) for d in found if d.method not in {DetectionMethod.NAME, DetectionMethod.TEXT}]
    odd = find_beside(reading, loose, texts, spans)[:1]
    note = "it stands beside a licence, and what it changes is not known"
    return [
        _detection(Absence.UNKNOWN.value, DetectionMethod.UNRECOGNISED, name, span, original=reading.text[span[0] : span[1]], note=note)
        for span in odd
    ]


def _is_notice(name: str) -> bool:
    return name.replace("\\", "/").rpartition("/")[2].lower().startswith("notice")


def _harden(found: Sequence[LicenseDetection], catalog: LicenseCatalog) -> list[LicenseDetection]:
    """Return what a licence file says, a licence's text beside a limit as changed: the limit is part of the licence."""
    limits = [d for d in found if d.method is DetectionMethod.RESTRICTION]
    if not limits:
        return list(found)
    return [_limited(d, limits[0]) if d.method is DetectionMethod.TEXT and _is_free(d, catalog) else d for d in found]


def _is_free(found: LicenseDetection, catalog: LicenseCatalog) -> bool:
    return catalog.assess(found.expression, _COMMERCIAL).use not in {"non-commercial", "research-only"}


def _limited(found: LicenseDetection, limit: LicenseDetection) -> LicenseDetection:
    licensed = found.expression.split(" ", 1)[0].strip("(")
    note = f"beside words that limit it: {' '.join(limit.original.split())[:_QUOTED]!r}"
    return replace(found, expression=f"LicenseRef-modified-{licensed}", method=DetectionMethod.MODIFIED_TEXT, near=found.expression, note=note)


def _distinct(ordered: Iterable[LicenseDetection]) -> Iterator[LicenseDetection]:
    """Yield of each licence found in one way the first place."""
    seen: set[tuple[str, DetectionMethod]] = set()
    for found in ordered:
        if (found.expression, found.method) not in seen:
            seen.add((found.expression, found.method))
            yield found
