"""Which keys of records are looked for, and for whom: what the index of a shard's records is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from provenance.fingerprint.addresses import parents_of

Wanters = tuple[str, ...]
"""Who looks for a key."""


class KeyRole(StrEnum):
    """What a key of a record is."""

    ADDRESS = "address"
    ID = "id"
    AUTHOR = "author"
    TITLE = "title"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHit:
    """A key of a record that somebody looks for."""

    wanter: str
    role: KeyRole
    record: int
    line: int | None
    field: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for."""

    domains: Mapping[str, Wanters] = field(default_factory=dict)
    pages: Mapping[str, Wanters] = field(default_factory=dict)
    """Pages as addresses' keys: with a query this one is meant, without one any."""
    below: Mapping[str, Wanters] = field(default_factory=dict)
    """Pages of which all below them are meant too."""
    keys: Mapping[KeyRole, Mapping[str, Wanters]] = field(default_factory=dict)
    """Exact keys of the other roles."""

    def __bool__(self) -> bool:
        """Tell whether anything is looked for."""
        return bool(self.domains or self.pages or self.below or any(self.keys.values()))

    def fitting_hosts(self, hosts: Iterable[str]) -> list[str]:
        """Return those of some hosts of which an address may be looked for."""
        named = {key.partition("/")[0].partition("?")[0] for key in (*self.pages, *self.below)}
        return [h for h in hosts if h in named or h.removeprefix("www.") in named or any(p in self.domains for p in parents_of(h))]

    def who(self, role: KeyRole, key: str, host: str) -> Iterator[str]:
        """Yield who looks for a key, each once."""
        if role is not KeyRole.ADDRESS:
            yield from self.keys.get(role, {}).get(key, ())
            return
        found: dict[str, None] = {}
        for parent in parents_of(host):
            found.update(dict.fromkeys(self.domains.get(parent, ())))
        page = key.partition("?")[0]
        found.update(dict.fromkeys((*self.pages.get(key, ()), *self.pages.get(page, ()))))
        parts = page.split("/")
        for end in range(1, len(parts) + 1) if self.below else ():
            found.update(dict.fromkeys(self.below.get("/".join(parts[:end]), ())))
        yield from found
