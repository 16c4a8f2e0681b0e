"""Names as catalogued terms spell them: providers, models, regions, channels, and whether a text's own words reach them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote

from provenance.licensing.model_names import glob_matches, normalize_model
from provenance.model.absence import is_absent

__all__ = [
    "ACCESS",
    "CHANNELS",
    "EEA",
    "EU",
    "SERVED_BY_OTHERS",
    "channel_matches",
    "fold_source",
    "glob_matches",
    "normalize_model",
    "normalize_provider",
    "region_matches",
    "region_names",
]

CHANNELS = ("api", "consumer", "weights", "cloud", "host", "aggregator", "site", "code-assistant")
"""How text came out of a model, or off a site."""
ACCESS = ("crawl", "data-api", "dump")
"""How text came off a site."""
SERVED_BY_OTHERS = frozenset({"cloud", "host", "aggregator"})
"""Channels on which somebody else than the maker may serve a model (RR13)."""
EEA = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
        "IS",
        "LI",
        "NO",
    ]
)
EU = EEA - {"IS", "LI", "NO"}
_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM "
    "CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY "
    "HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF "
    "MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE "
    "RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ "
    "VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "
)
_COUNTRIES = frozenset(_CODES.split())
"""Codes of countries and territories of ISO 3166-1."""
_SAME_PLACE = {"GB": "UK", "EUROPEAN UNION": "EU", "EL": "GR", "AX": "FI", **dict.fromkeys(("GF", "GP", "MF", "MQ", "RE", "YT"), "FR")}
"""Other codes of a region: Union law holds in the outermost regions of France and on Åland."""
_GROUPS = frozenset({"EU", "EEA", "ROW", "UK"})
_ALIASES = {
    "mistral-ai": "mistral",
    "mistralai": "mistral",
    "google-deepmind": "google",
    "google-cloud": "google",
    "gemini": "google",
    "vertex-ai": "google",
    "meta-ai": "meta",
    "meta-llama": "meta",
    "x-ai": "xai",
    "xai-org": "xai",
    "microsoft-azure": "microsoft",
    "azure": "microsoft",
    "qwen": "alibaba",
    "alibaba-cloud": "alibaba",
    "aws": "amazon",
    "bedrock": "amazon",
    "amazon-bedrock": "amazon",
    "amazon-web-services": "amazon",
    "deepseek-ai": "deepseek",
    "moonshotai": "moonshot",
    "moonshot-ai": "moonshot",
    "kimi": "moonshot",
    "zai": "zhipu",
    "z-ai": "zhipu",
    "zhipu-ai": "zhipu",
    "together-ai": "together",
    "fireworks-ai": "fireworks",
    "stability-ai": "stability",
    "twitter": "x",
    "stack-exchange": "stackexchange",
    "stack-overflow": "stackexchange",
    "stackoverflow": "stackexchange",
    "wikipedia": "wikimedia",
    "hugging-face": "huggingface",
    "new-york-times": "nyt",
    "common-crawl": "commoncrawl",
    "project-gutenberg": "gutenberg",
    "pmc": "pubmed-pmc",
    "black-forest-labs": "blackforestlabs",
}


_ARCHIVE = re.compile(r"(?:\.(?:tar|tgz|gz|zip|7z|xz|bz2|zst|jsonl|json|parquet|txt|git))+$")


@lru_cache(maxsize=4096)
def normalize_provider(name: str) -> str:
    """Return a provider's name as the catalogue spells it: lower case, letters and digits only.

    >>> normalize_provider("Mistral AI"), normalize_provider("OpenAI")
    ('mistral', 'openai')
    """
    folded = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return _ALIASES.get(folded, folded)


@lru_cache(maxsize=4096)
def fold_source(name: str) -> str:
    """Return a text source's name as notorious names are compared: its last part, letters and digits only, without the suffix of an archive.

    >>> fold_source("EleutherAI/the_pile"), fold_source("The Pile"), fold_source("Books 3"), fold_source("books3.tar.gz")
    ('thepile', 'thepile', 'books3', 'books3')
    """
    last = unicodedata.normalize("NFKC", unquote(name)).casefold().strip().rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^a-z0-9]+", "", _ARCHIVE.sub("", last))


def region_names(region: str) -> frozenset[str]:
    """Return every catalogued name of a region that an account may have.

    >>> sorted(region_names("FR"))
    ['EEA', 'EU', 'FR']
    """
    code = region.upper().split("-")[0]
    code = _SAME_PLACE.get(code, code)
    if code == "EU":
        return frozenset({"EU", "EEA"})
    return frozenset({code, *(("EU",) if code in EU else ()), *(("EEA",) if code in EEA else ())})


def is_known_region(region: str) -> bool:
    """Tell whether a word names a region: a code of ISO 3166, with or without a part of the country, or a group of countries.

    >>> is_known_region("US-CA"), is_known_region("QQ")
    (True, False)
    """
    code, _, part = region.upper().partition("-")
    known = code in _COUNTRIES or code in _GROUPS or code in _SAME_PLACE
    return known and (not part or (code in _COUNTRIES and re.fullmatch(r"[A-Z0-9]{1,3}", part) is not None))


def region_matches(entry_regions: Sequence[str], region: str, named: frozenset[str] = frozenset()) -> bool:
    """Tell whether a regional copy may apply to an account's region; an unknown region may be any.

    Args:
        entry_regions: Regions of the copy.
        region: Of the account.
        named: Regions that the sibling copies name: ``row`` is everywhere else.
    """
    if is_absent(region) or "global" in entry_regions:
        return True
    names = region_names(region)
    if "row" in entry_regions and (not (names & named) or "ROW" in names):
        return True
    return bool(names & {r.upper() for r in entry_regions}) or ("EEA" in names and "EU" in entry_regions and region.upper() == "EEA")


def channel_matches(entry_channels: Sequence[str], channel: str) -> bool:
    """Tell whether a text may govern a channel; an unknown channel may be any."""
    return is_absent(channel) or not entry_channels or channel.lower() in entry_channels
