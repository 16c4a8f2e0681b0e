"""Addresses of licences: which licence stands at a well-known one. Nothing is fetched.

An address under another host, such as that of a repository's own LICENSE file, says that there is a licence, not which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from provenance.licensing.spdx import listed_id, listed_licenses

MAX_URL = 2048
_CC = re.compile(r"creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?(?:-nc)?)/([1-4]\.[0-9])(?:/[a-z.-]*)?")
_ZERO = re.compile(r"creativecommons\.org/(?:publicdomain/zero|licenses/zero|licenses/publicdomain/zero)/1\.0")
_MARK = re.compile(r"creativecommons\.org/(?:publicdomain/mark|licenses/publicdomain)\b")
_BY_NAME = re.compile(
    r"(?:opensource\.org/licen[cs]es?|choosealicense\.com/licenses|spdx\.org/licenses|licenses\.nuget\.org"
    r"|api\.github\.com/licenses|huggingface\.co/licenses)/([a-z0-9.+-]+)"
)
_GNU = re.compile(r"gnu\.org/(?:licenses|copyleft)(?:/old-licenses)?/(a?gpl|lgpl|fdl)(?:-([0-9](?:\.[0-9])?))?(?:[-.][a-z0-9-]+)*(?:#.*)?")
_APACHE = re.compile(r"apache\.org/licen[cs]es?/(?:license)?-?([12](?:\.[01])?)(?:\.txt|\.html)?(?:[#?].*)?|apache\.org/licen[cs]es?/?")
_DATA_COMMONS = re.compile(r"opendatacommons\.org/licenses/(odbl|by|pddl)\b")
_ODC = {"odbl": "ODbL-1.0", "by": "ODC-By-1.0", "pddl": "PDDL-1.0"}
_OTHERS = (
    (re.compile(r"mozilla\.org/(?:[a-z-]+/)?mpl/(?:mpl-)?([12]\.[01])"), "MPL-{}"),
    (re.compile(r"eclipse\.org/(?:legal/epl|org/documents/epl)-?/?v?-?([12])\.?0?"), "EPL-{}.0"),
    (re.compile(r"cdla\.(?:dev|io)/(permissive|sharing)-([12])-0"), "CDLA-{}-{}.0"),
    (re.compile(r"boost\.org/license_1_0"), "BSL-1.0"),
    (re.compile(r"unlicense\.org"), "Unlicense"),
    (re.compile(r"(?:sam\.zoy\.org|www\.)?/?wtfpl"), "WTFPL"),
    (re.compile(r"nationalarchives\.gov\.uk/doc/open-government-licen[cs]e/version/([123])"), "OGL-UK-{}.0"),
    (re.compile(r"scripts\.sil\.org/ofl|openfontlicense\.org"), "OFL-1.1"),
)
_UNSAID = {"gpl": "GPL-1.0-or-later", "lgpl": "LGPL-2.0-or-later", "agpl": "AGPL-3.0-or-later", "fdl": "GFDL-1.1-or-later"}
"""Without a version the licence text itself lets the reader take any."""


def license_of_url(url: str) -> str | None:
    """Return the licence at an address: an SPDX id or a LicenseRef; ``None`` where the address does not tell.

    >>> license_of_url("https://creativecommons.org/licenses/by-nc/4.0/deed.en"), license_of_url("https://example.org/LICENSE")
    ('CC-BY-NC-4.0', None)
    """
    if len(url) > MAX_URL:
        return None
    place = re.sub(r"^(?:https?:)?//", "", url.strip().lower()).removeprefix("www.").rstrip("./,;:")
    for find in (_listed, _creative_commons, _gnu, _apache, _by_name, _others):
        found = find(place)
        if found is not None:
            return found
    return None


def _creative_commons(place: str) -> str | None:
    if _ZERO.match(place):
        return "CC0-1.0"
    if _MARK.match(place):
        return "LicenseRef-public-domain"
    found = _CC.match(place)
    if found is None:
        return None
    return listed_id(f"CC-{found[1]}-{found[2]}")


def _gnu(place: str) -> str | None:
    found = _GNU.fullmatch(place)
    if found is None:
        return None
    kind, version = found[1], found[2]
    if version is None:
        return _UNSAID[kind]
    name = "GFDL" if kind == "fdl" else kind.upper()
    return listed_id(f"{name}-{version if '.' in version else version + '.0'}-only")


def _apache(place: str) -> str | None:
    found = _APACHE.fullmatch(place)
    if found is None:
        return None
    version = found[1] or "2.0"
    return listed_id(f"Apache-{version if '.' in version else version + '.0'}")


def _by_name(place: str) -> str | None:
    found = _BY_NAME.match(place)
    if found is None:
        return None
    name = re.sub(r"(?:\.html|\.php|\.txt|-license(?:\.html|\.php)?)$", "", found[1])
    if re.fullmatch(r"(?:a|l)?gpl-[0-9.]+", name):
        return listed_id(f"{name}-only")
    return listed_id(name) or _SHORT.get(name)


_SHORT = {
    "odc-by": "ODC-By-1.0",
    "odbl": "ODbL-1.0",
    "pddl": "PDDL-1.0",
    "cc0": "CC0-1.0",
    "cc-by": "CC-BY-4.0",
    "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "apache2.0": "Apache-2.0",
}
"""Last parts of addresses that are no SPDX id."""


def _others(place: str) -> str | None:
    found = _DATA_COMMONS.match(place)
    if found is not None:
        return _ODC[found[1]]
    for pattern, template in _OTHERS:
        found = pattern.match(place)
        if found is not None:
            return listed_id(template.format(*found.groups())) or template
    return None


def _listed(place: str) -> str | None:
    return _addresses().get(place.rstrip("/"))


_READ_OTHERWISE = ("gnu.org/", "creativecommons.org/", "apache.org/", "github.com/", "raw.githubusercontent.com/", "gitlab.", "bitbucket.org/")
"""Read by their shape, or files of a branch, which change."""


@cache
def _addresses() -> Mapping[str, str]:
    """Return the addresses of the SPDX list that belong to one licence only."""
    found: dict[str, set[str]] = {}
    for key, entry in listed_licenses().items():
        place = re.sub(r"^https?://(?:www\.)?", "", entry.url.strip().lower()).rstrip("./,;:")
        if place and not place.startswith(_READ_OTHERWISE):
            found.setdefault(place, set()).add(key)
    return {place: next(iter(keys)) for place, keys in found.items() if len(keys) == 1}
