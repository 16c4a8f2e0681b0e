"""The folder that a run's processes keep their notes in, and how these become one run record.

``run.json`` says which run it is, ``shards.manifest.jsonl`` which shards were cleared; every process has a journal beside them (``journal``). ``run-record.json`` is made of
them once, when nothing writes any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from provenance.clearance.check import MAX_MANIFEST_BYTES, GatePass
from provenance.clearance.statement import statement_bytes, statement_digest
from provenance.clearance.strict_json import expect_fields, load_strict, parse_time, printable
from provenance.errors import ManifestError, RunRecordError
from provenance.fingerprint.digest import ShardLeaf, is_digest, manifest_bytes, merkle_root, parse_manifest

RUN_FILE: Final = "run.json"
MANIFEST_FILE: Final = "shards.manifest.jsonl"
RECORD_FILE: Final = "run-record.json"
_LOCK_FILE: Final = "seal.lock"
FOLDER_FORMAT: Final = "provenance.run-folder"
FOLDER_VERSION: Final = 1
_MAX_RUN_BYTES: Final = 1 << 16
OWN_FOLDER: Final = "give every run a folder of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """Which run a folder belongs to."""

    id: str
    clearance: str
    audit: str
    run_digest: str
    manifest_root: str
    framework: str
    began: str


def join_run(folder: Path, passed: GatePass, *, framework: str, now: str) -> tuple[RunIdentity, tuple[ShardLeaf, ...]]:
    """Return which run a folder belongs to, and its shards; the first process that comes makes it.

    Raises:
        RunRecordError: If the folder cannot be used, belongs to a run under another clearance, or holds the record of a run that is over.
    """
    leaves = _leaves(passed)
    identity = RunIdentity(
        id=secrets.token_hex(16),
        clearance=statement_digest(statement_bytes(passed.clearance)),
        audit=passed.clearance.audit,
        run_digest=passed.clearance.run_digest,
        manifest_root=passed.clearance.manifest_root,
        framework=framework,
        began=now,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / RECORD_FILE).exists():
            raise RunRecordError(f"{_shown(folder)} holds the record of a run that is over", hint=OWN_FOLDER)
        _create(folder / MANIFEST_FILE, manifest_bytes(leaves))
        _create(folder / RUN_FILE, json.dumps({"format": FOLDER_FORMAT, "version": FOLDER_VERSION, **asdict(identity)}).encode() + b"\n")
    except OSError as err:
        raise RunRecordError(f"{_shown(folder)} cannot take a run's notes: {err.strerror or err}") from err
    found = read_identity(folder)
    if found.clearance != identity.clearance:
        raise RunRecordError(f"{_shown(folder)} belongs to a run under another clearance, {found.clearance[:19]}…", hint=OWN_FOLDER)
    return found, leaves


def read_identity(folder: Path) -> RunIdentity:
    """Return which run a folder belongs to.

    Raises:
        RunRecordError: If it says nothing of a run, or something that cannot be.
    """
    file = folder / RUN_FILE
    raw = read_bounded(file, _MAX_RUN_BYTES)
    try:
        return _identity(load_strict(raw, max_bytes=_MAX_RUN_BYTES))
    except ValueError as err:
        raise RunRecordError(f"{_shown(file)}: {printable(str(err))}") from err


def read_leaves(folder: Path, identity: RunIdentity) -> tuple[ShardLeaf, ...]:
    """Return the shards that were cleared for a folder's run.

    Raises:
        RunRecordError: If they are not there, or not those of its clearance.
    """
    file = folder / MANIFEST_FILE
    try:
        leaves, root = parse_manifest(read_bounded(file, MAX_MANIFEST_BYTES), where=_shown(file))
    except ManifestError as err:
        raise RunRecordError(str(err), hint="put back the manifest that was cleared, under this name") from err
    if root != identity.manifest_root:
        raise RunRecordError(f"{_shown(file)} is not the manifest that was cleared", hint="put back the one that was")
    return leaves


def read_bounded(file: Path, limit: int) -> bytes:
    """Return a file's bytes.

    Raises:
        RunRecordError: If it cannot be read, or is larger than ``limit``.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(limit + 1)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise RunRecordError(f"{_shown(file)} cannot be read: {reason}", hint="name the folder that the run's recorder was given") from err
    if len(raw) > limit:
        raise RunRecordError(f"{_shown(file)} has more than {limit:,} bytes")
    return raw


def write_new(file: Path, raw: bytes) -> None:
    """Write a file that takes its name only once all of it is on the disk.

    Raises:
        RunRecordError: If it cannot be written.
    """
    try:
        part = _write_part(file, raw)
        part.replace(file)
    except OSError as err:
        raise RunRecordError(f"{_shown(file)} cannot be written: {err.strerror or err}") from err


@contextmanager
def sealing(folder: Path) -> Iterator[None]:
    """Keep others from making the folder's record at the same time.

    Raises:
        RunRecordError: If another process is about it.
    """
    try:
        descriptor = os.open(folder / _LOCK_FILE, os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as err:
        raise RunRecordError(f"{_shown(folder)} cannot be sealed: {err.strerror or err}") from err
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise RunRecordError(f"{_shown(folder)} is being sealed by another process", hint="wait for it") from err
        yield
    finally:
        os.close(descriptor)


def is_alive(journal: Path) -> bool:
    """Tell whether the process that writes a journal lives."""
    with contextlib.suppress(FileNotFoundError), journal.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _leaves(passed: GatePass) -> tuple[ShardLeaf, ...]:
    """Return the shards that were cleared, from what was verified.

    Raises:
        RunRecordError: If not all of them were.
    """
    found = {v.leaf.path: v.leaf for v in passed.shards.verified}
    leaves = tuple(found[path] for path in sorted(found))
    if not leaves or merkle_root(leaves) != passed.clearance.manifest_root:
        raise RunRecordError(
            f"a run record needs every shard that was cleared, and {len(leaves):,} verified ones are not all of them",
            hint="pass the gate with all roots",
        )
    return leaves


def _identity(raw: Any) -> RunIdentity:
    names = ("id", "clearance", "audit", "run_digest", "manifest_root", "framework", "began")
    document = expect_fields(raw, ("format", "version", *names), where="the document")
    if document["format"] != FOLDER_FORMAT or type(document["version"]) is not int or document["version"] != FOLDER_VERSION:
        raise ValueError(f"expected format {FOLDER_FORMAT!r} version {FOLDER_VERSION}, got {document['format']!r:.40} {document['version']!r:.20}")
    if not all(isinstance(document[name], str) for name in names):
        raise ValueError("all of it must be text")
    if not all(is_digest(document[name]) for name in names[1:5]):
        raise ValueError("clearance, audit, run and manifest must be sha256:<64 hex digits>")
    parse_time(document["began"], where="began")
    return RunIdentity(**{name: document[name] for name in names})


def _create(file: Path, raw: bytes) -> None:
    """Write a file unless it is there already, as a whole and in one step."""
    if file.exists():
        return
    part = _write_part(file, raw)
    try:
        os.link(part, file)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def _write_part(file: Path, raw: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(raw)
        stream.flush()
        os.fsync(stream.fileno())
    part = Path(name)
    part.chmod(0o644)
    return part


def _shown(path: Path) -> str:
    return printable(str(path))
