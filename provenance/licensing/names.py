"""Licence names in running text: a small grammar for the families that people write in many ways, and a table of names for the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import re2

from provenance.licensing.flat import BREAK, STOP, Flat, flat_words, flatten
from provenance.licensing.spdx import listed_id, listed_licenses
from provenance.model.absence import Absence, TriState, is_absent


class NameTable(Protocol):
    """The names that a licence catalogue knows."""

    @property
    def digest(self) -> str:
        """Changes with the names."""

    @property
    def aliases(self) -> Mapping[str, str]:
        """Free-form name → licence expression or named absence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A licence's name in a text."""

    first: int
    """Number of its first word."""
    last: int
    """Number of the word after its last."""
    expression: str
    """SPDX expression or LicenseRef; ``UNKNOWN`` where the name leaves open which version is meant, and no version can be assumed."""
    family: str = ""
    """Such as ``GPL``: a later mention without a version means the one named before."""
    versioned: bool = True
    later: TriState = TriState.UNKNOWN
    """Of the GNU licences: YES with "or any later version", NO with "only"."""
    short: bool = False
    """One plain word, such as MIT: a licence only where the words around it say so."""


_LATER = r"(?:(?: or(?: at your (?:options?|discretion))?(?: any)?| any) (?:later|newer|greater|higher|above)(?: versions?)?| plus)"
_NUM = r"\d+(?:\.\d+)*"
_GNU = (
    rf"\b(?:(?P<pre>{_NUM})(?P<prelater>{_LATER})?(?P<only0> only)? of (?:the )?(?:[a-z]+ ){{0,2}}?)?"
    r"(?:(?:the )?(?:gnu )?(?P<kind>affero|lesser|library)(?: or (?:lesser|library))? (?:gnu )?(?:(?:general )?public licenses?|gpl\b)"
    r"|gnu (?:general )?public licenses?|general public licenses?|(?:gnu )?(?P<short>[al]?gpl)|(?P<doc>gnu free documentation licenses?|gfdl|gnu fdl))\b"
    r"(?: licenses?)?(?: (?:[al]?gpl|fdl|gfdl)\b)?(?: (?:\| )?as)?(?: published by the (?:free software foundation|fsf)(?: inc)?(?:(?: [a-z0-9]+){0,16}? (?:either|using))?)?"
    rf"(?: either)?(?: of| gnu)?(?: (?P<num>{_NUM})\b)?(?P<only1> only)?"
    r"(?:(?: \.)? of (?:the|this) (?:(?:gnu|gpl|lgpl|lesser|general|public) )*license)?(?: dated [a-z]+ \d+)?"
    rf"(?P<later>{_LATER})?(?P<only2> only)?"
)
_GNU_VERSIONS = {
    "GPL": frozenset({"1.0", "2.0", "3.0"}),
    "LGPL": frozenset({"2.0", "2.1", "3.0"}),
    "AGPL": frozenset({"1.0", "3.0"}),
    "GFDL": frozenset({"1.1", "1.2", "1.3"}),
}
_YEAR = len("1991.0")
_EARLIEST = {"GPL": "1.0", "LGPL": "2.0", "AGPL": "3.0", "GFDL": "1.1"}
"""Where no version is named the licences let the reader take any that was ever published (GPL-2.0 section 9); "Lesser" first came with 2.1."""
_CC_ATTRIBUTES = r"(?P<a{0}>(?: (?:non commercial|share alike|no derivatives|no derivative works|nc|sa|nd))*)"
_CC = (
    rf"\b(?:(?P<pre>{_NUM})(?:{_LATER})? of (?:the )?)?"
    rf"(?:(?P<long>creative commons (?:cc )?attribution|attribution){_CC_ATTRIBUTES.format(1)}(?: works)?"
    rf"|(?:creative commons (?:cc )?by|(?:the )?cc by)\b{_CC_ATTRIBUTES.format(2)})"
    rf"(?: public)?(?: licenses?)?(?: cc by(?: nc| sa| nd)*)?(?: (?:international|unported|generic))?(?: public)?(?: license)?(?: (?P<num>[1-4](?:\.[0-9])?)\b)?"
    rf"(?: (?:international|unported|generic))?{_CC_ATTRIBUTES.format(3)}"
)
_ZERO = r"\b(?:creative commons (?:cc )?(?:zero|0)|cc ?0|cc zero)\b(?: universal)?(?: 1\.0)?(?: universal)?"
_BSD = (
    r"\b(?:the )?(?:(?P<n1>0|1|2|3|4|zero|one|two|three|four) clause )?(?:(?P<kind>new|modified|revised|simplified|original|free|old) )?"
    r"(?P<bsd>bsd|freebsd|netbsd)(?P<style> style| like| type)?(?: (?P<n2>0|1|2|3|4|zero|one|two|three|four) clause)?(?P<said> licenses?)?"
)
_COUNTS = {"0": "0", "zero": "0", "1": "1", "one": "1", "2": "2", "two": "2", "3": "3", "three": "3", "4": "4", "four": "4"}
_BSD_KINDS = {"new": "3", "modified": "3", "revised": "3", "simplified": "2", "free": "2", "original": "4", "old": "4"}
_STYLE = r"\b(?:the )?(?P<name>mit|x11|apache|isc|zlib|creative commons|gpl)(?: software)? (?:style|like|type|inspired)(?: licenses?)?"
_PERL = r"\b(?:same (?:[a-z]+ )?)?(?:terms|licenses?|conditions) as (?:the )?perl(?: 5)?(?: itself| programming language)?\b"
"""Perl's own terms leave the choice of two licences."""
_PUBLIC_DOMAIN = r"\b(?P<no>not )?(?:been |hereby )?(?:placed |released |put |dedicated |is )?(?:in|into|to) the public domain"
_FAMILIES = {
    "Apache": (r"apache(?: software)?(?: foundation)?(?: licenses?| public licenses?)?(?: asl)?", "2.0"),
    "MPL": (r"mozilla public licenses?(?: mpl)?|mpl", ""),
    "EPL": (r"eclipse public licenses?(?: epl)?|epl", ""),
    "CPL": (r"common public licenses?(?: cpl)?", "1.0"),
    "CDDL": (r"common development and distribution licenses?(?: cddl)?|cddl", "1.0"),
    "OSL": (r"open software licenses?(?: osl)?", ""),
    "AFL": (r"academic free licenses?(?: afl)?", ""),
    "Artistic": (r"artistic licenses?", ""),
    "EUPL": (r"european union public licenses?(?: eupl)?|eupl", ""),
    "LPPL": (r"latex project public licenses?(?: lppl)?|lppl", ""),
    "BSL": (r"boost software licenses?", "1.0"),
    "OFL": (r"(?:sil )?open font licenses?(?: ofl)?", "1.1"),
    "ODbL": (r"(?:open data commons )?open database licenses?(?: odbl)?|odbl", "1.0"),
    "ODC-By": (r"open data commons attribution licenses?(?: odc by)?|odc by", "1.0"),
    "PDDL": (r"(?:open data commons )?public domain dedication (?:and|&)? ?licenses?(?: pddl)?|pddl", "1.0"),
    "CDLA-Permissive": (r"(?:community data license agreement|cdla) permissive", ""),
    "CDLA-Sharing": (r"(?:community data license agreement|cdla) sharing", "1.0"),
    "C-UDA": (r"computational use of data agreement(?: c uda)?|c uda", "1.0"),
    "O-UDA": (r"open use of data agreement(?: o uda)?", "1.0"),
    "MS-PL": (r"microsoft public licenses?(?: ms pl)?|ms pl", "*"),
    "MS-RL": (r"microsoft reciprocal licenses?(?: ms rl)?|ms rl", "*"),
}
"""SPDX prefix → how the name is written, and the version meant where none is given; ``*``: there is one version, which its id does not name."""
_PLAIN_WORDS = frozenset(
    {"fair license", "public domain", "open access", "request form", "other license", "cube license", "jam license", "gd license"}
)
"""Names in the tables that are ordinary words of prose."""
_LEAST_WORDS = 2


def iter_mentions(flat: Flat, catalog: NameTable) -> Iterator[Mention]:
    """Yield the licence names of a text in order; of those that overlap the longest, the grammar before the table.

    Cost: linear in the text.
    """
    found = [
        m for read in (_read_gnu, _read_cc, _read_zero, _read_bsd, _read_styles, _read_families, _read_public_domain, _read_perl) for m in read(flat)
    ]
    found += _read_table(flat, _table(catalog))
    end = 0
    for mention in sorted(found, key=lambda m: (m.first, m.first - m.last)):
        if mention.first >= end:
            yield mention
            end = mention.last


def whole_name(text: str, catalog: NameTable) -> str | None:
    """Return the licence that a text names and nothing else; ``None`` where it holds other words too, or leaves the version open.

    >>> from provenance.licensing.classes import shipped_licenses
    >>> whole_name("Creative Commons Attribution Share Alike 2.5 Generic", shipped_licenses())
    'CC-BY-SA-2.5'
    """
    flat = flatten(text)
    mentions = list(iter_mentions(flat, catalog))
    if len(mentions) != 1 or mentions[0].expression == Absence.UNKNOWN:
        return None
    around = {*flat.words[: mentions[0].first], *flat.words[mentions[0].last :]}
    return mentions[0].expression if around <= {"the", "license", STOP} else None


def _matches(pattern: str, flat: Flat) -> Iterator[tuple[Any, int, int]]:
    for match in _compiled(pattern).finditer(flat.line):
        yield match, flat.at(match.start()), flat.at(max(match.end() - 1, match.start())) + 1


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def _read_gnu(flat: Flat) -> Iterator[Mention]:
    for match, first, last in _matches(_GNU, flat):
        family = "GFDL" if match["doc"] else "LGPL" if match["kind"] in {"lesser", "library"} else "AGPL" if match["kind"] else "GPL"
        family = match["short"].upper() if match["short"] else family
        version = _full(match["num"] or match["pre"])
        only = match["only0"] or match["only1"] or match["only2"]
        later = TriState.of(True if match["later"] or match["prelater"] else False if only else None)
        known = version in _GNU_VERSIONS[family]
        earliest = "2.1" if match["kind"] == "lesser" else _EARLIEST[family]
        expression = f"{family}-{version}{'-or-later' if later is TriState.YES else '-only'}" if known else f"{family}-{earliest}-or-later"
        if version and not known and len(version) < _YEAR:
            expression, known = Absence.UNKNOWN.value, True  # some version is meant: not any
        yield Mention(first=first, last=last, expression=expression, family=family, versioned=known, later=later, short=_is_short(match))


def _is_short(match: Any) -> bool:
    return bool(match["short"]) and not match["num"] and "license" not in match[0] and not match[0].startswith("gnu")


def _full(version: str | None) -> str:
    return "" if version is None else version if "." in version else f"{version}.0"


def _read_cc(flat: Flat) -> Iterator[Mention]:
    for match, first, last in _matches(_CC, flat):
        attributes = f"{match['a1'] or ''}{match['a2'] or ''}{match['a3'] or ''}"
        version = _full(match["num"] or match["pre"])
        if match["long"] == "attribution" and not (version and (attributes or "international" in match[0] or "unported" in match[0])):
            continue  # an ordinary word
        expression = creative_commons(attributes, version or "4.0")
        yield Mention(first=first, last=last, expression=expression, family=f"CC-BY{attributes}", versioned=bool(version))


def creative_commons(attributes: str, version: str) -> str:
    """Return the SPDX id of a Creative Commons licence; ``UNKNOWN`` where there is none of these attributes and this version.

    Args:
        attributes: Such as `` non commercial share alike`` or `` nc sa``.
        version: Such as ``4.0``.
    """
    codes = [
        code
        for code, words in (("NC", ("non commercial", "nc")), ("ND", ("no derivative", "nd")), ("SA", ("share alike", "sa")))
        if _any(words, attributes)
    ]
    orders = (codes, [c for c in ("ND", "NC", "SA") if c in codes])
    found = (listed_id("-".join(("CC-BY", *order, version))) for order in orders)
    return next((f for f in found if f is not None), Absence.UNKNOWN.value)


def _any(words: Sequence[str], attributes: str) -> bool:
    return any(f" {word}" in attributes for word in words)


def _read_zero(flat: Flat) -> Iterator[Mention]:
    for _, first, last in _matches(_ZERO, flat):
        yield Mention(first=first, last=last, expression="CC0-1.0", family="CC0")


def _read_bsd(flat: Flat) -> Iterator[Mention]:
    for match, first, last in _matches(_BSD, flat):
        count = _COUNTS.get(match["n1"] or match["n2"] or "") or _BSD_KINDS.get(match["kind"] or "", "")
        if match["bsd"] == "netbsd" or (match["bsd"] == "freebsd" and not match["said"]):
            continue
        if match["bsd"] == "freebsd":
            count = "2"
        expression = "LicenseRef-hf-bsd-family" if not count else "0BSD" if count == "0" else f"BSD-{count}-Clause"
        if match["style"]:
            expression = "LicenseRef-bsd-style"  # some text like that of a BSD licence: which, its own file says
        versioned = bool(count) and not match["style"]
        yield Mention(first=first, last=last, expression=expression, family="BSD", versioned=versioned, short=not (match["said"] or count))


def _read_families(flat: Flat) -> Iterator[Mention]:
    for prefix, (name, default) in _FAMILIES.items():
        for match, first, last in _matches(
            rf"\b(?:(?P<pre>{_NUM})(?:{_LATER})? of (?:the )?)?(?P<name>{name})\b(?: (?P<num>{_NUM})\b)?(?: license)?", flat
        ):
            said = match[0]
            version = _full(match["num"] or match["pre"]) if default != "*" else ""
            expression = listed_id(f"{prefix}-{version or default}") if default != "*" else prefix
            named = "license" in said or "agreement" in said or prefix.startswith("CDLA")
            if expression is None and not named:
                continue  # "Apache 2.4" is a server
            if prefix == "Apache" and not (named or version):
                continue
            known = expression or Absence.UNKNOWN.value
            yield Mention(
                first=first, last=last, expression=known, family=prefix, versioned=bool(version) or default == "*", short=not (named or version)
            )


def _read_styles(flat: Flat) -> Iterator[Mention]:
    """Yield what is said to be like a licence: some other text, which its own file shows."""
    for match, first, last in _matches(_STYLE, flat):
        yield Mention(first=first, last=last, expression=f"LicenseRef-{match['name'].replace(' ', '-')}-style", family=match["name"].upper())


def _read_public_domain(flat: Flat) -> Iterator[Mention]:
    for match, first, last in _matches(_PUBLIC_DOMAIN, flat):
        if not match["no"] and not {"not", "no"} & set(flat.words[max(first - 4, 0) : first]):
            yield Mention(first=first, last=last, expression="LicenseRef-public-domain", family="public-domain")


def _read_perl(flat: Flat) -> Iterator[Mention]:
    for match, first, last in _matches(_PERL, flat):
        if "itself" in match[0] or "same" in match[0]:
            yield Mention(first=first, last=last, expression="GPL-1.0-or-later OR Artistic-1.0-Perl", family="Perl")


_Table = Mapping[str, Sequence[tuple[tuple[str, ...], str]]]


def _read_table(flat: Flat, table: _Table) -> Iterator[Mention]:
    words = flat.words
    for first, word in enumerate(words):
        for name, expression in table.get(word, ()):
            last = first + len(name)
            if tuple(words[first:last]) == name:
                short = len(name) == 1 and words[last : last + 1] not in (["license"], ["licensed"])
                yield Mention(first=first, last=last, expression=expression, family=expression, short=short)
                break


_tables: dict[str, _Table] = {}


def _table(catalog: NameTable) -> _Table:
    """Return names by their first word, longest first: the catalogue's aliases, and the names and ids of the SPDX list."""
    if catalog.digest not in _tables:
        _tables.clear()
        _tables[catalog.digest] = _make_table(catalog)
    return _tables[catalog.digest]


def _make_table(catalog: NameTable) -> _Table:
    names: dict[tuple[str, ...], str] = dict(_OSI_NAMES)
    for key, entry in listed_licenses().items():
        for written in (entry.name, key):
            if len(flat_words(written)) >= _LEAST_WORDS:
                names[flat_words(written)] = key
    for alias, expression in catalog.aliases.items():
        if not is_absent(expression) and expression not in {"NONE", "NOASSERTION"}:
            names[flat_words(alias)] = expression
    table: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, expression in sorted(names.items(), key=lambda item: (-len(item[0]), item)):
        if name and _is_telling(name):
            table.setdefault(name[0], []).append((name, expression))
    return table


_GRAMMAR = frozenset({"gnu", "gpl", "lgpl", "agpl", "gfdl", "bsd"})
"""First words of names that the grammar reads."""
_OSI_NAMES: Mapping[tuple[str, ...], str] = {
    ("zlib", "libpng", "license"): "Zlib",
    ("mit", "x11", "license"): "MIT",
    ("mit", "expat", "license"): "MIT",
}
"""One licence under two names, as the Open Source Initiative and the FSF write them."""
_BSD_WORDS = 3
"""Words of a BSD name that the grammar reads whole."""
_ONE_WORD = frozenset({"mit", "expat", "isc", "zlib", "wtfpl", "unlicense", "ncsa", "beerware", "gemma", "postgresql"})
_TELLING = ("licen", "agreement", "terms", "purpose", "commercial", "permission", "domain", "llama", "rail", "clause")


def _is_telling(name: tuple[str, ...]) -> bool:
    """Tell whether a name can be taken for a licence's in prose."""
    if len(name) < _LEAST_WORDS:
        return name[0] in _ONE_WORD
    plain = name[0] in _GRAMMAR and not (name[0] == "bsd" and len(name) > _BSD_WORDS)  # BSD-3-Clause-No-Nuclear-License is not BSD-3-Clause
    if plain or " ".join(name) in _PLAIN_WORDS or {STOP, BREAK} & set(name):
        return False
    return any(part in word for word in name for part in _TELLING) or any(word[0].isdigit() for word in name[1:])
