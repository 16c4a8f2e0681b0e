"""What a text states on licences: tags, sentences, addresses and titles, each with its place, and which of them leave a choice.

Nothing here compares texts of licences: ``matching.license_detection`` adds those it finds, and drops what stands inside them.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.expression import AnyOf, parse_expression, render
from provenance.licensing.flat import BREAK, STOP, Flat
from provenance.licensing.names import Mention, iter_mentions
from provenance.licensing.urls import license_of_url
from provenance.model.absence import Absence, TriState
from provenance.model.license_detection import DetectionMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One licence stated at one place."""

    start: int
    """First code point."""
    end: int
    expression: str
    method: DetectionMethod
    family: str = ""
    versioned: bool = True
    """Whether it says which version is meant."""
    later: TriState = TriState.UNKNOWN
    granting: bool = False
    """Whether the sentence puts something under the licence, and does not just name it."""
    text_number: int = -1
    """Of a licence's whole text: its number among those found."""


_TAG = re.compile(r"SPDX-License-Identifier\s{0,4}[:=][ \t]*([^\n\r]{1,1000})", re.IGNORECASE)
_TAG_END = re.compile(r"\*/|-->|\"\"\"|'''|#\}|%\}|\]\]|\\n|</|@|(?<=[\w)])['\",;`]")
_URL = re.compile(r"(?:https?://|\bwww\.|\b(?=creativecommons\.org/|opensource\.org/|apache\.org/|gnu\.org/))[^\s<>\"'`)\]}|\\]{4,2048}", re.IGNORECASE)
_SPACE = " \t\r*/#;,'\"`"
_GRANTS = frozenset(
    {"licensed", "relicensed", "sublicensed", "released", "distributed", "redistribute", "redistributed", "distribute", "available", "covered"}
    | {"governed", "subject", "under", "provided", "published", "redistributable", "permitted", "protected", "copied", "copying"}
)
_NAMES = frozenset({"license", "licenses", "licensing", "terms", "copyright", "spdx", "see", "conditions"})
"""Words before a name that make it a licence's, though nothing is granted."""
_REACH = 30
"""Words before a name in which its verb is sought."""
_NEAR = 3
"""Words beside a short name in which it must be called a licence."""
_TITLE_SHARE, _TITLE_WORDS = 0.5, 14
_PATH = ["common", "licenses"]
"""/usr/share/common-licenses/GPL-3 is where a text lies, not which version was granted."""
_REFUSALS = frozenset({"not", "never", "neither"})


def read_tags(text: str, catalog: LicenseCatalog) -> Iterator[Statement]:
    """Yield the ``SPDX-License-Identifier`` lines of a text. One that is no valid expression of known ids is UNKNOWN."""
    for tag in _TAG.finditer(text):
        written = _TAG_END.split(tag[1], maxsplit=1)[0].strip(_SPACE)
        if written.endswith(")") and "(" not in written:
            written = written.rstrip(")")
        expression = catalog.normalize(written)[0] if written else Absence.UNKNOWN.value
        yield Statement(start=tag.start(), end=tag.start(1) + len(tag[1].rstrip()), expression=expression, method=DetectionMethod.TAG, granting=True)


def read_urls(text: str) -> Iterator[Statement]:
    """Yield the addresses of licences in a text."""
    for url in _URL.finditer(text):
        expression = license_of_url(url.group())
        if expression is not None:
            family = family_of(expression)
            versioned = not (family in {"GPL", "LGPL", "AGPL", "GFDL"} and expression.endswith("-or-later"))
            yield Statement(
                start=url.start(), end=url.end(), expression=expression, method=DetectionMethod.URL, family=family, versioned=versioned
            )


def family_of(expression: str) -> str:
    """Return the family that an id belongs to, as ``names`` calls it."""
    name = re.sub(r"-[0-9].*$", "", expression)
    return "BSD" if name == "BSD" else name


def read_names(text: str, flat: Flat, catalog: LicenseCatalog, *, expected: bool) -> Iterator[Statement]:
    """Yield the licences that a text names where a licence is meant.

    Args:
        text: The text.
        flat: Its words.
        catalog: The names known beside the grammar's.
        expected: Whether the whole text is about licences, as a LICENSE file is; every name then counts.
    """
    for mention in iter_mentions(flat, catalog):
        start, end = flat.span(mention.first, mention.last)
        titled = _is_title(text, start, end)
        before = _sentence_before(flat, mention.first)
        if _is_refused(before):
            continue
        own = flat.words[mention.first : mention.last]
        granting = bool(_GRANTS & {*before, *own})
        named = granting or bool(_NAMES & {*before, *own[:1]})
        if mention.short:
            named = _is_called_license(flat, mention)
        if titled or named or (expected and not mention.short):
            method = DetectionMethod.NOTICE if granting else DetectionMethod.NAME
            yield Statement(
                start=start,
                end=end,
                expression=mention.expression,
                method=method,
                family=mention.family,
                versioned=mention.versioned and list(before[-2:]) != _PATH,
                later=mention.later,
                granting=granting,
            )


def _sentence_before(flat: Flat, first: int) -> Sequence[str]:
    words = flat.words[max(first - _REACH, 0) : first]
    for back, word in enumerate(reversed(words)):
        if word == STOP:
            return words[len(words) - back :]
    return words


def _is_refused(before: Sequence[str]) -> bool:
    """Tell whether a sentence says that something is *not* under the licence."""
    for at, word in enumerate(before):
        if word in {"licensed", "released", "distributed", "covered", "available", "under"} and _REFUSALS & set(before[max(at - 2, 0) : at]):
            return "only" not in before
    return False


def _is_called_license(flat: Flat, mention: Mention) -> bool:
    """Tell whether the words right beside a short name say that it is a licence's."""
    before = flat.words[max(mention.first - _NEAR, 0) : mention.first]
    after = flat.words[mention.last : mention.last + 2]
    calls = {"license", "licensed", "licenses", "under", "licensing", "copying"}
    return bool(calls & set(before)) or bool({"license", "licensed", "licenses"} & set(after))


def _is_title(text: str, start: int, end: int) -> bool:
    """Tell whether a name makes up most of its line, and is no code."""
    before = text[max(start - 200, 0) : start].rpartition("\n")[2]
    after = text[end : end + 200].partition("\n")[0]
    others = len(re.findall(r"[^\W_]+", before)) + len(re.findall(r"[^\W_]+", after))
    own = len(re.findall(r"[^\W_]+", text[start:end]))
    if any(c in before + after for c in "={};") or re.search(r"['\"]\s*[,:]", after[:4]):
        return False
    return own + others <= _TITLE_WORDS and own >= _TITLE_SHARE * (own + others)


_CHOICE = frozenset({"or", "alternatively"})
_DUAL = frozenset({"dual", "dually", "either", "choice", "choose", "double", "triple", "tri", "disjunctive"})
_FAR, _CLOSE, _SLACK = 45, 12, 4
"""Words between two statements of one choice: with a conjunction that opens its sentence, within a sentence, and before the first one."""


def leaves_choice(flat: Flat, first_end: int, second_start: int, *, first_start: int) -> bool:
    """Tell whether the text lets the reader choose between what is stated before and after some words.

    Args:
        flat: The words of the text.
        first_end: Code point after the first statement.
        second_start: First code point of the second.
        first_start: First code point of the first.
    """
    low, high = _word_after(flat, first_end), _word_after(flat, second_start)
    between = flat.words[low:high]
    if len(between) > _FAR:
        return False
    cut = max((i for i, w in enumerate(between) if w in {STOP, BREAK}), default=-1)
    if cut >= 0:
        opens = [i + 1 for i, w in enumerate(between) if w in {STOP, BREAK}]
        return any(_CHOICE & set(between[i : i + 1]) for i in opens)
    if _CHOICE & set(between):
        return len(between) <= 2 * _CLOSE + 1
    lead = flat.words[max(_word_after(flat, first_start) - _CLOSE, 0) : _word_after(flat, first_start)]
    return len(between) <= _SLACK and bool(_DUAL & set(lead)) and STOP not in lead[-_SLACK:]


def opens_choice(flat: Flat, start: int) -> bool:
    """Tell whether a statement is offered in the place of what stands before it: "Alternatively, this software may be …"."""
    at = _word_after(flat, start)
    lead = flat.words[max(at - 2 * _CLOSE, 0) : at]
    for back, word in enumerate(reversed(lead)):
        if word in {STOP, BREAK}:
            lead = lead[len(lead) - back :]
            break
    return "alternatively" in lead


def _word_after(flat: Flat, point: int) -> int:
    """Return the number of the first word that begins at or after a code point."""
    return bisect.bisect_left(flat.starts, point)


def settle_versions(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements with the version that the nearest one of their family names, where they name none, and "or later" where another one says so."""
    settled = []
    for one in statements:
        named = [s for s in statements if s.family == one.family and s.versioned and s.family]
        if not one.versioned and named:
            nearest = min(named, key=lambda s: (abs(s.start - one.start), s.start))
            settled.append(replace(one, expression=nearest.expression, later=nearest.later))
        else:
            settled.append(one)
    return [_with_later(one, settled) for one in settled]


def _with_later(one: Statement, statements: Sequence[Statement]) -> Statement:
    """Let "or any later version" of a notice hold for the same version named without a word on it."""
    if one.later is not TriState.UNKNOWN or not one.expression.endswith("-only"):
        return one
    wider = one.expression.removesuffix("-only") + "-or-later"
    said = any(s.later is TriState.YES and s.expression == wider for s in statements)
    return replace(one, expression=wider, later=TriState.YES) if said else one


def choose(parts: Sequence[str]) -> str:
    """Return the expression that leaves the choice between some."""
    distinct = list(dict.fromkeys(parts))
    if len(distinct) == 1:
        return distinct[0]
    return render(AnyOf(parts=tuple(parse_expression(p) for p in distinct)))
