"""The manifest of a reference set: the one file that says what it consists of, replaced whole."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import orjson

from provenance.canonical import canonical_bytes, digest_bytes, digest_of
from provenance.errors import ReferenceIndexError, WireFormatError
from provenance.matching.params import INDEX_FORMAT, INDEX_VERSION
from provenance.matching.stored import ADD_AGAIN, SegmentEntry
from provenance.model.reference import ReferenceKind
from provenance.model.wire import read_value, to_wire

_AGAIN = "provenance reference remove NAME, then provenance reference add NAME with its files"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetManifest:
    """The file that says what a set consists of."""

    name: str
    kind: ReferenceKind
    segments: tuple[SegmentEntry, ...] = ()
    format: str = INDEX_FORMAT
    version: int = INDEX_VERSION


def set_digest(manifest: SetManifest) -> str:
    """Return the digest of a set: of its kind and its segments' digests."""
    return digest_of({"kind": manifest.kind.value, "segments": [s.digest for s in manifest.segments]})


def read_manifest(raw: bytes, path: Path) -> SetManifest:
    """Return a set's manifest.

    Args:
        raw: The bytes of its file.
        path: The file, for messages.

    Raises:
        ReferenceIndexError: If it is damaged, or of another version.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as err:
        raise ReferenceIndexError(f"{path}: damaged: {err}", hint=ADD_AGAIN) from err
    if not isinstance(document, dict) or document.get("format") != INDEX_FORMAT:
        raise ReferenceIndexError(f"{path}: not a reference index")
    version = document.get("version")
    if version != INDEX_VERSION:
        older = isinstance(version, int) and version < INDEX_VERSION
        made = "made by an older version: remove and add again" if older else "made by a newer version: read it with that"
        raise ReferenceIndexError(f"{path}: index version {version!r}, this release reads {INDEX_VERSION}; {made}", hint=_AGAIN if older else None)
    body = {k: v for k, v in document.items() if k != "digest"}
    if not _has_digest(raw, document.get("digest")) and document.get("digest") != _digest_or_none(body):
        raise ReferenceIndexError(f"{path}: damaged: the manifest does not give its digest", hint=ADD_AGAIN)
    try:
        manifest = read_value(SetManifest, body, where=str(path))
    except WireFormatError as err:
        raise ReferenceIndexError(f"{path}: damaged: {err}", hint=ADD_AGAIN) from err
    if manifest.name != path.parent.name:
        raise ReferenceIndexError(
            f"{path}: is the manifest of set {manifest.name!r}", hint="a set keeps the name it was made with: provenance reference export, then add"
        )
    return manifest


def _has_digest(raw: bytes, digest: object) -> bool:
    """Tell whether a file as ``write_manifest`` writes it gives its digest: the first key, and what follows it is the body's canonical form but for a brace.

    Nothing has to be written in canonical form again for it, which takes as long as all the rest where segments are many.
    """
    head = f'{{"digest":"{digest}",'.encode("utf-8", "surrogatepass")
    return raw.startswith(head) and digest_bytes(b"{" + raw[len(head) :].rstrip(b"\n")) == digest


def _digest_or_none(body: object) -> str | None:
    try:
        return digest_of(body)
    except (ValueError, RecursionError):  # no document that was ever written
        return None


def write_manifest(folder: Path, manifest: SetManifest) -> None:
    """Replace a set's manifest at once: a reader sees the old one or the new one."""
    body = to_wire(manifest)
    raw = canonical_bytes({**body, "digest": digest_of(body)})
    descriptor, name = tempfile.mkstemp(prefix=".tmp-manifest-", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(name).rename(folder / "manifest.json")
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
