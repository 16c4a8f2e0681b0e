"""Keep the documents that claims go back to, and tell of every claim who made it, when it was recorded, and whether what it goes back to is at hand.

A snapshot is a file of the evidence folder, named by the digest that the claim's evidence states: what is given out is checked against it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from provenance.audit.tools import Tools
from provenance.errors import NotRegisteredError, RegistryError
from provenance.fingerprint.digest import is_digest
from provenance.model.backing import BackedClaim, iter_claims
from provenance.model.dataset import DatasetVersion
from provenance.model.match import ReadProblem

SNAPSHOT_SUFFIX = ".snapshot"
MAX_SNAPSHOT = 256 << 20
"""Largest document kept, bytes."""


_NOBODY: tuple[int | None, str] = (None, "UNKNOWN")


class Kept(StrEnum):
    """Whether the bytes that a claim goes back to are at hand."""

    KEPT = "kept"
    """Their digest was checked just now."""
    NOT_KEPT = "not kept"
    """A digest is stated, and its bytes were never stored here."""
    DAMAGED = "damaged"
    """They were stored, and cannot be read or have another digest now."""
    NO_DIGEST = "no digest"
    """Nobody said which bytes they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """A claim, when and by whom it was recorded here, and whether what backs it is at hand."""

    claim: BackedClaim
    recorded_at: str
    """When the registry first held it."""
    recorded_by: str
    """Who worked then, by the log; ``UNKNOWN`` where the log does not tell."""
    log_seq: int | None
    """The row of the log; ``None`` where it does not tell."""
    kept: Kept


def keep_snapshot(path: Path, name: str, expected: str, tools: Tools) -> ReadProblem | None:
    """Store the bytes of a document under their digest.

    Args:
        path: The document.
        name: What it is called in claims.
        expected: The digest that claims state.
        tools: With the evidence store.

    Returns:
        Why it is not kept: it is too large, cannot be read, or changed since claims were read from it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_SNAPSHOT:
            return _not_kept(name, f"{size} bytes, more than the limit of {MAX_SNAPSHOT}: keep it yourself; its digest is recorded")
        digest = tools.evidence.put_file(path, suffix=SNAPSHOT_SUFFIX)
    except OSError as err:
        return _not_kept(name, f"cannot be read: {err.strerror or err}")
    return None if digest == expected else _not_kept(name, "it changed while it was read: import it again")


def list_backing(version: DatasetVersion, tools: Tools) -> tuple[Backing, ...]:
    """Return every claim of a version with what backs it.

    Cost:
        One pass over the recordings of the dataset and its rows of the log; each snapshot is read once.
    """
    with tools.units.read() as registry:
        recordings = registry.versions(version.dataset.name)
        acts: Sequence[tuple[int | None, str]] = registry.recorded_by(version.dataset.name)
    if len(acts) != len(recordings):  # the log was cut or the registry changed by other means, which log verify and db check tell
        acts = [_NOBODY] * len(recordings)
    first: dict[BackedClaim, tuple[str, int | None, str]] = {}
    for recording, (seq, actor) in zip(recordings, acts, strict=True):
        for claim in iter_claims(recording.dataset):
            first.setdefault(claim, (recording.created, seq, actor))
    states = _States(tools)
    found = []
    for claim in iter_claims(version.dataset):
        at, seq, actor = first.get(claim, (version.created, *_NOBODY))
        found.append(Backing(claim=claim, recorded_at=at, recorded_by=actor, log_seq=seq, kept=states.of(claim.evidence.sha256)))
    return tuple(found)


def read_snapshot(version: DatasetVersion, begins: str, tools: Tools) -> tuple[BackedClaim, bytes]:
    """Return the bytes that a claim of a version goes back to, checked against their digest.

    Args:
        version: The version.
        begins: The digest, or how it begins.
        tools: With the evidence store.

    Raises:
        NotRegisteredError: If no claim goes back to such bytes, or claims go back to several.
        RegistryError: If they are not kept or damaged.
    """
    wanted = begins.removeprefix("sha256:").lower()
    fitting = {c.evidence.sha256: c for c in _with_digest(version) if c.evidence.sha256.removeprefix("sha256:").startswith(wanted)}
    name = version.dataset.name
    if not fitting:
        raise NotRegisteredError(f"no claim of dataset {name!r} goes back to {begins[:80]!r}", hint=f"see: provenance datasets evidence {name}")
    if len(fitting) > 1:
        raise NotRegisteredError(f"{begins[:80]!r} begins {len(fitting)} digests of dataset {name!r}", hint="give more digits")
    ((digest, claim),) = fitting.items()
    return claim, tools.evidence.get_bytes(digest, suffix=SNAPSHOT_SUFFIX)


def _with_digest(version: DatasetVersion) -> Iterator[BackedClaim]:
    return (c for c in iter_claims(version.dataset) if is_digest(c.evidence.sha256))


def _not_kept(name: str, why: str) -> ReadProblem:
    return ReadProblem(path=name, line=None, record=None, message=f"not kept as evidence: {why}")


class _States:
    """Tells of digests whether their bytes are at hand; each is looked at once."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._known: dict[str, Kept] = {}

    def of(self, digest: str) -> Kept:
        if not is_digest(digest):
            return Kept.NO_DIGEST
        if digest not in self._known:
            self._known[digest] = self._look(digest)
        return self._known[digest]

    def _look(self, digest: str) -> Kept:
        if not self._tools.evidence.has(digest, suffix=SNAPSHOT_SUFFIX):
            return Kept.NOT_KEPT
        try:
            self._tools.evidence.get_bytes(digest, suffix=SNAPSHOT_SUFFIX)
        except RegistryError:
            return Kept.DAMAGED
        return Kept.KEPT
