"""What may stand beside a licence in its file and change nothing: an explicit list, since what changes something can be said in any words and any language.

Each kind is known by its form and a closed vocabulary. Names are the one open place, so they stand only behind a copyright sign or a label such as "Author:",
are capitalised, and hold no word by which licences gain conditions.
"""

from __future__ import annotations

import re

from provenance.matching.license_changes import CONDITIONS
from provenance.matching.license_disclaimers import disclaims_only


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LONGEST = 600
"""Characters of a harmless piece. Longer ones are text."""
_NAME_WORDS = 16
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*\.?")
_PLACE = re.compile(
    r"\b(?:https?|ftp)://[^\s<>\"]+|\bwww\.[^\s<>\"]+|[\w.+-]+ ?(?:@|\bat\b|\(at\)|\[at\]) ?[\w-]+(?:\.[\w-]+)+|(?<!\S)@\w+|\bmailto:\S+",
    re.IGNORECASE,
)
_BARE_SITE = re.compile(r"\b(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|ai|de|fr|eu|uk|cn|jp|info)\b(?:/[^\s<>\"]*)?", re.IGNORECASE)
_FILE = re.compile(r"(?<![\w/])(?:[\w*~-]*[./])+(?:[\w*-]+)?/?(?![\w])|\*")
_PLACEHOLDER = re.compile(
    r"[<\[{](?=[^<>\[\]{}]*\b(?:year|yyyy|years|name|owner|owners|holder|holders|author|authors|organi[sz]ation|date|program|copyright|fullname)\b)"
    r"[^<>\[\]{}]{1,80}[>\]}]",
    re.IGNORECASE,
)
_COPYRIGHT = re.compile(
    r"^[\W_]*(?:(?:portions?|parts?|original|some parts?|modifications?|additions?)(?: of (?:this|the) \w+)?(?: are| is)? )?"
    r"(?:spdx-(?:file|snippet)copyrighttext:|copyright\b|copr\.|\(c\)|©|℗|版权所有|著作権)",
    re.IGNORECASE,
)
_SIGNS = re.compile(
    r"spdx-(?:file|snippet)copyrighttext:|\bcopyright(?:s|ed)?\b|\bcopr\.|\(c\)|©|&copy;|℗|版权所有|著作権|\ball rights reserved\b|\b(?:19|20)\d\d\b|\bpresent\b|\bnow\b",
    re.IGNORECASE,
)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
_DATE = re.compile(
    rf"(?:(?:last )?(?:updated|modified|changed|revised|dated|date|released|revision|version|release|v)(?: on)?[:\s]*)?"
    rf"(?:\d{{4}}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{{4}}|(?:\d\d?(?:st|nd|rd|th)? )?(?:{_MONTHS})\.?(?: \d\d?(?:st|nd|rd|th)?,?)? \d{{4}}|\d+(?:\.\d+)+)",
    re.IGNORECASE,
)
_STAMP = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun),? +\d\d? +\w{3} +\d{4}(?: +[\d:]+)?(?: +[+-]\d{4})?", re.IGNORECASE)
_KEYWORD = re.compile(
    r"\W*\$(?:Id|Revision|Date|Author|HeadURL|URL|Header|Source|LastChanged\w+)(?:: (?=\S*[\d/.])\S{0,160}(?: [\d:/.,+-]{1,30}){0,5}(?: \w{1,20} Exp)? ?)?\$\W*"
)
"""What version control puts into files."""
_LABEL = re.compile(
    r"(?:authors?(?:\(s\))?|maintainers?|contributors?|contact|holders?|owners?|publishers?|creators?|project|package|name|homepage|website|repository|source|upstream(?:-name)?"
    r"|upstream (?:authors?|web ?site|maintainers?)|the authors? of this (?:software|work|program|data|dataset) (?:is|are)"
    r"|(?:this (?:\w+ ){1,2})?(?:was |is |were |are )?(?:originally |first )?(?:written|developed|created|maintained|contributed|published|debianized) by"
    r"|it was downloaded from"
    r"|this (?:file|program|software|library|package|work|code|dataset|data) is part of|spdx-(?:filecontributor|packagename|packagesupplier|packagedownloadlocation))\b[:\s]+(?:the )?(?P<name>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_PARTICLES = _set("a al and at bin by da das de del della der di dos du e et for für ibn on in la le of og och pour ten the und van von y zu")
_BODIES = _set("authors author contributors contributor others other project projects team developers maintainers its their respective community see")
_ADDRESS = _set(
    "street st road rd avenue ave lane square suite floor box boulevard blvd drive building platz allee rue strasse straße way parkway place court"
)
_HEADINGS = _set(
    "a about acknowledgements acknowledgments all and appendix authors by code contact content contents contributors copying copyright data dataset datasets dependencies details"
    " directory disclaimer documentation exhibit file files folder following fonts for full images in included info information legal libraries library license licenses licensing"
    " list material name notice notices of open original our package packages parts party preamble program project readme repository revised section simplified software"
    " source statement summary table terms conditions text texts the third this title to version with work works"
)
"""Words of headings: no verb is among them."""
_LEADS = _set(
    "a and are as available been below code contents copy covered data dataset distributed documentation file files following follows full has here in is it its library license licensed"
    " of package program project published released repository software source terms text that the these this under was which work works"
)
"""Words of sentences that only lead to a licence. None of them sets a condition, and all of them together cannot."""
_TITLES = _set(
    "mit bsd isc gnu gpl lgpl agpl agreement apache expat x11 mozilla mpl creative commons public general lesser attribution cc eclipse boost zlib unlicense"
)
_POINTING = re.compile(r"(?:please |also )*(?:see|visit|refer to|read|for (?:more|further|full|the) |full text|a copy|the full|more )", re.IGNORECASE)
_POINTERS = _LEADS | _set(
    "about accompanying also an at authors be by can complete contributors copyright details directory document each entire find folder for found from full further header headers"
    " individual information licenses list main more names notice obtain on online or original page please read refer respective root same see site specific subdirectory there to top"
    " visit web website where with"
)
_CASED = re.compile(r"[a-zA-Z0-9\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff]")
_LONGEST_UNCASED = 12
"""Letters of scripts without capitals that a name may have: there nothing but its length tells it from a sentence."""
_BARRED = re.compile(r"[禁不限仅僅只勿须須必得可商研究学術营営費费]|금지|불가|상업|영리|연구|学习")
_LIMITING = re.compile(
    r"^(?:nc|nd|nur|nicht|kein|solo|sólo|seulement|uniquement|non|no|nao|não|niet|alleen|nie|tylko|sans|sin|sem|senza|ohne)$"
    r"|komm?er|comm?er[cz]|profit|lucr|forsch|recherch|investiga|pesquisa|ricerca|academ|akadem|wissenschaft|scient|onderzoek|verbot|untersag|interdi|prohib|proib|vietat|forbid"
    r"|verbod|zabron|priva[td]|person[ae]|milit|intern|exclu|expir|licen|lizenz|train|restrict|limit|eval|trial|demo|beta|confiden|proprie|educa|student|govern|user|use$",
    re.IGNORECASE,
)
"""Words that no name holds for this purpose: in a name's place they would be a condition."""
_BODY_NAMES = _set("research academy academic internal institute scientific education educational university user personal private")
_OF_BODIES = _set(
    "university institute laboratory laboratories center centre foundation inc ltd llc gmbh corporation corp company group council consortium academy college society department ag association"
)
_SMALL_HANDLE = 1


def is_copyright(text: str) -> bool:
    """Tell whether a line begins as one of a copyright holder does; what follows is not looked at."""
    return _COPYRIGHT.match(text[:_LONGEST]) is not None


def is_harmless(text: str, *, after_copyright: bool = False) -> bool:
    """Tell whether a line or a sentence changes nothing of the licence that it stands beside.

    Args:
        text: The line or sentence.
        after_copyright: Whether it goes on a list of copyright holders, in which lines are names.

    >>> [is_harmless(t) for t in ("Copyright (c) 2026 Harbour Ltd", "See AUTHORS for details.", "Nur zur Forschung", "NC")]
    [True, True, False, False]
    """
    if len(text) > _LONGEST:
        return disclaims_only(text)
    text = _PLACEHOLDER.sub(" ", text)
    plain = text.strip(" \t\r\n#*/-=_;|>~`\"'“”.,:!()[]{}%\ufeff")
    if is_copyright(text):
        return _is_name(_SIGNS.sub(" ", plain), may_be_empty=True)
    return (
        any(_is_made_of(_without_places(plain), words) for words in (_HEADINGS, _LEADS))
        or _is_titled(plain)
        or any(form.fullmatch(plain) for form in (_DATE, _STAMP))
        or _KEYWORD.fullmatch(text) is not None
        or _is_labelled(plain)
        or _is_pointer(plain)
        or _is_address(plain)
        or plain.lower() == "all rights reserved"
        or (after_copyright and _is_name(_SIGNS.sub(" ", plain), may_be_empty=False))
        or disclaims_only(plain)
    )


def _without_places(text: str) -> str:
    """Return a text without addresses of the net and names of files."""
    for pattern in (_PLACE, _BARE_SITE, _FILE):
        text = pattern.sub(_blank, text)
    return text


def _blank(found: re.Match[str]) -> str:
    return found.group() if any(_LIMITING.search(part) for part in re.findall(r"[^\W\d_]+", _host_free(found.group()))) else " "


def _host_free(place: str) -> str:
    """Return the name of a file, in which words may speak; of an address nothing."""
    return "" if "://" in place or "@" in place or place.lower().startswith("www.") else place


def _words(text: str) -> list[str]:
    return [word.strip(".").lower() for word in _WORD.findall(text)]


def _is_made_of(text: str, vocabulary: frozenset[str]) -> bool:
    return all(word in vocabulary or _says_nothing(word) for part in _words(text) for word in re.split(r"['’.-]", _spelled(part)))


def _spelled(word: str) -> str:
    return word.replace("licence", "license")


def _says_nothing(word: str) -> bool:
    return (len(word) <= 1 and _CASED.match(word) is not None) or word.isdecimal() or re.fullmatch(r"[ivx]{1,5}|v\d+|s", word) is not None


def _is_titled(text: str) -> bool:
    """Tell whether a line is the title of a licence."""
    words = _words(text)
    return (
        len(words) <= _NAME_WORDS
        and bool(_TITLES - {"agreement", "public", "general", "new"} & set(words))
        and _is_made_of(text, _HEADINGS | _LEADS | _TITLES)
    )


def _is_labelled(text: str) -> bool:
    found = _LABEL.fullmatch(text)
    return found is not None and (_is_name(found["name"], may_be_empty=False) or not _words(_without_places(found["name"])))


def _is_pointer(text: str) -> bool:
    """Tell whether a sentence only says where something stands: files in capitals, paths, addresses."""
    if not _POINTING.match(text):
        return False
    rest = re.sub(r"\b(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS|README|CONTRIBUTORS|PATENTS|THIRD[-_]PARTY\w*)[\w.-]*", " ", _without_places(text))
    return _is_made_of(rest, _POINTERS | _TITLES)


def _is_address(text: str) -> bool:
    """Tell whether a line is a postal address: a number, a word of addresses, the others capitalised."""
    words = _WORD.findall(_without_places(text))
    small = {word.strip(".").lower() for word in words}
    return bool(words) and any(w[0].isdigit() for w in words) and bool(_ADDRESS & small) and _is_name(text, may_be_empty=False)


def _is_name(text: str, *, may_be_empty: bool) -> bool:
    """Tell whether a text is a name or some: capitalised words, small ones between, addresses."""
    words = _WORD.findall(_without_places(text))
    if not words:
        return may_be_empty or bool(text.strip())
    uncased = sum(c.isalpha() and not _CASED.match(c) for c in text)
    if len(words) > _NAME_WORDS or uncased > (_LONGEST_UNCASED if may_be_empty else 0) or _BARRED.search(text):
        return False
    bodies = {word.strip(".").lower() for word in words} & _OF_BODIES
    small = [word for word in words if word[0].islower() and word.lower() not in _PARTICLES | _BODIES]
    handles = _SMALL_HANDLE if len(words) <= _SMALL_HANDLE + 1 and may_be_empty else 0
    return len(small) <= handles and not any(_is_limit(word, named=bool(bodies)) for word in words)


def _is_limit(word: str, *, named: bool) -> bool:
    """Tell whether a word cannot be part of a name; those that names of bodies hold may stand beside a word such as "Institute"."""
    plain = word.strip(".").lower()
    if named and plain in _BODY_NAMES:
        return False
    return any(part in CONDITIONS or _LIMITING.search(part) is not None for part in re.split(r"['’.-]", plain))
