"""Whether a report folder is as it was written: every file that the manifest lists, with its bytes, and what else lies there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import ReportError
from provenance.report.manifest import MANIFEST, ReportFile, ReportManifest, is_document, read_manifest

_CHUNK_BYTES = 1 << 20
_TOLD = 20
"""Files that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFault:
    """A file that is not as the manifest says."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCheck:
    """What a look at a report folder found."""

    manifest: ReportManifest
    faults: tuple[FileFault, ...]
    """Files that are missing or changed, and documents of the report's kind that the manifest does not list; sorted by path."""
    others: tuple[str, ...]
    """Names of what lies beside the report and is no part of it, sorted; a folder ends in a slash."""
    reports: tuple[str, ...]
    """Folders in it that hold a report of their own, sorted: each is verified by itself."""


def check_folder(folder: Path) -> FolderCheck:
    """Return what is right and wrong with a report folder.

    Raises:
        ReportError: If its manifest is missing or malformed, or says that the report is not finished.
    """
    manifest = read_manifest(folder)
    if not manifest.is_finished:
        raise ReportError(
            f"{folder}: the report is not finished: writing it was interrupted, or goes on", hint="make the report again into the same folder"
        )
    faults = [FileFault(path=file.path, reason=why) for file in manifest.files if (why := _fault(folder, file)) is not None]
    listed = {MANIFEST, *(file.path for file in manifest.files)}
    others, reports = [], []
    for name, is_report in _entries(folder):
        if name in listed:
            continue
        if is_report:
            reports.append(name)
        elif is_document(name, manifest.kind):
            faults.append(FileFault(path=name, reason="not in the manifest: added after the report was written, or left of an earlier report"))
        else:
            others.append(name)
    return FolderCheck(manifest=manifest, faults=tuple(sorted(faults, key=lambda f: f.path)), others=tuple(others), reports=tuple(reports))


def verify_report(folder: Path) -> ReportManifest:
    """Return a report folder's manifest after checking every file that it lists.

    Files that are no documents of such a report are not judged: a folder may hold a clearance or notes beside it. ``check_folder`` names them.

    Raises:
        ReportError: If the manifest is missing or malformed, the report is not finished, or with every file that is missing, is no plain file, has other bytes,
            or is a document that the manifest does not list.
    """
    found = check_folder(folder)
    raise_faults(folder, found)
    return found.manifest


def raise_faults(folder: Path, found: FolderCheck) -> None:
    """Refuse a folder that is not as it was written.

    Raises:
        ReportError: With each file, one a line.
    """
    if not found.faults:
        return
    lines = [f"{folder / fault.path}: {fault.reason}" for fault in found.faults[:_TOLD]]
    more = len(found.faults) - _TOLD
    raise ReportError(
        "\n".join([*lines, f"and {more} more files"] if more > 0 else lines), hint="what was changed is not the report any more: make it again"
    )


def digest_of_file(path: Path) -> str:
    """Return ``sha256:<hex>`` of a file's bytes.

    Raises:
        OSError: If it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield the names in a folder in order, with whether a name is a folder with a report of its own."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as err:
        raise ReportError(f"{folder}: cannot be read: {err.strerror or err}") from err
    for path in entries:
        is_folder = path.is_dir() and not path.is_symlink()
        yield path.name + ("/" if is_folder else ""), is_folder and (path / MANIFEST).is_file()


def _fault(folder: Path, file: ReportFile) -> str | None:
    path = folder / file.path
    if path.is_symlink() or not path.is_file():
        return "missing, or no plain file"
    try:
        got = digest_of_file(path)
    except OSError as err:
        return f"cannot be read: {err.strerror or err}"
    if got == file.sha256:
        return None
    return f"expected {file.sha256[:19]}…, got {got[:19]}…: changed after it was written"
