"""What a text states on licences: tags, sentences, addresses and titles, each with its place, and which of them leave a choice.

Nothing here compares texts of licences: ``matching.license_detection`` adds those it finds, and drops what stands inside them.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import re2

from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.expression import AnyOf, parse_expression, render
from provenance.licensing.flat import BREAK, STOP, Flat
from provenance.licensing.names import Mention, iter_mentions
from provenance.licensing.urls import license_of_url
from provenance.model.absence import Absence, TriState, is_absent
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
_URL = re.compile(
    r"(?:https?://|\bwww\.|\b(?=creativecommons\.org/|opensource\.org/|apache\.org/|gnu\.org/))[^\s<>\"'`)\]}|\\]{4,2048}", re.IGNORECASE
)
_ACKNOWLEDGES = re2.compile(
    r"\b(?:includes?|contains?|based on|derived from)(?: [a-z]+){0,4} (?:software|code|works?|material) (?:originally )?(?:developed|written|created)"
    r" (?:by|at) (?:the )?apache software foundation\b"
)
_SPACE = " \t\r*/#;,'\"`"
_GRANTS = frozenset(
    {"licensed", "relicensed", "sublicensed", "released", "distributed", "redistribute", "redistributed", "distribute", "available", "covered"}
    | {"governed", "subject", "under", "provided", "published", "redistributable", "permitted", "protected", "copied", "copying"}
)
_NAMES = frozenset({"license", "licenses", "licensing", "terms", "copyright", "spdx", "see", "conditions"})
"""Words before a name that make it a licence's, though nothing is granted."""
_REACH = 30
"""Words before a name in which its verb is sought."""
_LISTS = frozenset({"and", "or", "the", "a", "an", "plus", "both", "license", "licenses"})
_LABEL_ROOM = 24
_LABEL = re.compile(
    r"\b(?:code|data|dataset|datasets|software|annotations?|weights|models?|texts?|corpus|images|docs|documentation)\W{0,3}:\W{0,4}$", re.IGNORECASE
)
_NEAR = 5
"""Words beside a short name in which it must be called a licence."""
_APPLIES_REACH = 5
"""Words behind a name in which it may be said to apply."""
_GNU = frozenset({"GPL", "LGPL", "AGPL", "GFDL"})
_FEW = 40
"""Words of a text that a plain word may be the title of."""
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
            versioned = not (family in _GNU and expression.endswith("-or-later"))
            yield Statement(start=url.start(), end=url.end(), expression=expression, method=DetectionMethod.URL, family=family, versioned=versioned)


def family_of(expression: str) -> str:
    """Return the family that an id belongs to, as ``names`` calls it."""
    name = re.sub(r"-[0-9].*$", "", expression)
    return "BSD" if name == "BSD" else name


def read_acknowledgements(flat: Flat) -> Iterator[Statement]:
    """Yield the sentences that acknowledge work of the Apache Software Foundation, all of which is under Apache-2.0: the form its licence asks for."""
    for match in _ACKNOWLEDGES.finditer(flat.line):
        start, end = flat.span(flat.at(match.start()), flat.at(match.end() - 1) + 1)
        yield Statement(start=start, end=end, expression="Apache-2.0", method=DetectionMethod.ACKNOWLEDGEMENT, family="Apache", versioned=False)


def read_names(text: str, flat: Flat, catalog: LicenseCatalog, *, expected: bool) -> Iterator[Statement]:
    """Yield the licences that a text names where a licence is meant.

    Args:
        text: The text.
        flat: Its words.
        catalog: The names known beside the grammar's.
        expected: Whether the whole text is about licences, as a LICENSE file is; every name then counts.
    """
    mentions = [(m, _role(text, flat, m, expected=expected)) for m in iter_mentions(flat, catalog)]
    mentions = _with_versions(mentions)
    for at, (mention, role) in enumerate(mentions):
        beside = (mentions[i] for i in (at - 1, at + 1) if 0 <= i < len(mentions))
        shared = next((r for other, r in beside if r and not other.short and _are_listed(flat, mention, other)), None)
        chosen = role or (shared if role is None else None)
        if chosen:
            start, end = flat.span(mention.first, mention.last)
            yield Statement(
                start=start,
                end=end,
                expression=mention.expression,
                method=chosen,
                family=mention.family,
                versioned=mention.versioned and list(flat.words[max(mention.first - 2, 0) : mention.first]) != _PATH,
                later=mention.later,
                granting=chosen is DetectionMethod.NOTICE,
            )


_Role = DetectionMethod | Literal[""] | None


def _with_versions(mentions: Sequence[tuple[Mention, _Role]]) -> list[tuple[Mention, _Role]]:
    """Return the mentions, those of the GNU licences without a version with that of the nearest name that has one, where no statement says it.

    "Licensed under the GPL. A copy of the GPL version 2 is in COPYING": any version would be more than is granted.
    """
    stated = {m.family for m, role in mentions if role and m.versioned}
    named = [m for m, _ in mentions if m.versioned and m.family in _GNU and not is_absent(m.expression)]

    def settled(one: Mention) -> Mention:
        own = [m for m in named if m.family == one.family]
        if one.versioned or one.family in stated or not own:
            return one
        nearest = min(own, key=lambda m: abs(m.first - one.first))
        return replace(one, expression=nearest.expression, versioned=True, later=nearest.later)

    return [(settled(one), role) for one, role in mentions]


def _role(text: str, flat: Flat, mention: Mention, *, expected: bool) -> _Role:
    """Return how a name states a licence: as a notice, as a name; ``None`` where the words around it do not tell, empty where they say that it does not."""
    start, end = flat.span(mention.first, mention.last)
    before, own = _sentence_before(flat, mention.first), flat.words[mention.first : mention.last]
    if _is_refused(before) or _is_cited(before):
        return ""
    granting = bool(_GRANTS & {*before, *own})
    named = granting or bool(_NAMES & {*before, *own[:1]}) or (expected and not mention.short) or _is_followed_by_license(flat, mention)
    if mention.short:
        named = _is_called_license(flat, mention)
    titled = (expected or not mention.short or len(flat.words) <= _FEW) and _is_title(text, start, end)
    if not named and not titled and not _is_labelled(text, start):
        return None
    return DetectionMethod.NOTICE if granting else DetectionMethod.NAME


def _are_listed(flat: Flat, one: Mention, other: Mention) -> bool:
    """Tell whether two names stand beside one another in a list: "MIT and GPL", "Apache 2.0/MIT"."""
    low, high = sorted([one, other], key=lambda m: m.first)
    return low.last + _NEAR >= high.first and set(flat.words[low.last : high.first]) <= _LISTS


def _is_labelled(text: str, start: int) -> bool:
    """Tell whether a name follows a label such as ``Data:``."""
    return bool(_LABEL.search(text[max(start - _LABEL_ROOM, 0) : start]))


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


def _is_cited(before: Sequence[str]) -> bool:
    """Tell whether a section of a licence is named, as in "under section 7 of GPL version 3"; its number may be part of the name."""
    words = [word for word in before[-_SLACK:] if word not in {"the", "of"} and not word[0].isdigit()]
    return bool(words) and words[-1] in {"section", "sections", "clause", "paragraph"}


def _is_followed_by_license(flat: Flat, mention: Mention) -> bool:
    behind = flat.words[mention.last : mention.last + _APPLIES_REACH]
    return behind[:1] in (["license"], ["licenses"], ["licensed"]) or (STOP not in behind and bool({"applies", "applicable"} & set(behind)))


def _is_called_license(flat: Flat, mention: Mention) -> bool:
    """Tell whether the words right beside a short name say that it is a licence's."""
    words = list(flat.words[max(mention.first - _NEAR, 0) : mention.first])
    words = words[max((i for i, w in enumerate(words) if w in {STOP, BREAK}), default=-1) + 1 :]
    after = flat.words[mention.last : mention.last + 2]
    calls = {"license", "licensed", "licenses", "under", "licensing", "copying"}
    return bool(calls & set(words)) or bool({"license", "licensed", "licenses"} & set(after))


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
_FARTHEST, _FAR, _CLOSE, _SLACK = 150, 45, 12, 4
"""Words between two statements of one choice: where a sentence begins with "alternatively", with "or", within a sentence, and before the first one."""
_NAMED_FAMILIES = frozenset({"gpl", "lgpl", "agpl", "mpl", "bsd", "mit", "apache", "cddl", "epl", "artistic", "ruby", "proprietary", "commercial"})
"""Words that tell of a licence of their own between two others: which of the three a word such as "or" joins is not sure."""
_PICKS = frozenset({"choose", "pick", "select", "choosing", "whichever"})
_PICK_REACH = 24
"""Words behind the second of two statements in which a sentence may say that one of them is to be chosen."""


def leaves_choice(text: str, flat: Flat, first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Tell whether the text lets the reader choose between what is stated at two places.

    Args:
        text: The text.
        flat: Its words.
        first: Code points of the first statement.
        second: Code points of the second.
    """
    low, high = _word_after(flat, first[1]), _word_after(flat, second[0])
    if text[first[1] : second[0]].strip() in {"/", "|", "||"}:
        return True
    between = list(flat.words[low:high])
    if _is_eclipse_pair(text[first[0] : first[1]], between, text[second[0] : second[1]]):
        return True
    while between and between[-1] in {STOP, BREAK}:  # a text stands after a blank line: "… subject to the following license:"
        between.pop()
    opens = [between[i + 1] for i, w in enumerate(between[:-1]) if w in {STOP, BREAK}]
    if opens:
        return (len(between) <= _FARTHEST and "alternatively" in opens) or (len(between) <= _FAR and "or" in opens)
    if _CHOICE & set(between):
        return len(between) <= 2 * _CLOSE + 1 and _joins(between)
    lead = flat.words[max(_word_after(flat, first[0]) - _CLOSE, 0) : _word_after(flat, first[0])]
    if len(between) <= _SLACK and _DUAL & set(lead) and STOP not in lead[-_SLACK:]:
        return True
    return len(between) <= _SLACK and _is_to_pick(flat, _word_after(flat, second[1]))


def _is_eclipse_pair(first: str, between: Sequence[str], second: str) -> bool:
    """Tell whether the Eclipse Foundation's header for two licences stands there: it says "and", and leaves the choice.

    Source: Eclipse Foundation Project Handbook, "Copyright headers": the header stands for ``EPL-2.0 OR BSD-3-Clause``.
    """
    names = ("eclipse public", "eclipse distribution")
    return list(between) in (["and"], ["and", "the"]) and all(n in " ".join(t.lower().split()) for n, t in zip(names, (first, second), strict=True))


def _joins(between: Sequence[str]) -> bool:
    """Tell whether "or" stands between two licences and nothing else: neither "and/or", nor a third licence."""
    if any(one == "and" and other == "or" for one, other in pairwise(between)):
        return False
    return not _NAMED_FAMILIES & set(between)


def _is_to_pick(flat: Flat, after: int) -> bool:
    """Tell whether the words behind two licences let the reader pick: "You may choose either license"."""
    words = list(flat.words[after : after + _PICK_REACH])
    if BREAK in words:
        words = words[: words.index(BREAK)]
    return any(word in _PICKS and {"you", "may", "can", "either"} & set(words[max(at - _SLACK, 0) : at]) for at, word in enumerate(words))


def is_listed(text: str, first_end: int, second_start: int) -> bool:
    """Tell whether nothing but a comma and "the" stands between two statements: they are joined as the next two of the list are."""
    return re.fullmatch(r"[\s)\"']*(?:licen[cs]es?)?[\s)\"']*,\s*(?:the\s+)?", text[first_end:second_start], re.IGNORECASE) is not None


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
    """Return the statements with the version that the nearest one of their family names, where they name none, and "or later" where another one says so.

    Where none of a family names a version, the latest of those that may be meant at the earliest: "Lesser" excludes what "LGPL" would leave open.
    """
    families: dict[str, list[Statement]] = {}
    for one in statements:
        families.setdefault(one.family, []).append(one)
    settled = [_settled(one, families[one.family]) if one.family and not one.versioned else one for one in statements]
    wider = {one.expression for one in settled if one.later is TriState.YES}
    return [_with_later(one, wider) for one in settled]


def _settled(one: Statement, family: Sequence[Statement]) -> Statement:
    named = [s for s in family if s.versioned]
    if named:
        nearest = min(named, key=lambda s: (abs(s.start - one.start), s.start))
        return replace(one, expression=nearest.expression, later=nearest.later)
    return replace(one, expression=max(s.expression for s in family))


def _with_later(one: Statement, wider: Collection[str]) -> Statement:
    """Let "or any later version" of a notice hold for the same version named without a word on it."""
    if one.later is not TriState.UNKNOWN or one.granting or not one.expression.endswith("-only"):
        return one  # what a sentence grants it grants as it says
    expression = one.expression.removesuffix("-only") + "-or-later"
    return replace(one, expression=expression, later=TriState.YES) if expression in wider else one


def choose(parts: Sequence[str]) -> str:
    """Return the expression that leaves the choice between some."""
    distinct = list(dict.fromkeys(parts))
    if len(distinct) == 1:
        return distinct[0]
    return render(AnyOf(parts=tuple(parse_expression(p) for p in distinct)))
