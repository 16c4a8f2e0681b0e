"""Sentences that limit what may be done with something, whatever licence is named beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from provenance.licensing.flat import Flat

NON_COMMERCIAL = "LicenseRef-non-commercial-unspecified"
RESEARCH_ONLY = "LicenseRef-academic-only"
COMMONS_CLAUSE = "LicenseRef-Commons-Clause"
NO_TRAINING = "LicenseRef-no-training"
OTHER = "LicenseRef-further-restriction"
_USE = r"(?:use|uses|usage|purpose|purposes|research|application|applications|exploitation|basis|setting|settings)"
_BAR = r"(?:not|never|prohibited|forbidden|disallowed|cannot)"
_FIELDS = r"(?:non profit|academic|research|scientific|educational|education|teaching|evaluation|personal|non commercial|private|internal)"
_ELSEWHERE = (
    r"\b(?:kommerzielle[nrs]?|gewerbliche[nrs]?) (?:nutzung|verwendung|verwertung|zwecke?n?)(?: \S+){0,4} (?:untersagt|verboten|nicht|ausgeschlossen|unzulässig)",
    r"\b(?:nur|ausschließlich) (?:\S+ ){0,3}(?:nicht ?kommerzielle[nrs]?|nichtkommerzielle[nrs]?)\b|\bnicht für (?:\S+ )?kommerzielle",
    r"\b(?:utilisation|usage|exploitation)s? commerciale?s?(?: \S+){0,3} (?:interdite?s?|prohibée?s?|exclue?s?)",
    r"\b(?:usage|utilisation|fins) non commerciale?s?\b|\binterdi\S* (?:\S+ ){0,4}commercia",
    r"\b(?:prohibid[oa]|proibid[oa]|vietat[oa]) (?:\S+ ){0,3}(?:usos?|utilizzo) comm?ercial",
    r"\buso comm?erciale?(?: \S+){0,3} (?:prohibido|proibido|vietato|vedado)\b|\b(?:fines|uso|usos) no comercial|\b(?:fins|uso) não comercia|\b(?:uso|scopi|fini) non commercial",
    r"\bcommercieel gebruik (?:\S+ ){0,3}(?:verboten|niet)\b|\bniet commerci[eë]",
    r"\bniekomercyjn|\bnekomerčn",
    r"(?:禁止|不得|严禁|嚴禁|不可|请勿|不允许|不能)[^ ]{0,8}商[业業用]|非商[业業用]|商[业業]用途[^ ]{0,4}(?:禁止|不得)|商用(?:利用|使用)?[^ ]{0,6}(?:禁|不可|できません|認められ)|非営利",
    r"коммерческ\S* (?:\S+ ){0,3}запрещ|некоммерческ",
)
"""The same in other languages: German, French, Spanish, Portuguese, Italian, Dutch, Polish, Czech, Chinese, Japanese, Russian."""
_PATTERNS = (
    (rf"\bnon commercial(?: (?:and|or|research|academic|educational|scientific|personal)){{0,4}} {_USE}\b", NON_COMMERCIAL),
    (r"\bnon commercially\b|\bnon commercial (?:only|license|licensed|terms|clause|restriction)\b|\bnot for (?:any )?commercial\b", NON_COMMERCIAL),
    (rf"\bcommercial (?:use|usage|uses|purposes?)(?: [a-z]+){{0,4}} (?:is|are|must be|shall be) (?:[a-z]+ )?{_BAR}\b", NON_COMMERCIAL),
    (rf"\b{_BAR} (?:[a-z]+ ){{0,6}}(?:for|in) (?:any )?(?:commercial|profit)\b", NON_COMMERCIAL),
    (r"\b(?:no|prohibits|forbids|excluding|except(?: for)?) commercial (?:use|usage|uses|purposes?)\b", NON_COMMERCIAL),
    (
        r"\bcommercial (?:use|usage|uses|licenses?)(?: [a-z]+){0,3} (?:requires?|needs?) (?:[a-z]+ ){0,3}(?:license|permission|agreement|consent)\b",
        NON_COMMERCIAL,
    ),
    (
        rf"\b(?:for|to) (?:the )?(?:[a-z]+ )?{_FIELDS}(?: (?:and|or|and or)? ?{_FIELDS}){{0,3}} (?:use|uses|usage|purpose|purposes) only\b",
        RESEARCH_ONLY,
    ),
    (rf"\b(?:only|solely|exclusively) (?:[a-z]+ ){{0,4}}(?:for|in) (?:[a-z]+ )?{_FIELDS}\b", RESEARCH_ONLY),
    (r"\b(?:academic|research) (?:use|purposes?) only\b|\bresearch only\b", RESEARCH_ONLY),
    (r"\bcommons clause\b", COMMONS_CLAUSE),
    *((pattern, NON_COMMERCIAL) for pattern in _ELSEWHERE),
    (r"\b(?:license|licensor) does not (?:include|grant)[a-z ,]{0,80} right to sell\b", COMMONS_CLAUSE),
    (
        rf"\b(?:{_BAR}|no) (?:[a-z]+ ){{0,6}}(?:train|training|fine tune|develop|improve) (?:[a-z]+ ){{0,6}}(?:model|models|ai|llm|llms|machine learning)\b",
        NO_TRAINING,
    ),
    (r"\b(?:may|must|shall|can) not (?:be )?(?:redistribut|shar|publish|resell|sublicens|sold|sell|distribut)[a-z]*\b", OTHER),
    (r"\b(?:redistribution|resale|re distribution) (?:[a-z]+ ){0,4}(?:is|are) (?:[a-z]+ )?(?:not|prohibited|forbidden)\b", OTHER),
    (r"\b(?:software|data|dataset|work|model) shall be used for good\b", OTHER),
)
_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One limit that a text sets."""

    start: int
    """First code point."""
    end: int
    expression: str


def find_restrictions(flat: Flat) -> Iterator[Restriction]:
    """Yield the limits that a text sets, at most some hundred of one kind.

    Cost: linear in the text.
    """
    for pattern, expression in _PATTERNS:
        for count, match in enumerate(_compiled(pattern).finditer(flat.line)):
            if count >= _MOST:
                break
            first, last = flat.at(match.start()), flat.at(max(match.end() - 1, match.start())) + 1
            start, end = flat.span(first, last)
            yield Restriction(start=start, end=end, expression=expression)


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)
