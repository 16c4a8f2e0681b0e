"""What a clearance is bound to beside the data: the run about to start and the bundles that must have judged it, by digest or by the bytes of their files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provenance.canonical import digest_bytes
from provenance.clearance.statement import Clearance

MAX_RUN_BYTES = 4 << 20
MAX_POLICY_BYTES = 1 << 20
"""As the readers of both kinds of files take them: no larger file can have been audited."""

UNNAMED_RUN: Final = "a break-glass clearance holds for one run alone, and the gate was not told which run this is: name its file with --run"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """A file that the caller of a gate names, by its bytes."""

    name: str
    """As the caller gave it."""
    digest: str

    @classmethod
    def of(cls, name: str | os.PathLike[str], raw: bytes) -> NamedFile:
        """Return the file with these bytes."""
        return cls(name=os.fspath(name), digest=digest_bytes(raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRun:
    """What the caller of a gate knows of the run about to start, files by their paths. What is ``None`` or empty is not compared."""

    run_digest: str | None = None
    policy_digests: Sequence[str] | None = None
    """All bundles that judged it."""
    run_file: str | os.PathLike[str] | None = None
    """Its bytes must be those that were audited."""
    policy_files: Sequence[str | os.PathLike[str]] = ()
    """Bundles that must be among those that judged it, byte by byte; what they include need not be named."""


ANY_RUN: Final = AskedRun()
"""Nothing is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRun:
    """What the caller of a gate knows of the run about to start. What is ``None`` or empty is not compared."""

    run_digest: str | None = None
    policy_digests: Sequence[str] | None = None
    """All bundles that judged it."""
    run_file: NamedFile | None = None
    policy_files: tuple[NamedFile, ...] = ()
    """Some of the bundles that judged it."""


def binding_faults(clearance: Clearance, asked: NamedRun) -> tuple[str, ...]:
    """Return what of a run is not what a clearance was given for, one sentence each."""
    return (*_run_faults(clearance, asked), *_policy_faults(clearance, asked))


def _run_faults(clearance: Clearance, asked: NamedRun) -> list[str]:
    faults = []
    if asked.run_digest is not None and asked.run_digest != clearance.run_digest:
        faults.append(f"the clearance is for run {clearance.run_digest[:19]}…, this run is {asked.run_digest[:19]}…")
    if asked.run_file is not None:
        faults += _run_file_faults(clearance, asked.run_file)
    if clearance.break_glass is not None and asked.run_digest is None and asked.run_file is None:
        faults.append(UNNAMED_RUN)
    return faults


def _run_file_faults(clearance: Clearance, file: NamedFile) -> list[str]:
    if clearance.rests_on is None:
        return [f"the clearance is of version {clearance.version}, which binds no run file, so {file.name} cannot be compared: clear the run again"]
    cleared = clearance.rests_on.run_file_digest
    if cleared is None:
        return [f"the run was audited without a run file, so {file.name} cannot be the one that was cleared"]
    if cleared != file.digest:
        return [f"the run file {file.name} is not the one that was cleared: it is {file.digest[:19]}…, cleared {cleared[:19]}…"]
    return []


def _policy_faults(clearance: Clearance, asked: NamedRun) -> list[str]:
    faults = []
    if asked.policy_digests is not None and set(asked.policy_digests) != set(clearance.policy_digests):
        wanted, got = (", ".join(d[:19] + "…" for d in sorted(digests)) for digests in (asked.policy_digests, clearance.policy_digests))
        faults.append(f"the clearance was given under policy {got or 'none'}, this run needs {wanted or 'none'}")
    for file in asked.policy_files:
        if file.digest not in clearance.policy_digests:
            faults.append(
                f"the policy bundle {file.name} did not judge this run as it is now: it is {file.digest[:19]}…, which the clearance does not name"
            )
    return faults
