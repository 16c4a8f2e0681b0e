"""The SPDX licence list as shipped: ids, names and addresses (``policies/licenses/spdx/names.json``, CC0-1.0)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from provenance.config import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLicense:
    """One licence of the list."""

    id: str
    name: str
    url: str


@cache
def listed_licenses() -> Mapping[str, ListedLicense]:
    """Return the licences by id, ordered."""
    document = json.loads((shipped("policies") / "licenses" / "spdx" / "names.json").read_bytes())
    return {key: ListedLicense(id=key, name=entry["name"], url=entry["url"]) for key, entry in sorted(document["names"].items())}


@cache
def _by_lower() -> Mapping[str, str]:
    return {key.lower(): key for key in listed_licenses()}


def listed_id(name: str) -> str | None:
    """Return an id as the list writes it, whatever its letter case; ``None`` where the list has none such."""
    return _by_lower().get(name.lower())
