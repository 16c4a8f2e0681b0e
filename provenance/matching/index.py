"""Reference sets on disk: immutable segments and a manifest; one writer, many readers, atomic publish.

A writer builds a segment in a temporary folder, syncs it, renames it into place, and only then replaces the manifest. A reader sees the manifest from
before or after, never between; a kill at any moment loses at most the segment in hand.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from provenance.canonical import digest_bytes, digest_of
from provenance.errors import ReferenceIndexError, SchemeMismatchError
from provenance.fingerprint.digest import hash_file
from provenance.fingerprint.tokens import SCHEME as TOKEN_SCHEME
from provenance.matching.build import Draft, encode, write_segment
from provenance.matching.manifest import SetManifest, read_manifest, set_digest, sync_folder, write_manifest
from provenance.matching.pack import PackSegment
from provenance.matching.params import IndexParams, choose_rate
from provenance.matching.segment import TextSegment
from provenance.matching.stored import Segment, SegmentEntry
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.wire import to_wire
from provenance.ports import ReferenceText

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
SEGMENT_TEXT_BYTES = 100_000_000
"""A segment is published once it holds this much text, so that memory stays bounded and a kill loses little. Of English these are four million seeds, one in
four windows: a little less than a power of two, so that neither filter nor table is half empty."""

_CHARACTERS_A_WORD = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInfo:
    """A reference set as listed."""

    name: str
    digest: str
    kind: ReferenceKind
    references: int
    words: int
    segments: int
    scheme: str
    """Schemes of its segments, comma-separated."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentInfo:
    """What adding references did."""

    segments: tuple[str, ...]
    """Digests of the new segments; empty where every reference was there already."""
    references: int
    words: int
    skipped: int
    """References that the set held already, with the same text."""


OpenSegment = TextSegment | PackSegment


class OpenIndex:
    """Sets opened for reading, in the order given."""

    def __init__(self, sets: Sequence[tuple[SetManifest, tuple[OpenSegment, ...]]]) -> None:
        """Keep the open segments."""
        self.sets = tuple(sets)
        self.segments: tuple[OpenSegment, ...] = tuple(s for _, segments in sets for s in segments)

    @property
    def digests(self) -> tuple[str, ...]:
        """Return one digest a set."""
        return tuple(set_digest(manifest) for manifest, _ in self.sets)

    @property
    def words(self) -> int:
        """Return the words of all sets together."""
        return sum(s.entry.words for s in self.segments)

    def find(self, set_name: str, reference: str) -> tuple[OpenSegment, int]:
        """Return the segment and number of a reference.

        Raises:
            ReferenceIndexError: If the set is not open or does not hold it.
        """
        for segment in self.segments:
            if segment.set_name != set_name:
                continue
            segment.check()
            if reference in segment.by_id:
                return segment, segment.by_id[reference]
        raise ReferenceIndexError(f"reference set {set_name!r} holds no reference {reference!r}")


class ReferenceStore:
    """A folder of reference sets."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made when something is added."""
        self.folder = folder

    def sets(self) -> list[SetInfo]:
        """Return what sets there are, by name."""
        if not self.folder.is_dir():
            return []
        return [self.show(p.name) for p in sorted(self.folder.iterdir()) if (p / "manifest.json").is_file()]

    def show(self, name: str) -> SetInfo:
        """Return one set.

        Raises:
            ReferenceIndexError: If there is none of this name, or its manifest is damaged.
        """
        manifest = self._manifest(name)
        return SetInfo(
            name=name,
            digest=set_digest(manifest),
            kind=manifest.kind,
            references=sum(s.references for s in manifest.segments),
            words=sum(s.words for s in manifest.segments),
            segments=len(manifest.segments),
            scheme=",".join(sorted({s.scheme for s in manifest.segments})),
            size_bytes=sum(f.size_bytes for s in manifest.segments for f in s.files),
        )

    def references(self, name: str) -> Iterator[ReferenceRecord]:
        """Yield the records of a set in the order they were added."""
        for segment in self.open([name]).segments:
            segment.check()
            for ref in range(segment.entry.references):
                yield segment.record(ref)

    def add(self, name: str, references: Iterable[ReferenceText], *, kind: ReferenceKind, one_in: int | None = None) -> SegmentInfo:
        """Append references to a set, which is made if it is new and there is at least one.

        Args:
            name: Of the set: letters, digits, dots, dashes and underscores.
            references: Consumed once; texts of about 128 MB at a time are held in memory.
            kind: What the set holds.
            one_in: Every how many windows of a reference is a seed; by default chosen from the size.

        Raises:
            ReferenceIndexError: If the set is of another kind, an id is there already with another text, another writer is at work, or the disk refuses.
        """
        with self._writing(name, kind) as (folder, manifest):
            return self._append(folder, manifest, references, one_in)

    @contextmanager
    def _writing(self, name: str, kind: ReferenceKind) -> Iterator[tuple[Path, SetManifest]]:
        """Give the folder and manifest of a set of this kind to its only writer."""
        folder = self._set_folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        with _writer_lock(folder):
            has_manifest = (folder / "manifest.json").exists()
            manifest = self._manifest(name) if has_manifest else SetManifest(name=name, kind=kind)
            if manifest.kind is not kind:
                raise ReferenceIndexError(f"reference set {name!r} is of kind {manifest.kind.value}, got {kind.value}", hint="use another set name")
            _sweep(folder, {_folder_name(s) for s in manifest.segments} if has_manifest else None)
            yield folder, manifest

    def adopt(self, name: str, parts: Sequence[tuple[SegmentEntry, Callable[[Path], SegmentEntry]]], *, kind: ReferenceKind) -> SegmentInfo:
        """Append segments that were built elsewhere, each whole; those that the set has already are skipped.

        Args:
            name: Of the set.
            parts: What each segment is said to be, and what writes its files into an empty folder, checked.
            kind: What the set holds.

        Raises:
            ReferenceIndexError: If the set is of another kind, an id is there already, another writer is at work, or a part is not what it is said to be.
        """
        with self._writing(name, kind) as (folder, manifest):
            held = {s.digest for s in manifest.segments}
            known = set(_known_texts(self._open_set(manifest)[1]))
            published, skipped = manifest, 0
            for entry, write in parts:
                if entry.digest in held:
                    skipped += entry.references
                else:
                    published = _publish(folder, published, partial(_write_new, write=write, known=known, name=name))
            return _added(published, len(manifest.segments), skipped)

    def _append(self, folder: Path, manifest: SetManifest, references: Iterable[ReferenceText], one_in: int | None) -> SegmentInfo:
        name = manifest.name
        known = _known_texts(self._open_set(manifest)[1])
        before, skipped = len(manifest.segments), 0
        held = sum(s.words for s in manifest.segments)
        for draft, repeats in _drafts(references, known, name):
            skipped += repeats
            if draft.records:
                expected = held + sum(map(len, draft.texts)) // _CHARACTERS_A_WORD
                params = IndexParams(tokens=TOKEN_SCHEME, one_in=one_in or choose_rate(expected, manifest.kind))
                manifest = _publish(folder, manifest, partial(write_segment, draft=draft, params=params))
                held += manifest.segments[-1].words
        return _added(manifest, before, skipped)

    def verify(self, name: str) -> list[str]:
        """Digest every file of a set again and return what is wrong, one sentence each; an empty list means nothing is."""
        manifest, faults = self._manifest(name), []
        for segment in manifest.segments:
            if digest_of({"params": to_wire(segment.params), "files": to_wire(segment.files)}) != segment.digest:
                faults.append(f"{name}: the manifest's entry of segment {segment.digest} does not give that digest")
            for file in segment.files:
                path = self._segment_folder(name, segment) / file.name
                try:
                    found = hash_file(path)
                except OSError as err:
                    faults.append(f"{path}: cannot be read: {err.strerror}")
                    continue
                if found != (file.sha256, file.size_bytes):
                    faults.append(f"{path}: damaged: expected {file.sha256}, got {found[0]}")
        return faults

    def remove(self, name: str) -> None:
        """Delete a set. Scans that are under way keep what they mapped.

        Raises:
            ReferenceIndexError: If there is none, or a writer is at work.
        """
        folder = self._set_folder(name)
        self._require(name)
        with _writer_lock(folder):
            (folder / "manifest.json").unlink(missing_ok=True)
            shutil.rmtree(folder)

    def open(self, names: Sequence[str]) -> OpenIndex:
        """Open sets for reading.

        Raises:
            ReferenceIndexError: If one is missing or damaged.
            SchemeMismatchError: If one was built by another tokeniser.
        """
        if not names:
            raise ReferenceIndexError("no reference set was named", hint="name one of: " + (", ".join(s.name for s in self.sets()) or "none yet"))
        return OpenIndex([self._open_set(self._manifest(name)) for name in names])

    def _open_set(self, manifest: SetManifest) -> tuple[SetManifest, tuple[OpenSegment, ...]]:
        for entry in manifest.segments:
            if entry.params.tokens != TOKEN_SCHEME:
                raise SchemeMismatchError(
                    f"reference set {manifest.name!r} was indexed as {entry.params.tokens}, this version reads {TOKEN_SCHEME}",
                    hint="remove the set and add its references again",
                )
        return manifest, tuple(_open_segment(self._segment_folder(manifest.name, e), e, manifest.name) for e in manifest.segments)

    def _set_folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ReferenceIndexError(f"{name!r} cannot name a reference set", hint="use letters, digits, dots, dashes and underscores")
        return self.folder / name

    def _segment_folder(self, name: str, entry: SegmentEntry) -> Path:
        return self._set_folder(name) / "segments" / _folder_name(entry)

    def _require(self, name: str) -> Path:
        path = self._set_folder(name) / "manifest.json"
        if not path.is_file():
            raise self._no_set(name)
        return path

    def _no_set(self, name: str) -> ReferenceIndexError:
        known = [p.parent.name for p in sorted(self.folder.glob("*/manifest.json"))]
        return ReferenceIndexError(f"there is no reference set {name!r} in {self.folder}", hint=f"known sets: {', '.join(known) or 'none'}")

    def _manifest(self, name: str) -> SetManifest:
        path = self._require(name)
        try:
            raw = path.read_bytes()
        except FileNotFoundError as err:  # removed a moment ago
            raise self._no_set(name) from err
        except OSError as err:
            raise ReferenceIndexError(f"{path}: damaged: {err}", hint="remove the set and add it again") from err
        return read_manifest(raw, path)


def _open_segment(folder: Path, entry: SegmentEntry, set_name: str) -> OpenSegment:
    return PackSegment(folder, entry, set_name=set_name) if entry.pack else TextSegment(folder, entry, set_name=set_name)


def _known_texts(segments: Sequence[Segment]) -> dict[str, str]:
    known: dict[str, str] = {}
    for segment in segments:
        known.update(
            (str(i), str(d)) for i, d in zip(segment.texts.column("id").to_pylist(), segment.texts.column("sha256").to_pylist(), strict=True)
        )
    return known


def _added(manifest: SetManifest, before: int, skipped: int) -> SegmentInfo:
    new = manifest.segments[before:]
    return SegmentInfo(
        segments=tuple(s.digest for s in new), references=sum(s.references for s in new), words=sum(s.words for s in new), skipped=skipped
    )


def _write_new(folder: Path, *, write: Callable[[Path], SegmentEntry], known: set[str], name: str) -> SegmentEntry:
    """Write a segment of which no reference is known yet."""
    entry = write(folder)
    for reference in _open_segment(folder, entry, name).by_id:
        if reference in known:
            raise ReferenceIndexError(f"reference {reference!r} is in set {name!r} already", hint="use another set name")
        known.add(reference)
    return entry


def _drafts(references: Iterable[ReferenceText], known: dict[str, str], name: str) -> Iterator[tuple[Draft, int]]:
    """Yield what is new in portions, each with how many repeats were met on the way."""
    records: list[ReferenceRecord] = []
    texts: list[str] = []
    digests: list[str] = []
    size = repeats = 0
    for reference in references:
        digest = digest_bytes(encode(reference.text))
        before = known.get(reference.record.id)
        if before is not None and before != digest:
            raise ReferenceIndexError(
                f"reference {reference.record.id!r} is in set {name!r} already, with another text", hint="give it another id, or remove the set first"
            )
        if before is not None:
            repeats += 1
            continue
        known[reference.record.id] = digest
        records.append(reference.record)
        texts.append(reference.text)
        digests.append(digest)
        size += len(reference.text)
        if size >= SEGMENT_TEXT_BYTES:
            yield Draft(records, texts, digests), repeats
            records, texts, digests, size, repeats = [], [], [], 0, 0
    yield Draft(records, texts, digests), repeats


def _publish(folder: Path, manifest: SetManifest, write: Callable[[Path], SegmentEntry]) -> SetManifest:
    """Write a segment and the manifest that names it, in this order."""
    home = folder / "segments"
    home.mkdir(exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".tmp-", dir=home))
    entry = write(temporary)
    target = home / _folder_name(entry)
    if target.exists():  # a segment of the same bytes that no manifest names: left by a writer that was killed before publishing
        shutil.rmtree(target)
    temporary.rename(target)
    sync_folder(target)
    sync_folder(home)
    published = SetManifest(name=manifest.name, kind=manifest.kind, segments=(*manifest.segments, entry))
    write_manifest(folder, published)
    return published


def _folder_name(entry: SegmentEntry) -> str:
    return entry.digest.removeprefix("sha256:")


def _sweep(folder: Path, named: set[str] | None) -> None:
    """Remove what a killed writer left behind: what is half written, and segments that the manifest does not name. Only under the writer's lock.

    Where the manifest is lost (``named`` is ``None``), segments stay: they may be all that is left of a set.
    """
    left_behind = [*folder.glob(".tmp-*"), *folder.glob("segments/.tmp-*")]
    for left in [*left_behind, *(p for p in folder.glob("segments/[!.]*") if named is not None and p.name not in named)]:
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


@contextmanager
def _writer_lock(folder: Path) -> Iterator[None]:
    lock = folder / "lock"
    try:
        file = lock.open("ab")
    except OSError as err:
        raise ReferenceIndexError(f"{lock}: cannot be opened: {err.strerror}", hint="check the folder and run the command again") from err
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_this = os.path.samestat(os.fstat(file.fileno()), lock.stat())
        except OSError as err:
            raise ReferenceIndexError(f"{folder}: another process is writing this reference set", hint="wait until it has finished") from err
        if not is_this:  # removed with its set, and made anew by a second writer
            raise ReferenceIndexError(f"{folder}: another process has just removed this reference set", hint="run the command again")
        yield
