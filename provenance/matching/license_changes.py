"""What a difference between a text and a licence may change in what the licence says.

Names, addresses, years, titles and spellings are let pass, as the matching guidelines of SPDX have it (annex B of the specification). Words that set
conditions never are, nor more words than a name has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NAME, _SINGLE, _ADDRESS = 25, 3, 16
"""Words that a name in the place of another may have, that may be put in or left out, and that an address may have."""
CONDITIONS = frozenset(
    [
        "not",
        "no",
        "non",
        "nor",
        "never",
        "cannot",
        "none",
        "nothing",
        "without",
        "unless",
        "except",
        "exception",
        "excluding",
        "only",
        "solely",
        "strictly",
        "must",
        "shall",
        "may",
        "might",
        "required",
        "require",
        "requires",
        "commercial",
        "commercially",
        "noncommercial",
        "profit",
        "fee",
        "fees",
        "royalty",
        "royalties",
        "pay",
        "payment",
        "charge",
        "sell",
        "sale",
        "selling",
        "sold",
        "prohibited",
        "prohibit",
        "prohibits",
        "forbidden",
        "forbid",
        "restricted",
        "restrict",
        "restriction",
        "restrictions",
        "limited",
        "academic",
        "research",
        "educational",
        "education",
        "personal",
        "evil",
        "good",
        "harm",
        "military",
        "nuclear",
        "weapon",
        "weapons",
        "train",
        "training",
        "trained",
        "model",
        "models",
        "machine",
        "compete",
        "competing",
        "competitor",
        "competitors",
        "approval",
        "approve",
        "consent",
        "permission",
        "permitted",
        "permit",
        "permits",
        "agree",
        "agreement",
        "terminate",
        "terminates",
        "terminated",
        "revoke",
        "revocable",
        "condition",
        "conditions",
        "provided",
        "subject",
        "obligation",
        "notify",
        "notified",
        "government",
        "ethical",
        "unlawful",
        "illegal",
        "revenue",
        "users",
        "employees",
        "attribution",
        "advertising",
        "acknowledgment",
        "acknowledgement",
    ]
)
"""Words by which a licence gains or loses a condition."""
DISCLAIMING = frozenset(
    [
        "not",
        "no",
        "nor",
        "none",
        "never",
        "nothing",
        "without",
        "limited",
        "shall",
        "may",
        "provided",
        "permitted",
        "subject",
        "except",
        "unless",
        "model",
        "models",
    ]
)
"""Words of condition that every disclaimer has."""
_ITEM = 2
"""Digits of the number of a list item."""
_DISCLAIMER = 25
"""Words of a disclaimer that may be missing: without all of it a text may go on otherwise."""
HOLDERS = frozenset(
    [
        "copyright",
        "holder",
        "holders",
        "owner",
        "owners",
        "author",
        "authors",
        "contributor",
        "contributors",
        "regents",
        "university",
        "organization",
        "company",
        "name",
        "names",
        "licensor",
        "provider",
        "developer",
        "developers",
        "foundation",
        "the",
        "its",
        "of",
        "by",
        "and",
        "or",
        "their",
    ]
)
"""What licence texts call those whose names stand there in real ones."""
URL_PARTS = frozenset({"http", "https", "www", "org", "com", "net", "edu", "html"})
"""Words of an address that stand beside a name."""
TITLE_WORDS = frozenset({"the", "license", "version", "terms", "and", "conditions", "for", "copying", "distribution", "modification"})
"""Words of titles beside the licence's own name."""
_LISTING = frozenset({"nor", "not"})
"""Words of condition that only list names in "neither the name of A nor B may be used"."""
_OTHER_NAME = 1.5
"""What a word of a name weighs that a licence's text has and the text has not: one that names nobody is likelier meant."""
_TITLE = 14
"""Words of a title."""
_LETTERS = 8
"""Letters of a word from which on one letter put in, left out or changed is a slip."""
_SPELLINGS = {
    "licence": "license",
    "owner": "holder",
    "owners": "holders",
    "whilst": "while",
    "https": "http",
    "programme": "program",
    "centre": "center",
}
"""Words that SPDX's matching guidelines take for the same."""
_ADDRESS_WORDS = frozenset(
    [
        "street",
        "st",
        "place",
        "suite",
        "floor",
        "fifth",
        "boston",
        "ma",
        "usa",
        "temple",
        "franklin",
        "mass",
        "ave",
        "cambridge",
        "inc",
        "foundation",
        "02110",
        "02111",
        "02139",
        "675",
        "59",
        "51",
    ]
)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between a text and a licence."""

    added: tuple[str, ...]
    """Words put in that nothing else explains."""
    missing: tuple[str, ...]
    """Needed words left out."""
    naming: bool = False
    """Whether it stands where the licence says whose name must not be used."""
    disclaiming: bool = False
    """Whether it stands in a sentence on warranty or liability."""
    named: bool = False
    """Whether nothing but names is left out: those that the licence's own text names."""
    titling: bool = False
    """Whether it holds no word but those of the licence's title."""

    @property
    def size(self) -> int:
        """The words that differ, names, addresses and disclaimers aside."""
        return 0 if self.harmless else max(len(self.added), len(self.missing))

    @property
    def harmless(self) -> bool:
        """Tell whether it stands where other words, names and addresses are to be expected."""
        return self.disclaiming or self.naming or self.titling or _is_name(self) or _is_address(self)

    @property
    def weight(self) -> float:
        """What it weighs against a licence that others are compared with: words that count twice, names replaced more than other words."""
        words = [w for w in (*self.added, *self.missing) if w not in HOLDERS]
        if self.counts and not self.disclaiming:
            return 2.0 * (len(self.added) + len(self.missing))
        return 0.5 * len(words) + (_OTHER_NAME * len(self.missing) if self.named else 0.0)

    @property
    def counts(self) -> bool:
        """Tell whether it may change what a licence says."""
        if self.disclaiming:  # what is permitted and required stays the same, whatever is said on warranty
            return bool((CONDITIONS - DISCLAIMING) & set(self.added)) or len(self.missing) - len(self.added) > _DISCLAIMER
        if (CONDITIONS - _LISTING if self.naming else CONDITIONS) & {*self.added, *self.missing}:
            return True
        if self.titling or (self.naming and len(self.added) <= _NAME):
            return False
        if _is_name(self) or _is_address(self):
            return False
        if not self.missing or not self.added:
            return len(self.missing) + len(self.added) > _SINGLE and not _is_copyright(self.added)
        return len(self.added) > 2 * len(self.missing) + 2 or len(self.missing) > 2 * len(self.added) + 2


def says_nothing(word: str) -> bool:
    """Tell whether a word is the letter or number of a list item, or a year."""
    return len(word) == 1 or (word.isdigit() and (len(word) <= _ITEM or (len(word) == len("2000") and word.startswith(("19", "20")))))


def is_same(added: Sequence[str], missing: Sequence[str]) -> bool:
    """Tell whether words differ in nothing but spelling: spaces and hyphens, British and American forms, one letter of a long word.

    >>> is_same(["non", "infringement"], ["noninfringement"]), is_same(["acknowledgement"], ["acknowledgment"]), is_same(["limited"], ["unlimited"])
    (True, True, False)
    """
    own, other = ([_letters(word) for word in words] for words in (added, missing))
    if "".join(own) == "".join(other):
        return True
    return len(own) == len(other) and all(a == b or _is_slip(a, b) for a, b in zip(own, other, strict=True))


def _letters(word: str) -> str:
    plain = "".join(c for c in word if c.isalnum())
    return _SPELLINGS.get(plain, plain)


def _is_slip(one: str, other: str) -> bool:
    """Tell whether two long words that begin alike differ by one letter."""
    short, long = sorted((one, other), key=len)
    if len(short) < _LETTERS or len(long) - len(short) > 1 or short[0] != long[0]:
        return False
    at = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[at + (len(short) == len(long)) :] == long[at + 1 :]


def is_title(added: Sequence[str], missing: Sequence[str], title: frozenset[str]) -> bool:
    """Tell whether words are those of a licence's title."""
    return max(len(added), len(missing)) <= _TITLE and {*added, *missing} <= title


def _is_name(change: Change) -> bool:
    """Tell whether a name stands where the licence says "the copyright holder"."""
    return bool(change.missing) and (change.named or set(change.missing) <= HOLDERS) and len(change.added) <= _NAME


def _is_address(change: Change) -> bool:
    return max(len(change.missing), len(change.added)) <= _ADDRESS and bool(_ADDRESS_WORDS & {*change.missing, *change.added} - HOLDERS)


def _is_copyright(added: Sequence[str]) -> bool:
    """Tell whether words put in are a line of a copyright holder."""
    return "copyright" in added and any(word.isdigit() for word in added) and len(added) <= _NAME
