"""What a person's answer must look like, by the kind of its field: a choice, modalities, sizes, a day, a month, a period, domains, or words.

A placeholder ("n/a", "TBD", "-") is no answer to anything. A day after the one on which the answer was given has not happened: where data were collected it is a
fault, and of a release it is said to be planned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from provenance.documents import nearest
from provenance.report.disclosure.template import Field, Kind, Row

MODALITIES: Final = ("Text", "Image", "Video", "Audio", "Other")
HOW_TO_LEAVE_OPEN: Final = "write the answer; or value: null with because: why it is not known; or applies: false with because:"
_PLACEHOLDERS: Final = frozenset(
    [
        *(
            "na",
            "none",
            "nil",
            "null",
            "tbd",
            "tba",
            "tbc",
            "todo",
            "fixme",
            "xxx",
            "unknown",
            "notknown",
            "notapplicable",
            "notavailable",
            "notstated",
        ),
        *("pending", "later", "tobedetermined", "tobeconfirmed", "tobeadded", "tobedone", "idk", "dontknow", "noidea", "noanswer", "noinformation"),
        *(
            "blank",
            "empty",
            "placeholder",
            "seeabove",
            "seebelow",
            "asabove",
            "dito",
            "ditto",
            "same",
            "test",
            "loremipsum",
            "undefined",
            "nan",
            "unk",
            "missing",
            "unbekannt",
            "inconnu",
            "desconocido",
        ),
    ]
)
_WHO: Final = r"(?:(?:i|we|they|one|nobody|no one|(?:the|our) (?:company|provider|developer|team|registry|organi[sz]ation)) )?"
_AT_ALL: Final = r"(?: (?:yet|now|currently|at|this|the|that|it|time|moment|present|presently|today|for|us|to|sorry|really|exactly|so|far|still|here|later|soon|about|answer))*"
_NOTHING_SAID: Final = re.compile(
    _WHO
    + r"(?:"
    + r"(?:do not|dont|does not|doesnt|did not|cannot|can not|cant|could not|couldnt|knows?|is not able to|are not able to) ?(?:know|tell|say|answer|determine|remember|recall)?"
    + r"|(?:(?:am|is|are|was|it is|its|this is|that is|im|were) )?(?:still )?(?:not|un|to be) ?(?:yet )?(?:known|sure|certain|clear|determined|decided|available|recorded|stated|applicable|confirmed|specified)"
    + r"|(?:have |has |there is )?no (?:idea|clue|answer|information|data|comment|details?|value|response)(?: (?:available|given|provided|known))?"
    + r"|(?:it |this |that )?(?:has|have) not (?:yet )?been (?:known|determined|decided|recorded|stated|confirmed|specified)"
    + r"|(?:this |the |that )?(?:information|answer|data) (?:is|are) (?:not|un) ?(?:yet )?(?:known|available|recorded)"
    + r"|see (?:annex|above|below|attachment)|ask legal|tb[dac] by \w+"
    + r"|(?:to|will) (?:follow|be (?:determined|confirmed|added|done|provided|completed|filled(?: in)?|decided|supplied|announced))"
    + r"|n k|not k|wip|work in progress|in progress|coming|coming soon|somebody knows|nothing|nothing known"
    + r")"
    + _AT_ALL
)
"""Whole answers that say no more than that there is none; a sentence that goes on says something."""
_SAID_AS_VALUE: Final = re.compile(r"(?:not known|unknown|not applicable)(?: ?[–—:;]| -) |n/a ?[-–—:;(]", re.IGNORECASE)
"""How a line begins that says why there is no answer, and belongs under ``because``."""
_NOT_KNOWN_ONLY: Final = re.compile(r"(?:not|un) ?(?:known|sure|certain|clear)(?: why)?")
_LONG_ENOUGH: Final = 6
"""Characters of a reason in a script without spaces."""
_YES_NO: Final = {"yes": "Yes", "no": "No"}
_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_UNION_DAY: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4}|\d{2})")
_DATED: Final = re.compile(r"(?:(?P<what>[^:]{1,200}): )?(?P<day>[0-9/-]{8,10})(?P<remark> \(.{1,200}\))?")
_MONTH: Final = re.compile(r"(0[1-9]|1[0-2])/(\d{4})")
_PERIOD: Final = re.compile(r"From ((?:0[1-9]|1[0-2])/\d{4}) to ((?:0[1-9]|1[0-2])/\d{4})( \(.{1,200}\))?", re.IGNORECASE)
_OTHER_UNIT: Final = re.compile(
    r"(?:at least |about |around |approximately |approx\. |roughly |~ ?)?\d[\d.,\s\u2009\u202f]*(?: ?(?:thousand|million|billion|trillion))? ?"
    r"(?:bytes|[kKMGTP]i?B|words|characters|documents|pages|records|sentences|books|articles|lines)",
)
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"https://[^\s/]+\.[^\s]+")


class AnswerValueError(ValueError):
    """An answer is not of its field's kind: the message says what was expected, and what to do."""


def is_placeholder(text: str) -> bool:
    """Tell whether a text stands for an answer that nobody gave.

    >>> [is_placeholder(t) for t in ("n/a", "-", "…", "To be determined.", "None of the sites was behind a paywall")]
    [True, True, True, True, False]
    """
    letters = "".join(c for c in text.casefold() if c.isalnum())
    return not letters or letters in _PLACEHOLDERS or _NOTHING_SAID.fullmatch(_words_of(text)) is not None


def is_reason(text: str) -> bool:
    """Tell whether a text gives a reason: words that are no placeholder, more than one of them.

    >>> [is_reason(t) for t in ("not sure", "x", "no", "n/a", "the model takes no user data", "Open weights only.")]
    [False, False, False, False, True, True]
    """
    words = _words_of(text).split()
    is_long = len(words) > 1 or (len("".join(words)) >= _LONG_ENOUGH and not text.isascii())  # not every script puts spaces between words
    return is_long and not is_placeholder(text) and not _NOT_KNOWN_ONLY.fullmatch(_words_of(text))


def _words_of(text: str) -> str:
    """Return a text's words in small letters, with apostrophes left out and everything else that is no letter or digit a space."""
    plain = re.sub("['\u2019\u02bc\u2018`\u00b4]", "", text.casefold())
    return " ".join(re.sub(r"[\W_]+", " ", plain).split())


def lines_of_kind(asked: Field, rows: Sequence[Row], given: Sequence[str], on: str) -> tuple[str, ...]:
    """Return an answer's lines as the document shows them.

    Args:
        asked: The field.
        rows: Modalities of its section, where sizes and contents are stated by modality.
        given: The lines as a person wrote them; at least one.
        on: Day of the answer, ``YYYY-MM-DD``.

    Raises:
        AnswerValueError: If they are not of the field's kind.
    """
    for line in given:
        if is_placeholder(line) or _SAID_AS_VALUE.match(line):
            raise AnswerValueError(f"{line[:40]!r} is no answer: {HOW_TO_LEAVE_OPEN}")
    if asked.kind is Kind.MONTH:
        return _month_lines(given, on)
    if asked.kind is Kind.YES_NO:
        return (_yes_no(given),)
    read = _READERS.get(asked.kind, _free)
    return tuple(read(line, rows, on) for line in given)


def day_of(text: str) -> date | None:
    """Return the day that ``YYYY-MM-DD`` names, ``None`` where it names none."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _yes_no(given: Sequence[str]) -> str:
    said = _YES_NO.get(given[0].strip().lower()) if len(given) == 1 else None
    if said is None:
        raise AnswerValueError(f"expected yes or no, got {'; '.join(given)[:40]!r}")
    return said


def _modality(line: str, _rows: Sequence[Row], _on: str) -> str:
    name, colon, what = line.partition(":")
    known = {m.lower(): m for m in MODALITIES}
    found = known.get(name.strip().lower())
    if found is None or (colon and found != "Other"):
        raise AnswerValueError(f"{line[:60]!r} is no modality: {nearest(name.strip().title(), MODALITIES)} (one a line, or 'Other: which')")
    return f"{found}: {what.strip()}" if what.strip() else found


def _row_of(line: str, rows: Sequence[Row]) -> tuple[Row, str]:
    name, colon, rest = line.partition(":")
    row = next((r for r in rows if r.name.lower() == name.strip().lower()), None)
    if row is None or not colon or not rest.strip():
        names = ", ".join(r.name for r in rows)
        raise AnswerValueError(f"{line[:60]!r}: expected a line for each modality that begins with its name and a colon; the names are {names}")
    if is_placeholder(rest) or _SAID_AS_VALUE.match(rest.strip()):
        raise AnswerValueError(f"{line[:60]!r} is no answer: leave the modality out where there is none of it, or {HOW_TO_LEAVE_OPEN}")
    return row, rest.strip()


def _described(line: str, rows: Sequence[Row], _on: str) -> str:
    """Return free words, which begin with the name of a modality where the section has some."""
    if not rows:
        return _words(line)
    row, rest = _row_of(line, rows)
    return f"{row.name}: {_words(rest)}"


def _size(line: str, rows: Sequence[Row], _on: str) -> str:
    row, rest = _row_of(line, rows)
    size, opening, remark = rest.partition(" (")
    known = {_plain(b): b for b in row.brackets}
    if found := known.get(_plain(size)):
        return f"{row.name}: {found}{opening}{remark}"
    if not row.brackets:
        if not re.search(r"\d", rest):
            raise AnswerValueError(f"{rest[:60]!r} is no size: name the modality, how much there is, and the unit")
        return f"{row.name}: {rest}"
    if row.alternative and _OTHER_UNIT.fullmatch(size):
        return f"{row.name}: {rest}"
    other = ", or a number with another unit, such as 'about 3 TB'" if row.alternative else ""
    near = nearest(size, row.brackets)
    ranges = "" if near.startswith("known") else f" The ranges are: {'; '.join(row.brackets)}"
    raise AnswerValueError(f"{size[:80]!r} is no size range of {row.name}: {near}{ranges}{other}")


def _plain(bracket: str) -> str:
    """Return a bracket without what people write in many ways: spaces, capitals, the plural of a number."""
    return re.sub(r"\s+", "", bracket.casefold()).replace("trillions", "trillion").replace("billions", "billion").replace("millions", "million")


def _dated(line: str, _rows: Sequence[Row], on: str) -> str:
    found = _DATED.fullmatch(line)
    day = _iso_of(found["day"]) if found else None
    if found is None or day is None:
        raise AnswerValueError(f"expected a day such as 2026-12-01, got {line[:60]!r}; of several, a line each: 'NAME: 2026-12-01'")
    what = f"{found['what']}: " if found["what"] else ""
    remark = found["remark"] or ""
    if day.isoformat() > on and "planned" not in remark:
        remark = f" (planned, as of {on}){remark}"
    return f"{what}{day.isoformat()}{remark}"


def _iso_of(text: str) -> date | None:
    if found := _UNION_DAY.fullmatch(text):
        day, month, year = found.groups()
        text = f"{year if len(year) == len('2026') else '20' + year}-{month}-{day}"
    return day_of(text)


def _month_lines(given: Sequence[str], on: str) -> tuple[str, ...]:
    month, rest = given[0], tuple(given[1:])
    _past_month(month, on)
    if len(rest) != 1 or not re.match(r"(yes|no)\b", rest[0], re.IGNORECASE):
        raise AnswerValueError(
            f"expected two lines, [{month[:10]!r}, 'Yes …' or 'No …']: the second says whether the model is trained further on new data after this date"
        )
    return month, rest[0][:1].upper() + rest[0][1:]


def _past_month(text: str, on: str) -> None:
    found = _MONTH.fullmatch(text)
    if found is None:
        raise AnswerValueError(f"expected a month such as 09/2026, got {text[:40]!r}")
    if f"{found[2]}-{found[1]}" > on[:7]:
        raise AnswerValueError(f"{text} lies after {on}, the day of the answer: no data can have been collected then")


def _period(line: str, _rows: Sequence[Row], on: str) -> str:
    found = _PERIOD.fullmatch(line)
    if found is None:
        raise AnswerValueError(f"expected 'From MM/YYYY to MM/YYYY', got {line[:60]!r}")
    start, end = found[1], found[2]
    _past_month(end, on)
    if (start[3:], start[:2]) > (end[3:], end[:2]):
        raise AnswerValueError(f"the period runs backwards: from {start} to {end}")
    return f"From {start} to {end}{found[3] or ''}"


def _domain(line: str, _rows: Sequence[Row], _on: str) -> str:
    if not _DOMAIN.fullmatch(line) and not _ADDRESS.search(line):
        raise AnswerValueError(
            f"{line[:60]!r}: expected domain names, one a line, or a sentence with the https:// address at which the list can be had"
        )
    return line


def _free(line: str, _rows: Sequence[Row], _on: str) -> str:
    return _words(line)


def _words(line: str) -> str:
    if line.strip().strip(".").lower() in _YES_NO:
        raise AnswerValueError(f"expected words that describe it, got {line[:40]!r}: {HOW_TO_LEAVE_OPEN}")
    return line


_READERS: Final[Mapping[Kind, Callable[[str, Sequence[Row], str], str]]] = {
    Kind.MODALITIES: _modality,
    Kind.SIZES: _size,
    Kind.DATE: _dated,
    Kind.PERIOD: _period,
    Kind.DOMAINS: _domain,
    Kind.ROWS: _described,
}
"""How a line of a kind is read; of other kinds it is words."""
