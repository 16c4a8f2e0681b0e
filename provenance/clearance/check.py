"""The whole check before a run: clearance, manifest and the bytes on disk. Needs these three and the trust, nothing else."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypedDict

from provenance.clearance.allowances import require_digest_cache
from provenance.clearance.binding import ANY_RUN, MAX_POLICY_BYTES, MAX_RUN_BYTES, AskedRun, NamedFile
from provenance.clearance.envelope import MAX_ENVELOPE_BYTES
from provenance.clearance.faults import ShardProblem
from provenance.clearance.revocation import CLOCK_SKEW
from provenance.clearance.shards import Reading, ShardCheck, ShardPlan, hash_plan, plan_shards
from provenance.clearance.signed_lists import load_revocations
from provenance.clearance.statement import Clearance
from provenance.clearance.strict_json import parse_time
from provenance.clearance.trust import Trust
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, EnvelopeFormatError, ExpiredClearanceError, ManifestError, SubjectMismatchError
from provenance.fingerprint.digest import ShardLeaf, parse_manifest

CLEARANCE_SUFFIX: Final = ".clearance.json"
MANIFEST_SUFFIX: Final = ".manifest.jsonl"
MAX_MANIFEST_BYTES: Final = 1 << 30
"""About seven million shards."""
_NAME_IT: Final = "name the file that was audited; the clearance holds only for its bytes"
_WRITES_BOTH: Final = "`provenance clear` writes both files of a clearance"

Clock = Callable[[], str]
"""Tells the time, RFC 3339 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePlan:
    """A clearance that holds, over files that are all there: what remains is to hash them."""

    clearance: Clearance
    shards: ShardPlan
    began: str
    """When the clearance was verified."""
    clock: Clock
    verify: Callable[[str], Clearance]
    """Verifies the clearance at a time, as it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePass:
    """A run that may start: its clearance, and what was checked on disk."""

    clearance: Clearance
    shards: ShardCheck
    notes: tuple[str, ...] = ()
    """Words for the user: of a digest cache that was damaged, or could not be written."""
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
    now: str | Clock,
    run: AskedRun = ANY_RUN,
    shard_folders_only: bool = False,
    reading: Reading | None = None,
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
        reading=reading,
    ).clearance


def open_gate(
    clearance_path: str | os.PathLike[str],
    *,
    manifest_path: str | os.PathLike[str] | None = None,
    roots: Sequence[str | os.PathLike[str]],
    trust: Trust,
    now: str | Clock,
    run: AskedRun = ANY_RUN,
    shard_folders_only: bool = False,
    reading: Reading | None = None,
) -> GatePass:
    """Return what was checked, if the clearance holds now and the disk holds exactly what it cleared.

    Args:
        clearance_path: ``X.clearance.json``.
        manifest_path: The shard manifest; ``X.manifest.jsonl`` beside the clearance where not given.
        roots: Data roots that the manifest's paths are relative to, at least one.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC, or the clock that tells it, which is asked again when everything has been hashed.
        run: What the caller knows of the run about to start.
        shard_folders_only: Look for files that were not cleared only in folders that hold cleared shards.
        reading: How files are read, and who is told of it.

    Raises:
        ClearanceError: Of the class that fits the first fault; ``reasons`` lists all of them.
    """
    plan = plan_gate(
        clearance_path,
        manifest_path=manifest_path,
        roots=roots,
        trust=trust,
        now=now,
        run=run,
        shard_folders_only=shard_folders_only,
    )
    return pass_plan(plan, reading=reading)


def plan_gate(
    clearance_path: str | os.PathLike[str],
    *,
    manifest_path: str | os.PathLike[str] | None = None,
    roots: Sequence[str | os.PathLike[str]],
    trust: Trust,
    now: str | Clock,
    run: AskedRun = ANY_RUN,
    shard_folders_only: bool = False,
) -> GatePlan:
    """Check everything but the bytes, and return what has to be hashed. Arguments and errors are those of ``open_gate``."""
    envelope, asked = read_clearance_file(clearance_path), _read_run(run)
    clock = now if callable(now) else partial(str, now)
    moment = clock()

    def verify(at: str) -> Clearance:
        return verify_clearance(envelope, trust, at, revocations=load_revocations(trust), **asked)

    clearance = verify(moment)
    leaves = _load_leaves(manifest_path or default_manifest_path(clearance_path), clearance)
    if not roots:
        raise SubjectMismatchError("no data root is given, so nothing on disk can be checked", hint="give the data folder with --root")
    shards = plan_shards(leaves, roots, shard_folders_only=shard_folders_only)
    refuse_changed(shards.problems)
    return GatePlan(clearance=clearance, shards=shards, began=moment, clock=clock, verify=verify)


def pass_plan(plan: GatePlan, *, reading: Reading | None = None) -> GatePass:
    """Hash everything and return what was checked, if it is right and the clearance holds still.

    Raises:
        ClearanceError: Of the class that fits the first fault; ``reasons`` lists all of them.
    """
    if reading is not None and reading.cache is not None:
        require_digest_cache(plan.clearance)
    began_ns = time.time_ns()
    check = hash_plan(plan.shards, reading=reading)
    refuse_changed(check.problems)
    clearance = still_holds(plan)
    if reading is None or reading.cache is None:
        return GatePass(clearance=clearance, shards=check, began_ns=began_ns)
    reading.cache.keep(check.verified)
    return GatePass(clearance=clearance, shards=check, notes=tuple(reading.cache.notes), began_ns=began_ns)


def still_holds(plan: GatePlan) -> Clearance:
    """Return the clearance if it holds at this time too: hashing may take longer than it is valid, and keys are revoked meanwhile.

    Raises:
        ClearanceError: If it does not, or this machine's clock was set back.
    """
    moment = plan.clock()
    if parse_time(moment, where="now") + CLOCK_SKEW < parse_time(plan.began, where="now"):
        raise ExpiredClearanceError(
            f"this machine's clock was set back during the check, from {plan.began} to {moment}", hint="set the clock right, and start again"
        )
    return plan.verify(moment)


def refuse_changed(problems: Sequence[ShardProblem]) -> None:
    """Deny where files differ.

    Raises:
        SubjectMismatchError: With every file.
    """
    if problems:
        raise SubjectMismatchError(
            f"the data on disk are not the data that were cleared: {len(problems)} file(s) differ",
            hint="restore the registered files, or register, audit and clear the data as they are now",
            reasons=tuple(str(problem) for problem in problems),
        )


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
        "run_file": None if path is None else NamedFile.of(path, read_bounded(path, "run file", MAX_RUN_BYTES, hint=_NAME_IT)),
        "policy_files": [NamedFile.of(p, read_bounded(p, "policy bundle", MAX_POLICY_BYTES, hint=_NAME_IT)) for p in asked.policy_files],
    }


def read_clearance_file(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of ``X.clearance.json``; no more are read than an envelope may have.

    Raises:
        ClearanceError: If it cannot be read, or is too large.
    """
    return read_bounded(path, "clearance", MAX_ENVELOPE_BYTES)


def _load_leaves(path: str | os.PathLike[str], clearance: Clearance) -> tuple[ShardLeaf, ...]:
    raw = read_bounded(path, "shard manifest", MAX_MANIFEST_BYTES)
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


def read_bounded(path: str | os.PathLike[str], what: str, limit: int, *, hint: str = _WRITES_BOTH) -> bytes:
    """Return the bytes of a regular file, of which never more than a limit are held.

    Raises:
        ClearanceError: If it cannot be read, or is no regular file: a FIFO could keep the gate waiting for ever.
        EnvelopeFormatError: If it is larger.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            regular = stat.S_ISREG(status.st_mode)
            raw = file.read(min(limit, status.st_size) + 1) if regular else b""
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise ClearanceError(f"the {what} {os.fspath(path)} cannot be read: {reason}", hint=hint) from err
    if not regular:
        raise ClearanceError(f"the {what} {os.fspath(path)} is not a regular file", hint=hint)
    if len(raw) > limit:
        raise EnvelopeFormatError(f"the {what} {os.fspath(path)} is larger than {limit:,} bytes")
    return raw
