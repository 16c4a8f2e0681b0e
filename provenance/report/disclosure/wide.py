"""How many tokens a word may be, by the way that languages are written; the stated bounds of estimates."""

from __future__ import annotations

LARGEST_TOKENS = 8
"""Tokens for a run of letters and digits, at most, punctuation included, in a language that puts spaces between words. At least one each."""
LARGEST_TOKENS_UNSPACED = 100
"""The same where a run may be a whole sentence, or where nobody says which languages there are."""
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my", "bo", "yue", "wuu", "dz", "mul", "und"})
OFFICIAL = frozenset(
    ["bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"]
)
"""Official languages of the Union (Regulation No 1, article 1), ISO 639-1."""
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


CONVERSION = (
    f"Sizes in tokens that nobody counted with a tokenizer are estimated from words (runs of letters and digits): 1 to {LARGEST_TOKENS} tokens a word, "
    f"1 to {LARGEST_TOKENS_UNSPACED} in languages without spaces between words or where the languages are not stated."
)
