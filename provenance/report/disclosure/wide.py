"""How many tokens a word may be, by the way that languages are written; the stated bounds of estimates."""

from __future__ import annotations

from collections.abc import Iterable

LARGEST_TOKENS = 8
"""Tokens for a run of letters and digits, at most, punctuation included, in a language that puts spaces between words. At least one each."""
LARGEST_TOKENS_UNSPACED = 100
"""The same where a run may be a whole sentence, or where nobody says which languages there are."""
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my", "bo", "yue", "wuu", "dz", "mul", "und"})
OFFICIAL = {
    "bg": "Bulgarian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fi": "Finnish",
    "fr": "French",
    "ga": "Irish",
    "hr": "Croatian",
    "hu": "Hungarian",
    "it": "Italian",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mt": "Maltese",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sv": "Swedish",
}
"""Official languages of the Union (Regulation No 1, article 1) by ISO 639-1, with their English names."""
MEMBERS = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "EL",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
        "EU",
    ]
)
"""Member states by the codes of ISO 3166-1, Greece also as the Union writes it, and the Union."""


def is_spaced(languages: tuple[str, ...]) -> bool:
    """Tell whether all languages that are stated put spaces between words; not where none is stated."""
    return bool(languages) and not any(code.lower().replace("_", "-").partition("-")[0] in _UNSPACED for code in languages)


def language(code: str) -> str:
    """Return a language as the summary names it, with a word where it is an official one of the Union.

    >>> language("pt-BR"), language("ja")
    ('Portuguese (pt-BR), official language of the Union', 'ja')
    """
    name = OFFICIAL.get(code.replace("_", "-").partition("-")[0].lower(), "")
    return f"{name} ({code}), official language of the Union" if name else code


def estimate_note(most: Iterable[int]) -> str:
    """Return in a sentence what a size range rests on where nobody counted tokens.

    Args:
        most: Tokens that a word was taken to be at most, of each dataset.
    """
    factors = set(most)
    unspaced = f"{LARGEST_TOKENS_UNSPACED} where words are written without spaces or the language is not recorded"
    most_said = [str(LARGEST_TOKENS)] * (LARGEST_TOKENS in factors) + [unspaced] * (LARGEST_TOKENS_UNSPACED in factors)
    return f"Words were counted, tokens were not. The size range assumes that a word is at least 1 token and at most {', '.join(most_said)}."
