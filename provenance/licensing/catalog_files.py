"""Reading catalogue folders: the shipped ones, then the user's, whose entries add to them or override them by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance.canonical import digest_of
from provenance.documents import load_document, nearest
from provenance.errors import ProvenanceError, TermsDocumentError
from provenance.licensing.catalog_json import load_json

_SUFFIXES = frozenset({".json", ".yaml", ".yml"})


def iter_catalog_documents(
    folders: Sequence[Path], *, format_name: str, version: int, fields: Sequence[str]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the documents of catalogue folders, or single files, one after another and within a folder sorted by name.

    Raises:
        TermsDocumentError: If a folder is missing, or a file is no document of this format, or it has fields besides ``release`` and those named, or two
            entries of one folder have the same id: which of them holds would depend on the names of files.
    """
    for folder in folders:
        seen: dict[tuple[str, str], Path] = {}
        for path in catalog_paths(folder):
            document = read_catalog_document(path, format_name, version)
            refuse_unknown(document, ("format", "version", "release", *fields), str(path))
            for field in fields:
                _refuse_twice(document.get(field), field, path, seen)
            yield path, document


def catalog_paths(folder: Path) -> list[Path]:
    """Return the files of a catalogue folder, sorted by name; a single file stands for itself.

    Raises:
        TermsDocumentError: If it is missing, or a file that is neither YAML nor JSON.
    """
    if folder.is_file():
        if folder.suffix not in _SUFFIXES:
            raise TermsDocumentError(f"{folder}: neither YAML nor JSON by its name", hint="catalogue files end in .yaml, .yml or .json")
        return [folder]
    if not folder.is_dir():
        raise TermsDocumentError(f"{folder}: no such folder of catalogue entries", hint="see terms and licenses in provenance.toml")
    return sorted(p for p in folder.iterdir() if p.suffix in _SUFFIXES and p.is_file())


def _refuse_twice(entries: object, field: str, path: Path, seen: dict[tuple[str, str], Path]) -> None:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(name := entry.get("id"), str):
            if (field, name) in seen:
                raise TermsDocumentError(f"{path}: {name}: entry {name!r} is given twice, also in {seen[field, name]}", hint="keep one of them")
            seen[field, name] = path


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
        document = load_json(path) if path.suffix == ".json" else load_document(path)[0]
    except ProvenanceError as err:
        raise TermsDocumentError(str(err), hint=err.hint) from err
    if not isinstance(document, dict) or document.get("format") != format_name:
        raise TermsDocumentError(f"{path}: not a document of format {format_name}", hint=f"its first line should be: format: {format_name}")
    if document.get("version") != version:
        raise TermsDocumentError(f"{path}: version {document.get('version')!r}, this program reads version {version}")
    return document


def catalog_digest(entries: Mapping[str, object]) -> str:
    """Return the digest of a catalogue's entries as they decide: order and files do not matter.

    Raises:
        TermsDocumentError: If an entry holds a number that no digest can be made of.
    """
    try:
        return digest_of({key: entries[key] for key in sorted(entries)})
    except ValueError as err:
        raise TermsDocumentError(_unwritable(entries) or str(err), hint="write it as text, in quotes") from err


def _unwritable(entries: Mapping[str, object]) -> str:
    """Return which entry holds what canonical JSON cannot express; empty where none does by itself."""
    for key, entry in entries.items():
        try:
            digest_of({key: entry})
        except ValueError as err:
            return f"{key}: {err}"
    return ""
