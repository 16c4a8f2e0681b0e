"""Names of languages that catalogues write out, as the codes that cards use (ISO 639)."""

from __future__ import annotations

from types import MappingProxyType

CODES = MappingProxyType(
    {
        "arabic": "ar", "bengali": "bn", "bulgarian": "bg", "catalan": "ca", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl",
        "english": "en", "estonian": "et", "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "gujarati": "gu", "hebrew": "he",
        "hindi": "hi", "hungarian": "hu", "indonesian": "id", "irish": "ga", "italian": "it", "japanese": "ja", "kannada": "kn", "korean": "ko",
        "latvian": "lv", "lithuanian": "lt", "malay": "ms", "malayalam": "ml", "marathi": "mr", "nepali": "ne", "norwegian": "no", "persian": "fa",
        "polish": "pl", "portuguese": "pt", "punjabi": "pa", "romanian": "ro", "russian": "ru", "serbian": "sr", "slovak": "sk", "slovenian": "sl",
        "spanish": "es", "swahili": "sw", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr", "ukrainian": "uk",
        "urdu": "ur", "vietnamese": "vi",
    }
)  # fmt: skip
"""English name, lower case → ISO 639-1 code."""


def language_code(text: str) -> str:
    """Return the code of a language's English name; anything else stays as it is written, programming languages too.

    >>> language_code("English"), language_code("pt-BR"), language_code("Python")
    ('en', 'pt-BR', 'Python')
    """
    return CODES.get(text.lower(), text)
