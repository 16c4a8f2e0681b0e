"""The whole check before a run: clearance, manifest and the bytes on disk. Needs these three and the trust, nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.clearance.envelope import MAX_ENVELOPE_BYTES
from provenance.clearance.revocation import load_revocations
from provenance.clearance.shards import ShardCheck, verify_shards
from provenance.clearance.statement import Clearance
from provenance.clearance.trust import Trust
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, EnvelopeFormatError, ManifestError, SubjectMismatchError
from provenance.fingerprint.digest import ShardLeaf, parse_manifest

CLEARANCE_SUFFIX: Final = ".clearance.json"
MANIFEST_SUFFIX: Final = ".manifest.jsonl"
MAX_MANIFEST_BYTES: Final = 1 << 30
"""About seven million shards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePass:
    """A run that may start: its clearance, and what was checked on disk."""

    clearance: Clearance
    shards: ShardCheck
    began_ns: int = 0
    """This machine's clock, in nanoseconds, before the first file was hashed: what has changed since is not vouched for by how it looked then."""


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
    run_digest: str | None = None,
    policy_digests: Sequence[str] | None = None,
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
        run_digest=run_digest,
        policy_digests=policy_digests,
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
    run_digest: str | None = None,
    policy_digests: Sequence[str] | None = None,
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
        run_digest: The run about to start, if the caller knows it.
        policy_digests: The bundles that must have judged it, if the caller knows them.
        shard_folders_only: Look for files that were not cleared only in folders that hold cleared shards.
        on_bytes: Told of every block hashed.

    Raises:
        ClearanceError: Of the class that fits the first fault; ``reasons`` lists all of them.
    """
    began_ns = time.time_ns()
    envelope = _read(clearance_path, "clearance", MAX_ENVELOPE_BYTES)
    clearance = verify_clearance(envelope, trust, now, revocations=load_revocations(trust), run_digest=run_digest, policy_digests=policy_digests)
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
    return GatePass(clearance=clearance, shards=check, began_ns=began_ns)


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


def _read(path: str | os.PathLike[str], what: str, limit: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(limit + 1)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise ClearanceError(
            f"the {what} {os.fspath(path)} cannot be read: {reason}", hint="`provenance clear` writes both files of a clearance"
        ) from err
    if len(raw) > limit:
        raise EnvelopeFormatError(f"the {what} {os.fspath(path)} is larger than {limit:,} bytes")
    return raw
