"""Find the files of a dataset below the data roots, and describe each: digest, size, records, words."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import fsspec

from provenance.errors import ManifestError, NoFilesError, ShardDigestMismatchError, ShardReadError
from provenance.fingerprint.digest import BLOCK_BYTES, hash_file
from provenance.fingerprint.tokens import count_words
from provenance.ingest.files import is_url, open_binary
from provenance.ingest.megatron import BIN_ENDING, INDEX_ENDING
from provenance.ingest.patterns import PatternFinder
from provenance.ingest.reader import Reader, format_of
from provenance.ingest.record_licenses import RecordLicenses
from provenance.model.dataset import Shard, Tokenizer


class FileListing:
    """Implements ``ports.ShardListing`` over named folders and fsspec URLs."""

    def __init__(self, roots: Mapping[str, Path], reader: Reader | None = None) -> None:
        """Take the data roots.

        Args:
            roots: Name → folder, absolute.
            reader: Opens the shards; a fresh one where none is given.
        """
        self._roots = dict(roots)
        self._reader = reader or Reader()

    def expand(self, patterns: Sequence[str], *, root: str) -> list[str]:
        """Return the files that glob patterns, folders or fsspec URLs name, relative to the root's folder, sorted, each once.

        ``*`` and ``?`` match within a folder, ``**`` across folders; hidden files must be named as such. A folder stands for all files below it that
        end like data files; ``left_out`` lists the others. A Megatron ``.bin`` brings its ``.idx`` along, and the other way round.

        Raises:
            NoFilesError: If a pattern matches nothing.
            ManifestError: If a pattern leads out of the declared roots, or the root is not known or not there.
        """
        finder = self._finder(root)
        found: set[str] = set()
        for pattern in patterns:
            matched = _expand_url(pattern) if is_url(pattern) else list(finder.find(pattern))
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
        """
        finder = self._finder(root)
        return sorted({path for pattern in patterns if not is_url(pattern) for path in finder.left_out(pattern)})

    def locate(self, path: str, *, root: str) -> str:
        """Return where a shard's bytes are: its URL, or its absolute path.

        Raises:
            ManifestError: If the root is not known.
        """
        return path if is_url(path) else str(self._folder(root) / path)

    def digest(self, path: str, *, root: str) -> tuple[str, int]:
        """Return (``sha256:<hex>``, size in bytes) of a file as it is now, without reading its records.

        Raises:
            ManifestError: If the root is not known.
            ShardReadError: If it is not there or cannot be read.
        """
        return _hash(self.locate(path, root=root))

    def size(self, path: str, *, root: str) -> int:
        """Return a file's size in bytes, 0 where it cannot be told without reading it.

        Raises:
            ManifestError: If the root is not known.
        """
        location = self.locate(path, root=root)
        try:
            return 0 if is_url(location) else Path(location).stat().st_size
        except OSError:
            return 0

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
        before = _stamp(location)
        digest, size_bytes = _hash(location)
        licenses = RecordLicenses(self._reader.open(location, text_field=license_field)) if license_field is not None else None
        words = sum(count_words(batch.data, batch.offsets) if licenses is None else licenses.add_words(batch) for batch in stream)
        if _stamp(location) != before:
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

    def _beside(self, path: str, *, root: str) -> Iterator[str]:
        """Yield the other half of a Megatron pair, where it is there: neither can be read or held against its digest alone."""
        for ending, other in ((BIN_ENDING, INDEX_ENDING), (INDEX_ENDING, BIN_ENDING)):
            pair = path.removesuffix(ending) + other
            if path.endswith(ending) and not is_url(path) and (self._folder(root) / pair).is_file():
                yield from self._finder(root).find(glob.escape(pair))

    def _folder(self, root: str) -> Path:
        if root not in self._roots:
            raise ManifestError(f"no data root is named {root!r}", hint=f"known roots: {', '.join(self._roots) or 'none'}")
        return self._roots[root]

    def _finder(self, root: str) -> PatternFinder:
        folder = self._folder(root)
        if not folder.is_dir():
            raise ManifestError(f"{folder}: the folder of data root {root!r} is not there", hint="make it, or mend [roots] in the settings")
        return PatternFinder(folder, inside=list(self._roots.values()), is_data=lambda name: format_of(name) is not None)


def _expand_url(pattern: str) -> list[str]:
    try:
        files = fsspec.open_files(pattern, "rb", expand=True)
        urls = [file.fs.unstrip_protocol(file.path) for file in files if file.fs.exists(file.path)]
    except (OSError, ValueError, ImportError) as err:
        raise ManifestError(
            f"{pattern}: cannot be listed: {err}", hint="check the URL, its credentials, and that its fsspec package is installed"
        ) from err
    return [str(url) for url in urls]


def _stamp(location: str) -> tuple[int, int, int] | None:
    """Return what shows that a local file was written to: size, modification time, inode; ``None`` for a URL, whose store may tell none of them."""
    if is_url(location):
        return None
    try:
        stat = Path(location).stat()
    except OSError as err:
        raise ShardReadError(f"{location}: cannot be read: {err.strerror}") from err
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _hash(location: str) -> tuple[str, int]:
    try:
        if not is_url(location):
            return hash_file(location)
        state, size = hashlib.sha256(), 0
        with open_binary(location) as file:
            while block := file.read(BLOCK_BYTES):
                state.update(block)
                size += len(block)
    except OSError as err:
        raise ShardReadError(f"{location}: cannot be read: {err.strerror or err}") from err
    return f"sha256:{state.hexdigest()}", size
