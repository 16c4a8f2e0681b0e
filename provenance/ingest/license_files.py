"""Reading the files in which a dataset states its licence: LICENSE, COPYING, NOTICE, README and cards, in whatever encoding they come."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from provenance.errors import ShardReadError
from provenance.ingest.lines import wide_encoding
from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.conclusion import conclude
from provenance.matching.license_detection import detect_licenses
from provenance.matching.license_reading import is_license_file
from provenance.model.absence import Absence
from provenance.model.license_detection import FileLicenses

MAX_BYTES = 16 << 20
"""Bytes of a file that are read; no licence is longer."""
MAX_FILES = 10_000
"""Files of one folder that are read."""
_ODD = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")
_SAMPLED, _MOST_ODD = 1 << 16, 0.1
"""First characters of a file that are looked at, and the share of control characters and of undecodable bytes of a file that is no text."""
_CARDS = frozenset({".md", ".markdown", ".mdx"})
_NO_TEXT = frozenset({".jsonl", ".json", ".parquet", ".csv", ".pyc", ".so", ".bin", ".gz", ".zst", ".xz", ".zip", ".png", ".npy"})
_STEMS = ("readme", "notice", "patents", "authors", "citation")


def detect_folder(path: Path, *, catalog: LicenseCatalog | None = None) -> tuple[FileLicenses, ...]:
    """Return what each file under a folder says on licences, ordered by path; of one file that is named, whatever it is called.

    Hidden folders and links are not followed.

    Args:
        path: A folder or a file. Paths in the result are relative to the folder.
        catalog: The names known; the shipped ones where not given.

    Raises:
        ShardReadError: If there is no such folder or file.
    """
    if not path.exists():
        raise ShardReadError(f"{path}: no such file or folder")
    if not path.is_dir():
        return (_read(path, path.name, catalog),)
    found = list(_walk(path))
    read = [_read(path / name, name, catalog) for name in found[:MAX_FILES]]
    if len(found) > MAX_FILES:
        problem = f"{len(found) - MAX_FILES} more files were not read"
        read.append(FileLicenses(path=found[MAX_FILES], expression=Absence.UNREADABLE.value, problem=problem))
    return tuple(read)


def is_stating_file(name: str) -> bool:
    """Tell from its name whether a file is one in which a licence is stated.

    >>> [is_stating_file(n) for n in ("DATA_LICENSE", "README.md", "NOTICE", "train.jsonl", "license.py")]
    [True, True, True, False, False]
    """
    lower = name.lower()
    stem, suffix = PurePath(lower).stem, PurePath(lower).suffix
    return (is_license_file(name) and suffix not in _NO_TEXT) or suffix in _CARDS or stem.startswith(_STEMS)


def _walk(root: Path) -> Iterator[str]:
    """Yield the paths of stating files below a folder, relative and ordered."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if is_stating_file(name):
                yield Path(folder, name).relative_to(root).as_posix()


def _read(path: Path, name: str, catalog: LicenseCatalog | None) -> FileLicenses:
    try:
        raw, problem = _bytes(path)
    except OSError as err:
        return FileLicenses(path=name, expression=Absence.UNREADABLE.value, problem=f"cannot be read: {err.strerror or err}")
    text, fault = _decoded(raw)
    if _is_binary(text):
        return FileLicenses(path=name, expression=Absence.UNREADABLE.value, problem="no text: most likely a binary file under this name")
    found = detect_licenses(text, name=name, catalog=catalog)
    problems = "; ".join(filter(None, (problem, fault)))
    digest = Absence.UNKNOWN.value if problem else f"sha256:{hashlib.sha256(raw).hexdigest()}"
    return FileLicenses(path=name, expression=conclude(found), detections=found, sha256=digest, problem=problems)


def _is_binary(text: str) -> bool:
    """Tell whether many of a text's first characters are none that a text has."""
    odd = len(_ODD.findall(text[:_SAMPLED]))
    return odd > _MOST_ODD * min(len(text), _SAMPLED)


def _bytes(path: Path) -> tuple[bytes, str]:
    """Return a file's first bytes, and what is wrong with them.

    Raises:
        OSError: If it cannot be read, or is a link, a pipe or a device.
    """
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError("a link, or no plain file")
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES)
    return raw, f"only the first {MAX_BYTES} of {state.st_size} bytes were read" if state.st_size > len(raw) else ""


def _decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of some bytes, and what is wrong with it; what cannot be decoded becomes U+FFFD."""
    wide = wide_encoding(raw[:4])
    encoding = (wide or "utf-8-sig").lower()
    try:
        return raw.decode(encoding).removeprefix("\ufeff"), ""
    except UnicodeDecodeError as err:
        return raw.decode(encoding, "replace"), f"not {wide or 'UTF-8'} at byte {err.start}"
