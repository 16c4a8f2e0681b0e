"""Find the files of a dataset below the data roots, and describe each: digest, size, records, words."""

from __future__ import annotations

import glob
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from provenance.canonical import canonical_bytes
from provenance.errors import ManifestError, NoFilesError, ShardDigestMismatchError, ShardReadError, StoreError
from provenance.fingerprint.digest import hash_file, hash_stream
from provenance.fingerprint.tokens import count_words
from provenance.ingest.files import open_binary
from provenance.ingest.megatron import BIN_ENDING, INDEX_ENDING
from provenance.ingest.patterns import PatternFinder
from provenance.ingest.reader import Reader, format_of
from provenance.ingest.record_licenses import RecordLicenses
from provenance.ingest.remote import RemoteFinder, split_pattern
from provenance.model.dataset import Shard, Tokenizer
from provenance.ports import TextBatch
from provenance.storage.stores import Stamp
from provenance.storage.urls import Place, below, is_file_url, is_url, join, local_path, parse_url

_SETTLED_NS = 2_000_000_000
"""How long ago a file must have been written for its times to tell it from what it will be."""


class _Finder(Protocol):
    def find(self, pattern: str) -> Iterator[str]: ...

    def left_out(self, pattern: str) -> Iterator[str]: ...


class FileListing:
    """Implements ``ports.ShardListing`` over named folders and URLs."""

    def __init__(self, roots: Mapping[str, Place], reader: Reader | None = None) -> None:
        """Take the data roots.

        Args:
            roots: Name → absolute folder or URL.
            reader: Opens the shards, and the stores; a fresh one where none is given.
        """
        self._roots = dict(roots)
        self._reader = reader or Reader()
        self._stores = self._reader.stores

    def expand(self, patterns: Sequence[str], *, root: str, passed_over: list[ManifestError] | None = None) -> list[str]:
        """Return the files that glob patterns, folders or URLs name, relative to the root, sorted, each once; as URLs what does not lie below a root that is one.

        ``*`` and ``?`` match within a folder, ``**`` across folders; hidden files must be named as such. A folder stands for all files below it that
        end like data files; ``left_out`` lists the others. A Megatron ``.bin`` brings its ``.idx`` along, and the other way round.

        Args:
            patterns: What is looked for.
            root: Name of the data root.
            passed_over: Takes the error of each file that cannot be named or leads out of the roots; without it the first one is raised.

        Raises:
            NoFilesError: If a pattern matches nothing.
            ManifestError: If a pattern leads out of the declared roots, or the root is not known or not there.
            LocationError: If a URL cannot be used.
            StoreError: If a store cannot be listed.
        """
        finder = self._finder(root, passed_over)
        found: set[str] = set()
        for pattern in patterns:
            matched = list(self._find(self._relative(pattern, root), finder))
            if not matched:
                raise NoFilesError(
                    f"{pattern!r} names no data file under {self._roots[root]}", hint="check the pattern, and that the data root is the right folder"
                )
            found.update(matched)
            found.update(path for name in matched for path in self._beside(name, root=root))
        return sorted(found)

    def left_out(self, patterns: Sequence[str], *, root: str) -> list[str]:
        """Return the files below the named folders that ``expand`` passes over because no reader knows their names' endings.

        Raises:
            ManifestError: As ``expand``.
            LocationError: As ``expand``.
            StoreError: As ``expand``.
        """
        finder = self._finder(root)
        given = [self._relative(pattern, root) for pattern in patterns]
        return sorted({path for pattern in given if not is_url(pattern) for path in finder.left_out(pattern)})

    def locate(self, path: str, *, root: str) -> str:
        """Return where a shard's bytes are: its URL, or its absolute path.

        Raises:
            ManifestError: If the root is not known.
        """
        if is_url(path):
            return path
        place = self._place(root)
        return str(place / path) if isinstance(place, Path) else join(place, path)

    def digest(self, path: str, *, root: str) -> tuple[str, int]:
        """Return (``sha256:<hex>``, size in bytes) of a file as it is now, without reading its records.

        Raises:
            ManifestError: If the root is not known.
            ShardReadError: If it is not there or cannot be read.
            ShardDigestMismatchError: If it changed while it was read.
        """
        return self._hash(self.locate(path, root=root))

    def size(self, path: str, *, root: str) -> int:
        """Return a file's size in bytes, 0 where it cannot be told without reading it.

        Raises:
            ManifestError: If the root is not known.
        """
        location = self.locate(path, root=root)
        try:
            return (self._stores.stamp(parse_url(location)).size_bytes or 0) if is_url(location) else Path(location).stat().st_size
        except (OSError, StoreError):
            return 0

    def stamp(self, path: str, *, root: str) -> str:
        """Return place, size, times and inode of a local file, or what its store tells; empty where that may not tell it from what it will be.

        That is so of a file written in the last two seconds: the clocks of file systems are coarse, and it may be written again within the same tick. The time
        at which its inode was changed counts, which no program can set back. Of a Megatron pair both files count, since each is read by the other.
        """
        try:
            beside = sorted({path, *self._beside(path, root=root)})
            told = [self._told(self.locate(each, root=root)) for each in beside]
        except (OSError, StoreError, ManifestError):
            return ""
        return "" if [] in told else canonical_bytes(told).decode()

    def describe(
        self, path: str, *, root: str, text_field: str | None = None, tokenizer: Tokenizer | None = None, license_field: str | None = None
    ) -> Shard:
        """Hash and count a file, which is read twice: its bytes for the digest, its records for the counts; a third time for the licences of records.

        Raises:
            ManifestError: If the root is not known.
            ShardReadError: If nothing of it can be read.
            ShardDigestMismatchError: If it changed between the two.
        """
        location = self.locate(path, root=root)
        stream = self._reader.open(location, text_field=text_field, tokenizer=tokenizer)
        before = self._stamp(location)
        digest, size_bytes = self._hash(location)
        licenses = RecordLicenses(self._stated(location, license_field)) if license_field is not None else None
        words = sum(count_words(batch.data, batch.offsets) if licenses is None else licenses.add_words(batch) for batch in stream)
        if self._stamp(location) != before:
            raise ShardDigestMismatchError(f"{location}: changed while it was read", hint="register it again once nothing writes to it")
        return Shard(
            path=path,
            root=root,
            sha256=digest,
            size_bytes=size_bytes,
            records=stream.records,
            words=words,
            format=stream.format,
            unread_records=stream.unread,
            licenses=() if licenses is None else licenses.parts(stream.records),
        )

    def _stated(self, location: str, license_field: str) -> Iterator[TextBatch]:
        """Yield the licences that records name; nothing where no record does, so that all of them count as not stated."""
        try:
            yield from self._reader.open(location, text_field=license_field)
        except ShardReadError:
            return  # what cannot be read at all is told by whoever reads the texts

    def _find(self, pattern: str, finder: _Finder) -> Iterator[str]:
        """Yield what a pattern names; a URL that is left lies below no root."""
        if not is_url(pattern):
            yield from finder.find(pattern)
            return
        base, rest = split_pattern(pattern)
        for path in RemoteFinder(base, self._stores, _is_data).find(rest):
            yield join(base, path)

    def _relative(self, pattern: str, root: str) -> str:
        """Return a pattern relative to its root, where that can be told; else a URL as it is kept."""
        place = self._place(root)
        if is_file_url(pattern):
            return local_path(pattern)
        if not is_url(pattern):
            return pattern
        url = parse_url(pattern)
        inside = None if isinstance(place, Path) else below(url, place)
        return url if inside is None else inside or "."

    def _beside(self, path: str, *, root: str) -> Iterator[str]:
        """Yield the other half of a Megatron pair, where it is there: neither can be read or held against its digest alone."""
        folder = self._place(root)
        for ending, other in ((BIN_ENDING, INDEX_ENDING), (INDEX_ENDING, BIN_ENDING)):
            pair = path.removesuffix(ending) + other
            if path.endswith(ending) and isinstance(folder, Path) and not is_url(path) and (folder / pair).is_file():
                yield from self._finder(root).find(glob.escape(pair))

    def _place(self, root: str) -> Place:
        if root not in self._roots:
            raise ManifestError(f"no data root is named {root!r}", hint=f"known roots: {', '.join(self._roots) or 'none'}")
        return self._roots[root]

    def _finder(self, root: str, passed_over: list[ManifestError] | None = None) -> _Finder:
        place = self._place(root)
        if not isinstance(place, Path):
            return RemoteFinder(place, self._stores, _is_data)
        if not place.is_dir():
            raise ManifestError(f"{place}: the folder of data root {root!r} is not there", hint="make it, or mend [roots] in the settings")
        inside = [p for p in self._roots.values() if isinstance(p, Path)]
        return PatternFinder(place, inside=inside, is_data=_is_data, passed_over=passed_over)

    def _stamp(self, location: str) -> Stamp | tuple[int, int, int, int]:
        """Return what shows that a file was written to: what its store tells; of a local one size, times of modification and of change, inode."""
        if is_url(location):
            return self._stores.stamp(parse_url(location))
        try:
            stat = Path(location).stat()
        except OSError as err:
            raise ShardReadError(f"{location}: cannot be read: {err.strerror}") from err
        return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino  # the time of change cannot be set back

    def _told(self, location: str) -> list[str]:
        """Return what is told of one file; nothing where that is not enough."""
        if is_url(location):
            told = self._stores.stamp(parse_url(location))
            return [location, str(told.size_bytes), *(f"{name}={value}" for name, value in told.marks)] if told.marks else []
        stat = Path(location).stat()
        if max(stat.st_ctime_ns, stat.st_mtime_ns) > time.time_ns() - _SETTLED_NS:
            return []
        return [location, *map(str, (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev))]

    def _hash(self, location: str) -> tuple[str, int]:
        try:
            if not is_url(location):
                return hash_file(location)
            with open_binary(location, self._stores) as file:
                return hash_stream(file)
        except OSError as err:
            raise ShardReadError(f"{location}: cannot be read: {err.strerror or err}") from err


def _is_data(name: str) -> bool:
    return format_of(name) is not None
