"""Reading catalogue folders: the shipped ones, then the user's, whose entries add to them or override them by id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance.canonical import digest_of
from provenance.documents import load_document, nearest, parse_document
from provenance.errors import ProvenanceError, TermsDocumentError

_SUFFIXES = frozenset({".json", ".yaml", ".yml"})


def iter_catalog_documents(
    folders: Sequence[Path], *, format_name: str, version: int, fields: Sequence[str]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the documents of catalogue folders, folder by folder and sorted by name.

    Raises:
        TermsDocumentError: If a folder is missing, or a file is no document of this format, or it has fields besides ``release`` and those named.
    """
    for folder in folders:
        for path in catalog_paths(folder):
            document = read_catalog_document(path, format_name, version)
            refuse_unknown(document, ("format", "version", "release", *fields), str(path))
            yield path, document


def catalog_paths(folder: Path) -> list[Path]:
    """Return the documents of a catalogue folder, sorted by name.

    Raises:
        TermsDocumentError: If there is no such folder.
    """
    if not folder.is_dir():
        raise TermsDocumentError(f"{folder}: no such folder of catalogue entries", hint="see terms and licenses in provenance.toml")
    return sorted(p for p in folder.iterdir() if p.suffix in _SUFFIXES and p.is_file())


def refuse_unknown(given: Mapping[Any, object], known: Iterable[str], where: str) -> None:
    """Refuse a name that nobody knows: misspelt, it would leave an entry wider or more silent than it is.

    Raises:
        TermsDocumentError: With the nearest known spelling.
    """
    names = set(known)
    unknown = [str(name) for name in given if name not in names]
    if unknown:
        raise TermsDocumentError(f"{where}: unknown name {min(unknown)!r}", hint=nearest(min(unknown), names))


def read_catalog_document(path: Path, format_name: str, version: int) -> dict[str, Any]:
    """Return the document that a file holds.

    Raises:
        TermsDocumentError: If it cannot be read, or is of another format or version.
    """
    try:
        document = _read_json(path) if path.suffix == ".json" else load_document(path)[0]
    except ProvenanceError as err:
        raise TermsDocumentError(str(err), hint=err.hint) from err
    except (ValueError, OSError, RecursionError) as err:
        raise TermsDocumentError(f"{path}: cannot be read: {err}") from err
    if not isinstance(document, dict) or document.get("format") != format_name:
        raise TermsDocumentError(f"{path}: not a document of format {format_name}", hint=f"its first line should be: format: {format_name}")
    if document.get("version") != version:
        raise TermsDocumentError(f"{path}: version {document.get('version')!r}, this program reads version {version}")
    return document


def _read_json(path: Path) -> object:
    """Return what a JSON file holds; of a name that is given twice nobody knows which is meant."""
    raw = path.read_bytes()
    try:
        return json.loads(raw, object_pairs_hook=_once)
    except _TwiceError as err:
        parse_document(raw, where=str(path))  # which tells line and column, where YAML can read the file
        raise TermsDocumentError(f"{path}: {err}") from err


class _TwiceError(Exception):
    """A name is given twice."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(key for i, (key, _) in enumerate(pairs) if key in {k for k, _ in pairs[:i]})
        raise _TwiceError(f"key {name!r} is given twice")
    return found


def catalog_digest(entries: Mapping[str, object]) -> str:
    """Return the digest of a catalogue's entries as they decide: order and files do not matter."""
    return digest_of({key: entries[key] for key in sorted(entries)})
