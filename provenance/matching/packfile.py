"""Reference packs as files: one zip archive, nothing in it compressed, the same bytes for the same set and rate (docs/formats/pack.md).

``pack.json`` comes first and says everything: format and version, kind, and of each part its parameters, counts, and the digest and size of every file.
What is read comes from other hands: only files that the header names are taken, of the size and digest it gives, and their arrays are checked before any kernel sees them.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from provenance.canonical import canonical_bytes, digest_of
from provenance.errors import ReferenceIndexError, SchemeMismatchError, WireFormatError
from provenance.fingerprint.digest import hash_file
from provenance.fingerprint.tokens import SCHEME as TOKEN_SCHEME
from provenance.matching.index import ReferenceStore, SegmentInfo
from provenance.matching.pack import (
    ARRAYS,
    ONE_IN,
    RECORDS_NAME,
    WITHHELD,
    PackSegment,
    build_arrays,
    build_records,
    check_contents,
    count_unseen,
    pack_params,
)
from provenance.matching.params import IndexParams
from provenance.matching.segment import TextSegment
from provenance.matching.stored import FileEntry, SegmentEntry, segment_digest
from provenance.model.reference import ReferenceKind
from provenance.model.wire import read_value, to_wire

PACK_FORMAT, PACK_VERSION = "provenance.reference-pack", 1
PACK_SUFFIX = ".pack"
HEADER_NAME = "pack.json"
_LARGEST_HEADER_BYTES = 16 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Every entry of the archive bears the first day that zip knows: no clock reaches the bytes."""
_EXPLAINING = (ReferenceKind.BACKGROUND, ReferenceKind.LICENSE_TEXT)
_FILES = (*(f"{name}.npy" for name in ARRAYS), RECORDS_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackHeader:
    """What a pack says of itself."""

    name: str
    """The set that it was made of; a suggestion to who adds it."""
    kind: ReferenceKind
    parts: tuple[SegmentEntry, ...]
    unseen: int = 0
    """References too short for the rate: nothing in the pack finds them."""
    format: str = PACK_FORMAT
    version: int = PACK_VERSION

    @property
    def digest(self) -> str:
        """Return the digest of its content: of every parameter and every byte of the parts."""
        return digest_of({"format": self.format, "version": self.version, "kind": self.kind.value, "parts": [p.digest for p in self.parts]})

    @property
    def references(self) -> int:
        """Return how many references it holds."""
        return sum(p.references for p in self.parts)

    @property
    def words(self) -> int:
        """Return how many words their texts have."""
        return sum(p.words for p in self.parts)


def write_pack(store: ReferenceStore, name: str, target: Path, *, one_in: int = ONE_IN) -> PackHeader:
    """Write a reference set without its texts to a file, which appears under its name only when it is whole.

    Args:
        store: Where the set is.
        name: Of the set.
        target: The file.
        one_in: One in how many windows is kept: a power of two, 2 at least. More give away more.

    Raises:
        ReferenceIndexError: If there is no such set, it is damaged or holds no texts, the rate is refused, or the file cannot be written.

    Cost: one segment of about 128 MB of text at a time in memory.
    """
    index = store.open([name])
    ((manifest, segments),) = index.sets
    parts: list[SegmentEntry] = []
    unseen = 0
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            for number, segment in enumerate(segments):
                if not isinstance(segment, TextSegment):
                    raise ReferenceIndexError(f"reference set {name!r} holds a pack: {WITHHELD}", hint="hand on the pack itself, or add the texts")
                home = Path(folder) / str(number)
                home.mkdir()
                parts.append(_write_part(home, segment, one_in))
                unseen += count_unseen(PackSegment(home, parts[-1], set_name=name))
            header = PackHeader(name=name, kind=manifest.kind, parts=tuple(parts), unseen=unseen)
            _write_archive(Path(folder), header).replace(target)
    except OSError as err:
        raise ReferenceIndexError(f"{target}: cannot be written: {err.strerror or err}") from err
    return header


def _write_part(home: Path, segment: TextSegment, one_in: int) -> SegmentEntry:
    params = pack_params(segment.params, one_in)
    segment.check()
    for name, array in build_arrays(segment, one_in).items():
        with (home / f"{name}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)
    table = build_records(segment)
    with (home / RECORDS_NAME).open("wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    files = []
    for name in _FILES:
        sha256, size = hash_file(home / name)
        files.append(FileEntry(name=name, sha256=sha256, size_bytes=size))
    return SegmentEntry(
        digest=segment_digest(params, files),
        references=segment.entry.references,
        words=segment.entry.words,
        params=params,
        files=tuple(files),
        pack=True,
    )


def _write_archive(folder: Path, header: PackHeader) -> Path:
    path = folder / "whole"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr(_entry(HEADER_NAME), canonical_bytes({**to_wire(header), "digest": header.digest}) + b"\n")
        for number, part in enumerate(header.parts):
            for file in part.files:
                entry = _entry(f"{number}/{file.name}")
                entry.file_size = file.size_bytes
                with (folder / str(number) / file.name).open("rb") as source, archive.open(entry, "w", force_zip64=True) as sink:
                    shutil.copyfileobj(source, sink)
    return path


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    return entry


def is_pack(path: Path) -> bool:
    """Tell by its name whether a file is meant as a pack."""
    return path.suffix.lower() == PACK_SUFFIX


def read_header(path: Path) -> PackHeader:
    """Return what a pack says of itself.

    Raises:
        ReferenceIndexError: If it is no pack, of another version, or its header is damaged.
        SchemeMismatchError: If it was made by another tokeniser.
    """
    with _archive(path) as archive:
        return _read_header(archive, path)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as err:
        raise ReferenceIndexError(f"{path}: cannot be read: {err.strerror or err}") from err
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as err:
        raise ReferenceIndexError(
            f"{path}: not a reference pack: {err}", hint="fetch it again, or ask who made it: provenance reference pack"
        ) from err


def _read_header(archive: zipfile.ZipFile, path: Path) -> PackHeader:
    try:
        document = orjson.loads(b"".join(_stored(archive, HEADER_NAME, _LARGEST_HEADER_BYTES)))
    except orjson.JSONDecodeError as err:
        raise ReferenceIndexError(f"{path}: not a reference pack: {HEADER_NAME} is not JSON: {err}") from err
    if not isinstance(document, dict) or document.get("format") != PACK_FORMAT:
        raise ReferenceIndexError(f"{path}: not a reference pack")
    if document.get("version") != PACK_VERSION:
        raise ReferenceIndexError(f"{path}: pack version {document.get('version')!r}, this release reads {PACK_VERSION}")
    try:
        header = read_value(PackHeader, {k: v for k, v in document.items() if k != "digest"}, where=str(path))
    except WireFormatError as err:
        raise ReferenceIndexError(f"{path}: the pack's header is damaged: {err}") from err
    if document.get("digest") != header.digest:
        raise ReferenceIndexError(f"{path}: damaged: the header does not give its digest")
    for part in header.parts:
        _check_part(part, path)
    return header


def _check_part(part: SegmentEntry, path: Path) -> None:
    read = pack_params(IndexParams(tokens=TOKEN_SCHEME), part.params.one_in)
    if part.params != read:  # other rules cut other words: what they hashed would be found nowhere
        raise SchemeMismatchError(f"{path}: made as {part.params.name}, this version reads {read.name}", hint="ask for a pack of this version")
    if tuple(f.name for f in part.files) != _FILES or not part.pack or segment_digest(part.params, part.files) != part.digest:
        raise ReferenceIndexError(f"{path}: damaged: a part's entry does not give its digest, or lists other files than a pack has")


def _stored(archive: zipfile.ZipFile, name: str, largest: int) -> Iterator[bytes]:
    """Yield the bytes of an entry that is stored as it is and no longer than it may be.

    Raises:
        ReferenceIndexError: If it is not there, compressed, too long or damaged.
    """
    try:
        entry = archive.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > largest:
            raise ReferenceIndexError(f"{archive.filename}: not a reference pack: {name} is compressed or too large")
        with archive.open(entry) as file:
            while block := file.read(1 << 20):
                yield block
    except KeyError as err:
        raise ReferenceIndexError(f"{archive.filename}: not a reference pack: it has no {name}") from err
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as err:
        raise ReferenceIndexError(f"{archive.filename}: damaged: {name} cannot be read: {err}") from err


def add_pack(store: ReferenceStore, name: str, path: Path, *, kind: ReferenceKind | None = None) -> SegmentInfo:
    """Add a pack to a set, which is made if it is new. Parts that the set has already are skipped.

    Args:
        store: Where the set is, or will be.
        name: Of the set.
        path: The pack.
        kind: What the set holds; the pack must say the same. By default what the pack says; a pack that explains matches away must be asked for by its kind.

    Raises:
        ReferenceIndexError: If it is no pack, is damaged or of another kind, the set holds one of its references already, or the disk refuses.
        SchemeMismatchError: If it was made by another tokeniser.
    """
    with _archive(path) as archive:
        header = _read_header(archive, path)
        if kind not in (None, header.kind):
            raise ReferenceIndexError(f"{path}: the pack is of kind {header.kind}, got {kind}", hint="leave out --kind")
        parts: list[tuple[SegmentEntry, Callable[[Path], SegmentEntry]]] = [
            (part, partial(_extract, archive=archive, number=number, part=part, kind=header.kind)) for number, part in enumerate(header.parts)
        ]
        if kind is None and header.kind in _EXPLAINING:
            raise ReferenceIndexError(
                f"{path}: the pack is of kind {header.kind}, which explains matches away", hint=f"if you trust who made it, give --kind {header.kind}"
            )
        return store.adopt(name, parts, kind=header.kind)


def _extract(folder: Path, *, archive: zipfile.ZipFile, number: int, part: SegmentEntry, kind: ReferenceKind) -> SegmentEntry:
    """Write a part's files into a folder, and check them."""
    try:
        for file in part.files:
            with (folder / file.name).open("wb") as sink:
                sink.writelines(_stored(archive, f"{number}/{file.name}", file.size_bytes))
    except OSError as err:
        raise ReferenceIndexError(f"{folder}: cannot be written: {err.strerror or err}") from err
    segment = PackSegment(folder, part, set_name="")
    segment.check()
    check_contents(segment)
    if len(segment.by_id) != part.references:
        raise ReferenceIndexError(f"{archive.filename}: the pack gives one id to two references")
    for ref in range(part.references):
        record = segment.read_record(ref)
        if record.kind is not kind or record.prompt is not None:
            raise ReferenceIndexError(
                f"{archive.filename}: reference {record.id!r} is of kind {record.kind}, or has a prompt, in a pack of kind {kind}"
            )
    return part
