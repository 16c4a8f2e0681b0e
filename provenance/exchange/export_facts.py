"""What every export is made from, and what lets our own import read it back: one dataset version, its shards, and its facts as one JSON text.

Rules kept here: the same facts give the same bytes. There is no clock and no random id: times are those of the version, ids are UUIDs of version 5 over
the facts. Every format carries the facts whole in the place that it has for foreign properties. Reading an export takes the facts from there and makes
the document again: where the two differ, somebody changed the document afterwards, and its facts are no longer what it says.

Shards are listed one by one up to ``MAX_INLINE`` of them. Above it they stand in a shard list beside the document, one JSON line a shard, named by its
digest. None is ever left out.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from provenance.errors import ManifestError, WireFormatError
from provenance.fingerprint.digest import EMPTY_ROOT, ShardLeaf, merkle_root
from provenance.model.dataset import DatasetVersion, LicensePart, Shard
from provenance.model.wire import read_value, to_wire

MAX_INLINE = 1000
"""Most shards that a document lists itself: 1,000 make about 1 MB of SPDX."""
FACTS_NAME = "provenance:facts"
"""The property that holds the facts, where a format has named properties."""
FACTS_FORMAT, FACTS_VERSION = "provenance.facts", 1
LIST_SUFFIX = ".shards.jsonl"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://provenance-audit.dev/export")
"""Under which all ids of exports are made (RFC 9562, version 5)."""

ShardSource = Callable[[], Iterable[Shard]]
"""Gives the shards of a version, in order, as often as it is called."""
ListReader = Callable[[str], Iterable[bytes]]
"""Gives the lines of a shard list by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardList:
    """A file beside the document that lists the shards."""

    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        """The file's name: its digest."""
        return self.sha256.removeprefix("sha256:") + LIST_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTotals:
    """Sums over all shards of a version."""

    shards: int
    size_bytes: int
    records: int | None
    """``None`` where a shard has not been counted."""
    words: int | None
    unread_records: int = 0
    licenses: tuple[LicensePart, ...] = ()
    """Records and words by the licence that a column of theirs names, over all shards; ordered by licence and wording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One dataset version, ready to be written in any format."""

    version: DatasetVersion
    """With its shards, or with none where ``shard_list`` holds them."""
    totals: ShardTotals
    shard_list: ShardList | None
    facts: str
    """The facts as one JSON text: keys sorted, no blanks."""
    digest: str
    """SHA-256 of the facts, hexadecimal."""

    @property
    def id(self) -> str:
        """``urn:uuid:…`` of these facts about this version."""
        return self.part_id("dataset")

    def part_id(self, part: str) -> str:
        """Return ``urn:uuid:…`` of a part of the document."""
        return f"urn:uuid:{self.part_uuid(part)}"

    def part_uuid(self, part: str) -> str:
        """Return the UUID of a part of the document."""
        return str(uuid.uuid5(NAMESPACE, f"{self.digest}\n{part}"))


def compact(value: object) -> str:
    """Return JSON without blanks, keys sorted."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def document_bytes(document: object) -> bytes:
    """Return a JSON document as it is written: keys sorted, two blanks, UTF-8.

    Raises:
        ManifestError: If a text in it is not Unicode.
    """
    return text_bytes(json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2) + "\n")


def text_bytes(text: str) -> bytes:
    """Return text as UTF-8.

    Raises:
        ManifestError: If it holds half a character.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as err:
        place = text[max(err.start - 40, 0) : err.start]
        raise ManifestError(
            f"cannot be exported: half a character (a lone surrogate) after {place!r}", hint="mend the fact and register again"
        ) from err


def prepare(version: DatasetVersion, shards: ShardSource | None = None, *, max_inline: int = MAX_INLINE) -> Export:
    """Return a version ready for export.

    Args:
        version: The facts; its own shards count only where ``shards`` is not given.
        shards: Gives the shards, for versions of very many.
        max_inline: Most shards to list in the document.

    Cost:
        One pass over the shards; memory for ``max_inline`` of them.
    """
    kept: list[Shard] = []
    sums, digest, size = _Sums(), hashlib.sha256(), 0
    for shard in version.shards if shards is None else shards():
        sums.add(shard)
        line = shard_line(shard)
        digest.update(line)
        size += len(line)
        if len(kept) <= max_inline:
            kept.append(shard)
    inline = len(kept) <= max_inline
    listed = None if inline else ShardList(sha256=f"sha256:{digest.hexdigest()}", size_bytes=size)
    return _export(replace(version, shards=tuple(kept) if inline else ()), sums.totals, listed)


def _export(version: DatasetVersion, totals: ShardTotals, shard_list: ShardList | None) -> Export:
    wire = {"format": FACTS_FORMAT, "version": FACTS_VERSION, "totals": to_wire(totals), "shard_list": to_wire(shard_list)}
    facts = compact({**wire, "facts": to_wire(version)})
    return Export(version=version, totals=totals, shard_list=shard_list, facts=facts, digest=hashlib.sha256(text_bytes(facts)).hexdigest())


def shard_line(shard: Shard) -> bytes:
    """Return a shard's line of a shard list."""
    return text_bytes(compact(to_wire(shard)) + "\n")


def parse_facts(text: object, *, where: str) -> Export:
    """Return the export whose ``facts`` a document holds. Its shards have not been checked yet: see ``whole_version``.

    Raises:
        ManifestError: If they are malformed or of a later version.
    """
    try:
        raw = _of_this_version(json.loads(text) if isinstance(text, str) else text)
        listed = raw.get("shard_list")
        version = read_value(DatasetVersion, raw.get("facts"), where="facts", ignore_unknown=True)
        totals = read_value(ShardTotals, raw.get("totals"), where="totals")
        return _export(version, totals, None if listed is None else read_value(ShardList, listed, where="shard_list"))
    except (WireFormatError, ValueError, RecursionError) as err:
        raise ManifestError(f"{where}: {FACTS_NAME} cannot be read: {err}") from err


def _of_this_version(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict) or raw.get("format") != FACTS_FORMAT:
        raise WireFormatError(f"expected {FACTS_FORMAT}")
    if raw.get("version") != FACTS_VERSION:
        raise WireFormatError(f"version {raw.get('version')!r}; this program reads version {FACTS_VERSION}")
    return raw


def whole_version(export: Export, *, where: str, lists: ListReader | None = None) -> DatasetVersion:
    """Return the version with all its shards, checked against root digest and totals.

    Args:
        export: What ``parse_facts`` returned.
        where: The document's name, for errors.
        lists: Gives shard lists beside the document.

    Raises:
        ManifestError: If the shards are not those that the facts name, or their list is not at hand.
    """
    shards = export.version.shards
    if export.shard_list is not None:
        shards = _listed_shards(export.shard_list, where, lists)
    sums = _Sums()
    for shard in shards:
        sums.add(shard)
    try:
        leaves = [ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards]
        root = merkle_root(leaves) if leaves else EMPTY_ROOT
    except ValueError as err:
        raise ManifestError(f"{where}: what it lists is no shard: {err}") from err
    if root != export.version.root_digest or sums.totals != export.totals:
        raise ManifestError(f"{where}: dataset {export.version.dataset.name!r}: its shards are not those of version {export.version.root_digest}")
    return replace(export.version, shards=shards)


def _listed_shards(listed: ShardList, where: str, lists: ListReader | None) -> tuple[Shard, ...]:
    if re.fullmatch(r"sha256:[0-9a-f]{64}", listed.sha256) is None:
        raise ManifestError(f"{where}: its shard list has no digest")
    if lists is None:
        raise ManifestError(f"{where}: lists its shards in {listed.name}, which is not at hand", hint="keep the two files in one folder")
    digest = hashlib.sha256()
    shards = tuple(_shards_of(lists(listed.name), digest, listed.name))
    if f"sha256:{digest.hexdigest()}" != listed.sha256:
        raise ManifestError(f"{listed.name}: is not the shard list that {where} names: its digest is {digest.hexdigest()}")
    return shards


def _shards_of(lines: Iterable[bytes], digest: Any, name: str) -> Iterator[Shard]:
    for number, line in enumerate(lines, 1):
        digest.update(line)
        try:
            yield read_value(Shard, json.loads(line), ignore_unknown=True)
        except ValueError as err:
            raise ManifestError(f"{name}:{number}: not a shard: {err}") from err


class _Sums:
    """Adds shards up; what one shard does not know, the sum does not know."""

    def __init__(self) -> None:
        self._sums = ShardTotals(shards=0, size_bytes=0, records=0, words=0)
        self._licenses: dict[tuple[str, str], LicensePart] = {}

    @property
    def totals(self) -> ShardTotals:
        return replace(self._sums, licenses=tuple(self._licenses[key] for key in sorted(self._licenses)))

    def add(self, shard: Shard) -> None:
        so_far = self._sums
        self._sums = ShardTotals(
            shards=so_far.shards + 1,
            size_bytes=so_far.size_bytes + shard.size_bytes,
            records=_plus(so_far.records, shard.records),
            words=_plus(so_far.words, shard.words),
            unread_records=so_far.unread_records + shard.unread_records,
        )
        for part in shard.licenses:
            key = part.value, part.original
            known = self._licenses.get(key, LicensePart(value=part.value, original=part.original, records=0, words=0))
            self._licenses[key] = replace(known, records=known.records + part.records, words=_plus(known.words, part.words))


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right
