"""The whole check before a run: clearance, manifest and the bytes on disk. Needs these three and the trust, nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from provenance.clearance.binding import ANY_RUN, MAX_POLICY_BYTES, MAX_RUN_BYTES, AskedRun, NamedFile
from provenance.clearance.envelope import MAX_ENVELOPE_BYTES
from provenance.clearance.shards import ShardCheck, verify_shards
from provenance.clearance.signed_lists import load_revocations
from provenance.clearance.statement import Clearance
from provenance.clearance.trust import Trust
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, EnvelopeFormatError, ManifestError, SubjectMismatchError
from provenance.fingerprint.digest import ShardLeaf, parse_manifest

CLEARANCE_SUFFIX: Final = ".clearance.json"
MANIFEST_SUFFIX: Final = ".manifest.jsonl"
MAX_MANIFEST_BYTES: Final = 1 << 30
"""About seven million shards."""
_NAME_IT: Final = "name the file that was audited; the clearance holds only for its bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePass:
    """A run that may start: its clearance, and what was checked on disk."""

    clearance: Clearance
    shards: ShardCheck


def default_manifest_path(clearance_path: str | os.PathLike[str]) -> Path:
    """Return ``X.manifest.jsonl`` for ``X.clearance.json``, beside it."""
    file = Path(clearance_path)
    return file.with_name(file.name.removesuffix(CLEARANCE_SUFFIX).removesuffix(".json") + MANIFEST_SUFFIX)


def check_gate(
    clearance_path: str | os.PathLike[str],
    *,
    manifest_path: str | os.PathLike[str] | None = None,
    roots: Sequence[str | os.PathLike[str]],
    trust: Trust,
    now: str,
    run: AskedRun = ANY_RUN,
    shard_folders_only: bool = False,
    on_bytes: Callable[[int], None] | None = None,
) -> Clearance:
    """Return the clearance, if it holds now and the disk holds exactly what it cleared. Arguments and errors are those of ``open_gate``."""
    return open_gate(
        clearance_path,
        manifest_path=manifest_path,
        roots=roots,
        trust=trust,
        now=now,
        run=run,
        shard_folders_only=shard_folders_only,
        on_bytes=on_bytes,
    ).clearance


def open_gate(
    clearance_path: str | os.PathLike[str],
    *,
    manifest_path: str | os.PathLike[str] | None = None,
    roots: Sequence[str | os.PathLike[str]],
    trust: Trust,
    now: str,
    run: AskedRun = ANY_RUN,
    shard_folders_only: bool = False,
    on_bytes: Callable[[int], None] | None = None,
) -> GatePass:
    """Return what was checked, if the clearance holds now and the disk holds exactly what it cleared.

    Args:
        clearance_path: ``X.clearance.json``.
        manifest_path: The shard manifest; ``X.manifest.jsonl`` beside the clearance where not given.
        roots: Data roots that the manifest's paths are relative to, at least one.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        run: What the caller knows of the run about to start.
        shard_folders_only: Look for files that were not cleared only in folders that hold cleared shards.
        on_bytes: Told of every block hashed.

    Raises:
        ClearanceError: Of the class that fits the first fault; ``reasons`` lists all of them.
    """
    envelope = read_clearance_file(clearance_path)
    clearance = verify_clearance(envelope, trust, now, revocations=load_revocations(trust), **_read_run(run))
    leaves = _load_leaves(manifest_path or default_manifest_path(clearance_path), clearance)
    if not roots:
        raise SubjectMismatchError("no data root is given, so nothing on disk can be checked", hint="give the data folder with --root")
    check = verify_shards(leaves, roots, shard_folders_only=shard_folders_only, on_bytes=on_bytes)
    if check.problems:
        raise SubjectMismatchError(
            f"the data on disk are not the data that were cleared: {len(check.problems)} file(s) differ",
            hint="restore the registered files, or register, audit and clear the data as they are now",
            reasons=tuple(str(problem) for problem in check.problems),
        )
    return GatePass(clearance=clearance, shards=check)


class _RunBytes(TypedDict):
    """What ``verify_clearance`` takes of a run."""

    run_digest: str | None
    policy_digests: Sequence[str] | None
    run_file: NamedFile | None
    policy_files: Sequence[NamedFile]


def _read_run(asked: AskedRun) -> _RunBytes:
    """Read the files that a caller names of its run."""
    path = asked.run_file
    return {
        "run_digest": asked.run_digest,
        "policy_digests": asked.policy_digests,
        "run_file": None if path is None else NamedFile.of(path, _read(path, "run file", MAX_RUN_BYTES, hint=_NAME_IT)),
        "policy_files": [NamedFile.of(p, _read(p, "policy bundle", MAX_POLICY_BYTES, hint=_NAME_IT)) for p in asked.policy_files],
    }


def read_clearance_file(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of ``X.clearance.json``; no more are read than an envelope may have.

    Raises:
        ClearanceError: If it cannot be read, or is too large.
    """
    return _read(path, "clearance", MAX_ENVELOPE_BYTES)


def _load_leaves(path: str | os.PathLike[str], clearance: Clearance) -> tuple[ShardLeaf, ...]:
    raw = _read(path, "shard manifest", MAX_MANIFEST_BYTES)
    try:
        leaves, root = parse_manifest(raw, where=f"shard manifest {os.fspath(path)}")
    except ManifestError as err:
        raise SubjectMismatchError(str(err), hint=err.hint) from err
    if root != clearance.manifest_root:
        raise SubjectMismatchError(
            f"the shard manifest {os.fspath(path)} is not the one that was cleared: its root is {root[:19]}…, cleared {clearance.manifest_root[:19]}…",
            hint="use the manifest that was written with this clearance",
        )
    return leaves


def _read(path: str | os.PathLike[str], what: str, limit: int, *, hint: str = "`provenance clear` writes both files of a clearance") -> bytes:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise ClearanceError(f"the {what} {os.fspath(path)} cannot be read: {reason}", hint=hint) from err
    if len(raw) > limit:
        raise EnvelopeFormatError(f"the {what} {os.fspath(path)} is larger than {limit:,} bytes")
    return raw
