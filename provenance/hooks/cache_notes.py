"""Notes beside the Arrow caches of the ``datasets`` package: which files a cache was made from, and what these files were when it was made.

``load_dataset`` looks its cache up by the paths and modification times of the files: a cache made from older bytes is used again where these times were set back, and
the dataset it gives does not tell which files it came from. So once this module is imported, a note is written when a cache is made (not when it is found): for each file it
was made from its path, identity and digest. A file is hashed right after the cache was made, between two looks at its identity; the time of change in that cannot be set back, so
these are the bytes that the cache was made from. It stands for registered bytes if the digest is a registered shard's, whatever was done to the file since: who only touched it is no
suspect. Notes of version 1 have no digests: their files must still have the noted identity. What ``map`` writes is noted too, by what it was made from.

Not closed: whoever may write to the cache folder may write notes; let the job alone write there.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from provenance.clearance.shards import FileIdentity
from provenance.fingerprint.digest import hash_file
from provenance.hooks.guard import resolved
from provenance.hooks.guarded_file import COARSE_GRAIN_NS, is_settled
from provenance.storage.urls import is_url

FOLDER_NOTE: Final = "provenance-sources.json"
FILE_NOTE_SUFFIX: Final = ".sources.json"
NOTE_FORMAT: Final = "provenance.cache-sources"
NOTE_VERSION: Final = 2
READ_VERSIONS: Final = (1, 2)
MEMORY: Final = "rows that came from memory (from_list, from_generator, keep_in_memory, add_column) were never registered"
FILE_BUILDERS: Final = frozenset({"arrow", "csv", "hdf5", "json", "pandas", "parquet", "text", "webdataset", "xml"})
"""The package's own readers of files, each of which reads what its configuration names and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that a cache was made from."""

    path: str
    """Resolved."""
    identity: FileIdentity | None
    """As it was while the cache was made; ``None`` if it will only be read later."""
    sha256: str | None = None
    """Digest of the bytes it had then; ``None`` if nobody hashed it."""


class UntracedError(Exception):
    """What a table was made from is not known. Becomes a denial before it leaves this package."""


_here: dict[str, tuple[FileIdentity, tuple[Source, ...]]] = {}
"""Caches that this process made, resolved path → its identity and what it was made from."""


def sources_of_cache(path: str) -> tuple[Source, ...]:
    """Return what a cache file was made from.

    Raises:
        UntracedError: If no note tells, or the file is not the one that was noted.
    """
    real = os.path.realpath(path)
    try:
        now = FileIdentity.of(os.lstat(real))
    except OSError as err:
        raise UntracedError(f"{real} cannot be read: {err.strerror}") from err
    known = _here.get(real)
    if known is not None and known[0] == now:
        return known[1]
    for note, name in ((Path(real + FILE_NOTE_SUFFIX), Path(real).name), (Path(real).parent / FOLDER_NOTE, Path(real).name)):
        found = _read_note(note, name, now)
        if found is not None:
            return found
    raise UntracedError(f"{real} was made by what kept no note of the files it came from")


def note_caches(caches: Iterable[str], sources: Iterable[Source], *, note: Path | None) -> None:
    """Note what some cache files were made from, for this process and, where a file is named, for later ones."""
    made = {os.path.realpath(cache): FileIdentity.of(os.lstat(cache)) for cache in caches}
    kept = tuple(dict.fromkeys(sources))
    _here.update((path, (identity, kept)) for path, identity in made.items())
    if note is not None:
        wire = {
            "format": NOTE_FORMAT,
            "version": NOTE_VERSION,
            "caches": {Path(path).name: _wire(identity) for path, identity in made.items()},
            "sources": [_source_wire(source) for source in kept],
        }
        note.write_text(json.dumps(wire, indent=1) + "\n", encoding="utf-8")


def _source_wire(source: Source) -> dict[str, object]:
    return {"path": source.path, "identity": None if source.identity is None else _wire(source.identity), "sha256": source.sha256}


def _wire(identity: FileIdentity) -> dict[str, str]:
    """Return an identity as text: numbers of devices, inodes and nanoseconds are larger than JSON's."""
    return {name: str(value) for name, value in asdict(identity).items()}


def _read_note(note: Path, name: str, now: FileIdentity) -> tuple[Source, ...] | None:
    try:
        wire = json.loads(note.read_bytes())
        if wire["format"] != NOTE_FORMAT or wire["version"] not in READ_VERSIONS or not same_file(_identity(wire["caches"][name]), now):
            return None
        return tuple(
            Source(path=source["path"], identity=source["identity"] and _identity(source["identity"]), sha256=_digest(source, wire["version"]))
            for source in wire["sources"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _digest(wire: Mapping[str, object], version: int) -> str | None:
    """Return a source's digest.

    Raises:
        ValueError: If it is something else.
    """
    digest = wire["sha256"] if version > 1 else None
    if digest is None or isinstance(digest, str):
        return digest
    raise ValueError(digest)


def _identity(wire: Mapping[str, str]) -> FileIdentity:
    return FileIdentity(**{name: int(value) for name, value in wire.items()})


def same_file(one: FileIdentity, other: FileIdentity) -> bool:
    """Tell whether two identities are of one state of one file. Numbers of devices are not compared: they change when a machine starts anew."""
    return (one.inode, one.size_bytes, one.mtime_ns, one.ctime_ns) == (other.inode, other.size_bytes, other.mtime_ns, other.ctime_ns)


def look_at(paths: Iterable[str]) -> tuple[Source, ...]:
    """Return files as they are now, once the clock has gone past their times of change.

    Raises:
        UntracedError: If one is no file of this machine, or changes now.
    """
    found = []
    for path in dict.fromkeys(paths):
        real = resolved(path)
        if is_url(real):
            raise UntracedError(f"{real} is read from a store while the cache is made, so that nobody can tell which bytes it held")
        try:
            identity = FileIdentity.of(os.lstat(real))
            if not is_settled(identity, time.time_ns()):
                time.sleep(COARSE_GRAIN_NS / 1e9 if identity.ctime_ns % 1_000_000_000 == 0 else 0.06)
                identity = FileIdentity.of(os.lstat(real))
        except OSError as err:
            raise UntracedError(f"{real} cannot be read: {err.strerror}") from err
        if not is_settled(identity, time.time_ns()):
            raise UntracedError(f"{real} changes while it is read")
        found.append(Source(path=real, identity=identity))
    return tuple(found)


def keep_notes() -> None:
    """Have the ``datasets`` package note what it makes caches from, from now on. Once is enough."""
    from datasets import Dataset, DatasetBuilder

    if getattr(DatasetBuilder._download_and_prepare, "keeps_notes", False):  # noqa: SLF001 – the one place that runs when a cache is made and not when it is found
        return
    prepare, mapped = DatasetBuilder._download_and_prepare, Dataset.map  # noqa: SLF001 – as above

    @functools.wraps(prepare)
    def prepare_and_note(self: Any, *args: Any, **kwargs: Any) -> Any:
        sources: tuple[Source, ...] = ()
        with suppress(UntracedError):
            if is_file_builder(type(self)):  # what the code of another builder reads, nobody knows
                sources = look_at(data_files_of(self))
        result = prepare(self, *args, **kwargs)
        with suppress(UntracedError, OSError, ValueError):
            folder = Path(str(self._output_dir))
            hashed = tuple(replace(source, sha256=hash_file(source.path)[0]) for source in sources)
            if sources and sources == look_at(data_files_of(self)):  # resolved again: a link may have been turned meanwhile
                note_caches(map(str, sorted(folder.glob("*.arrow"))), hashed, note=folder / FOLDER_NOTE)
        return result

    @functools.wraps(mapped)
    def map_and_note(self: Any, *args: Any, **kwargs: Any) -> Any:
        began_ns = time.time_ns()
        result = mapped(self, *args, **kwargs)
        with suppress(UntracedError, OSError, ValueError):
            _note_mapped(self, result, began_ns)
        return result

    prepare_and_note.keeps_notes = True  # type: ignore[attr-defined]  # tells that this was done already
    DatasetBuilder._download_and_prepare = prepare_and_note  # noqa: SLF001 – as above
    Dataset.map = map_and_note


def data_files_of(builder: Any) -> list[str]:
    """Return every file that a builder of the package's own reads, none where it takes its rows from elsewhere."""
    files = getattr(builder.config, "data_files", None) or {}
    return [str(path) for split in files.values() for path in split]


def arrow_files(dataset: Any) -> list[str]:
    """Return the files that a map-style dataset's rows are mapped from, resolved; those of its index order are none of them.

    Raises:
        UntracedError: If some rows lie in memory.
    """
    return [os.path.realpath(path) for path in _mapped_paths(dataset.data)]


def _mapped_paths(table: Any) -> Iterator[str]:
    from datasets.table import ConcatenationTable, MemoryMappedTable

    if isinstance(table, ConcatenationTable):
        for row in table.blocks:
            for block in row:
                yield from _mapped_paths(block)
    elif isinstance(table, MemoryMappedTable):
        yield str(table.path)
    elif table.num_rows:
        raise UntracedError(MEMORY)


def _note_mapped(parent: Any, result: Any, began_ns: int) -> None:
    """Note the files that a call of ``map`` wrote. What it found in a cache of before keeps the note that was written then."""
    known = set(arrow_files(parent))
    made = [path for path in arrow_files(result) if path not in known and FileIdentity.of(os.lstat(path)).ctime_ns > began_ns - COARSE_GRAIN_NS // 40]
    if not made:
        return
    sources = tuple(source for path in known for source in sources_of_table_file(path))
    for path in made:
        beside = (Path(path).parent / FOLDER_NOTE).exists()  # never into a data root, where it would be a file that was not cleared
        note_caches([path], sources, note=Path(path + FILE_NOTE_SUFFIX) if beside else None)


def sources_of_table_file(path: str) -> tuple[Source, ...]:
    """Return what a file behind a table was made from: what its note says, or itself."""
    try:
        return sources_of_cache(path)
    except UntracedError:
        return look_at([path])


def is_file_builder(kind: type) -> bool:
    """Tell whether a builder is the package's own for a kind of files: the code of any other may read anything."""
    module = kind.__module__.split(".")
    return module[:2] == ["datasets", "packaged_modules"] and bool(FILE_BUILDERS & set(module[2:]))
