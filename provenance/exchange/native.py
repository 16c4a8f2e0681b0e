"""Our own export: JSON Lines that hold everything the registry knows of some dataset versions, and lose nothing on the way back.

The first line names format and version. Then, for each dataset version, one line with its facts and as many lines with its shards as it says. The last
line counts them, so that a file that was cut short is known. Shards are read straight from the file: a version of a million needs no memory for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from provenance.audit.imports import ImportedDataset, ShardSource
from provenance.errors import ManifestError, WireFormatError
from provenance.exchange.manifest import DATASET_NAME
from provenance.exchange.sources import Reading, SourceRead, collected, parse_json, path_fault, repeated_key
from provenance.fingerprint.digest import ShardLeaf, TreeHash, leaf_bytes, merkle_root
from provenance.model.dataset import Dataset, DatasetVersion, Shard, ShardDigests
from provenance.model.wire import read_value, to_wire

FORMAT = "provenance.registry"
VERSION = 1
MAX_LINE = 64 << 20
"""Longest line read, bytes."""


def native_lines(versions: Iterable[tuple[DatasetVersion, ShardSource]]) -> Iterator[bytes]:
    """Yield the lines of an export: same versions, same bytes.

    Args:
        versions: Each version, of which its own shards do not count, with what gives its shards.

    Raises:
        ManifestError: If a text is no Unicode.
    """
    yield _line({"format": FORMAT, "version": VERSION})
    datasets = shards = 0
    for version, source in versions:
        count = sum(1 for _ in source())
        facts = {"root_digest": version.root_digest, "created": version.created, "digests": version.digests.value, "shards": count}
        yield _line({**facts, "dataset": to_wire(version.dataset)})
        for shard in source():
            yield _line(to_wire(shard))
        datasets, shards = datasets + 1, shards + count
    yield _line({"end": {"datasets": datasets, "shards": shards}})


def write_native(versions: Iterable[tuple[DatasetVersion, ShardSource]], file: BinaryIO) -> None:
    """Write an export.

    Raises:
        ManifestError: If a text is no Unicode.
        OSError: If the file cannot be written.
    """
    file.writelines(native_lines(versions))


def _line(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError as err:
        raise ManifestError(f"cannot be exported: a text holds half a character: {err.reason}", hint="mend the fact and register again") from err


def is_native(first_line: bytes) -> bool:
    """Tell whether a file begins as an export of ours does."""
    try:
        value = json.loads(first_line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeVersion:
    """A version as an export states it, and where its shards stand."""

    version: DatasetVersion
    """Without its shards."""
    shards: ShardSource


def read_native(path: Path, *, name: str) -> SourceRead:
    """Return the datasets of an export. A version that cannot be read leaves the others alone.

    Raises:
        ManifestError: If the file cannot be read, is not such an export, or of a later version.
    """
    reading = Reading(name)
    found = [ImportedDataset(dataset=reading.concluded(v.version.dataset), where=name, shards=v.shards) for v in iter_native(path, reading=reading)]
    return collected([reading], found)


def iter_native(path: Path, *, reading: Reading) -> Iterator[NativeVersion]:
    """Yield the versions of an export that can be read; what cannot is noted as a problem.

    Raises:
        ManifestError: If the file cannot be read, is not such an export, or of a later version.
    """
    try:
        with path.open("rb") as file:
            lines = _Lines(file, reading.file)
            header = lines.value()
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise ManifestError(f"{reading.file}: is no {FORMAT} export")
            if isinstance(header.get("version"), bool) or header.get("version") != VERSION:
                raise ManifestError(f"{reading.file}: version {header.get('version')!r}; this program reads version {VERSION}", hint="upgrade it")
            yield from _versions(path, lines, reading)
    except OSError as err:
        raise ManifestError(f"{path}: cannot be read: {err.strerror or err}") from err


def _versions(path: Path, lines: _Lines, reading: Reading) -> Iterator[NativeVersion]:
    datasets = shards = 0
    try:
        while isinstance(value := lines.value(), dict) and set(value) != {"end"}:
            count = value.get("shards")
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                break
            found = _read_version(path, value, lines, reading)
            datasets, shards = datasets + 1, shards + count
            if found is not None:
                yield found
    except ManifestError as err:
        reading.problem(f"{err}: nothing from there on is imported")
        return
    if not isinstance(value, dict) or set(value) != {"end"}:
        reading.problem(f"line {lines.number}: neither a version with its number of shards nor the end: nothing from there on is imported")
    elif value["end"] != {"datasets": datasets, "shards": shards}:
        reading.problem(f"line {lines.number}: counts {str(value['end'])[:80]}, and {datasets} datasets with {shards} shards were read")


def _read_version(path: Path, value: dict[str, Any], lines: _Lines, reading: Reading) -> NativeVersion | None:
    """Return a version; its shards are passed over and checked against the root that it states. One that cannot be read is a problem.

    Raises:
        ManifestError: If the file cannot be read any further.
    """
    start, place, count = lines.offset, f"line {lines.number}", value["shards"]
    source = _ShardLines(path, start, count)
    passed, fault = _pass_over(lines, count)
    try:
        version = _facts(value, place)
        if not fault:
            return _checked(version, source, passed, place)
    except (ManifestError, WireFormatError) as err:
        fault = str(err)
    reading.problem(f"{fault}: this version is not imported")
    return None


def _checked(version: DatasetVersion, source: ShardSource, passed: str | None, place: str) -> NativeVersion:
    shards = source
    root = passed
    if root is None:  # registered through the library in another order: few enough to have been in memory then
        ordered = sorted(source(), key=lambda s: (s.path, s.root))
        root, shards = merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in ordered), lambda: ordered
    if root != version.root_digest:
        raise ManifestError(f"{place}: dataset {version.dataset.name!r}: its shards are not those of version {version.root_digest[:80]}")
    return NativeVersion(version=version, shards=shards)


def _pass_over(lines: _Lines, count: int) -> tuple[str | None, str]:
    """Read the lines of shards: their root, ``None`` where they are not in order, and the first fault."""
    tree, previous, ascending, fault = TreeHash(), ("", ""), True, ""
    for _ in range(count):
        value = lines.needed()
        try:
            shard = _shard(value, f"line {lines.number}")
        except (ManifestError, WireFormatError) as err:
            fault = fault or str(err)
            continue
        ascending = ascending and (shard.path, shard.root) > previous
        if shard.path != previous[0]:
            tree.add(leaf_bytes(ShardLeaf(path=shard.path, sha256=shard.sha256, size_bytes=shard.size_bytes)))
        previous = shard.path, shard.root
    return tree.root if ascending else None, fault


def _shard(value: object, where: str) -> Shard:
    shard = read_value(Shard, value, where=where)
    if fault := path_fault(shard.path):
        raise ManifestError(f"{where}: shard {shard.path[:80]!r} {fault}")
    try:
        ShardLeaf(path=shard.path, sha256=shard.sha256, size_bytes=shard.size_bytes)
    except ValueError as err:
        raise ManifestError(f"{where}: {err}") from err
    return shard


def _facts(value: dict[str, Any], where: str) -> DatasetVersion:
    unknown = sorted(set(value) - {"root_digest", "created", "digests", "shards", "dataset"})
    if unknown:
        raise ManifestError(f"{where}: unknown field {unknown[0][:60]!r}")
    if repeated := repeated_key(value):
        raise ManifestError(f"{where}: {repeated[:60]!r} is given twice in one object")
    dataset = read_value(Dataset, value.get("dataset"), where=f"{where}: dataset")
    if DATASET_NAME.fullmatch(dataset.name) is None:
        raise ManifestError(f"{where}: {dataset.name[:60]!r} is no dataset name")
    root, created = value.get("root_digest"), value.get("created")
    if not isinstance(root, str) or not isinstance(created, str) or value.get("digests") not in set(ShardDigests):
        raise ManifestError(f"{where}: root_digest, created or digests is missing or no text")
    return DatasetVersion(dataset=dataset, root_digest=root, shards=(), created=created, digests=ShardDigests(value["digests"]))


@dataclass(frozen=True, slots=True)
class _ShardLines:
    """Reads the shards of one version from the file again, as often as it is called."""

    path: Path
    offset: int
    count: int

    def __call__(self) -> Iterator[Shard]:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                for _ in range(self.count):
                    yield read_value(Shard, json.loads(file.readline(MAX_LINE)))
        except (OSError, ValueError) as err:
            raise ManifestError(f"{self.path}: changed while it was imported: {err}") from err


class _Lines:
    """Reads a file of JSON lines, counting them and their bytes."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        self._file, self._where = file, where
        self.number = self.offset = 0

    def value(self) -> Any:
        """Return the next line's value, ``None`` at the end."""
        raw = self._file.readline(MAX_LINE + 1)
        if not raw:
            return None
        self.number, self.offset = self.number + 1, self.offset + len(raw)
        where = f"{self._where}:{self.number}"
        if len(raw) > MAX_LINE:
            raise ManifestError(f"{where}: a line of more than {MAX_LINE} bytes")
        if not raw.endswith(b"\n"):
            raise ManifestError(f"{where}: the line does not end: the file was cut short", hint="export again")
        return parse_json(raw, where)

    def needed(self) -> Any:
        """Return the next line's value.

        Raises:
            ManifestError: If there is none.
        """
        value = self.value()
        if value is None:
            raise ManifestError(f"{self._where}:{self.number}: ends in the midst of a version's shards: the file was cut short", hint="export again")
        return value
