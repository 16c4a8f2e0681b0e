"""Facts in plain words: what a format has no word of its own for stands in it all the same, as names and values that its readers see.

Without this they would stand only in the one JSON text that our own import reads (``FACTS_NAME``), where nobody else looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from provenance.exchange.export_facts import Export
from provenance.exchange.export_words import NOT_KNOWN, asserted, stated_day, stated_url
from provenance.model.absence import is_absent
from provenance.model.dataset import Dataset, LicensePart, Shard, ShardDigests
from provenance.model.wire import to_wire

_DIGESTS = {
    ShardDigests.READ: "read: the bytes were read and hashed",
    ShardDigests.DECLARED: "declared: nobody has read the bytes",
}


_FITS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "source.url": stated_url,
        "source.collected.from": stated_day,
        "source.collected.to": stated_day,
        "details.published": stated_day,
    }
)
"""Facts that formats have a word for only where they are an address or a day."""


def plain_facts(export: Export, own: Collection[str]) -> list[tuple[str, str]]:
    """Return (name, value) of every stated fact that a format cannot say itself, in the order of the registry's fields.

    Args:
        export: The dataset.
        own: Paths of facts for which the format has a word, such as ``license.declared.value``; what is below them is left out too.
    """
    facts = _stated(to_wire(export.version.dataset), to_wire(Dataset(name="")), "", frozenset(own))
    named = [(place.removeprefix("details."), value) for place, value in facts]
    return [*named, *_version_facts(export)]


def shard_words(shard: Shard) -> list[tuple[str, str]]:
    """Return (name, value) of what formats have no words for in a file."""
    return [
        ("root", shard.root),
        ("size_bytes", str(shard.size_bytes)),
        ("records", _count(shard.records)),
        ("words", _count(shard.words)),
        ("format", shard.format.value),
        ("unread_records", str(shard.unread_records)),
        *(("license", _part(part)) for part in shard.licenses),
    ]


def plain_item(value: Any) -> str:
    """Return an item of a list on one line; what it does not state is left out."""
    if not isinstance(value, dict):
        return str(value)
    return "; ".join(f"{name}: {text}" for name, text in _leaves(value, ""))


def _stated(value: Any, default: Any, place: str, own: frozenset[str]) -> Iterator[tuple[str, str]]:
    if value == default or value is None or (place in own and (place not in _FITS or _FITS[place](value))):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            usual = default.get(key) if isinstance(default, dict) else None
            yield from _stated(inner, usual, f"{place}.{key}".lstrip("."), own)
    elif isinstance(value, list):
        yield from ((place, plain_item(v)) for v in value)
    else:
        yield place, asserted(str(value))


def _leaves(value: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        name = f"{place}.{key}".lstrip(".")
        if isinstance(inner, dict):
            yield from _leaves(inner, name)
        elif name == "value" or not (isinstance(inner, str) and is_absent(inner)):
            yield name, asserted(str(inner))


def _version_facts(export: Export) -> Iterator[tuple[str, str]]:
    totals = export.totals
    if not totals.shards:  # sums over no files would say that the dataset is empty
        yield "shards", f"{NOT_KNOWN}: only metadata of this dataset are at hand, its files have not been listed"
        return
    yield "root_digest", export.version.root_digest
    yield "digests", _DIGESTS[export.version.digests]
    yield "shards", str(totals.shards)
    yield "size_bytes", str(totals.size_bytes)
    yield "records", _count(totals.records)
    yield "words", _count(totals.words)
    yield "unread_records", str(totals.unread_records)
    yield from (("record_license", _part(part)) for part in totals.licenses)


def _part(part: LicensePart) -> str:
    counted = "words not counted" if part.words is None else f"{part.words} words"
    original = f", as {part.original!r}" if part.original else ""
    return f"{asserted(part.value)}{original}: {part.records} records, {counted}"


def _count(number: int | None) -> str:
    return NOT_KNOWN if number is None else str(number)
