"""What ranks say to one another before one of them reads: who sees which files, who hashes which, and whether anybody was denied.

Each rank speaks twice. First whether it was denied, under which clearance and over which files, and what it sees; then what it hashed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, Unpack

from provenance.clearance.check import GatePass, GatePlan, refuse_changed, still_holds
from provenance.clearance.faults import ShardProblem
from provenance.clearance.shards import FileIdentity, ShardCheck, VerifiedFile, settle, verify_places
from provenance.clearance.statement import statement_bytes, statement_digest
from provenance.errors import SubjectMismatchError
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks.gate import GateOptions, PathText, TrainingBlocked, denying, plan_run, say
from provenance.hooks.obligation import cover_digest, report_cover

TOGETHER: Final = "the check of all ranks"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

T = TypeVar("T")
Item = tuple[str, ShardLeaf]
"""A place and the leaf that lies there."""
Exchange = Callable[[str], Sequence[str]]
"""Gives one text to all ranks and returns the texts of all, in the order of ranks."""


class DeniedElsewhere(TrainingBlocked):
    """Training may not start, since another rank was denied."""


def agree(
    clearance: PathText,
    exchange: Exchange,
    *,
    rank: int,
    on_denial: Callable[[], None] = lambda: None,
    on_arrival: Callable[[int], None] = lambda _: None,
    **options: Unpack[GateOptions],
) -> GatePass:
    """Return what all ranks verified together.

    Args:
        clearance: ``X.clearance.json``.
        exchange: Gives a text to all ranks and returns those of all.
        rank: This process.
        on_denial: Called as soon as this rank was denied, before the others are told.
        on_arrival: Called once all ranks have come, with how many bytes a rank has to hash at most.
        **options: See ``GateOptions``.

    Raises:
        TrainingBlocked: If anything is wrong on any rank.
    """
    began_ns = time.time_ns()  # no rank hashes before this one has spoken
    plan, own = _attempt(clearance, lambda: _plan(clearance, options))
    if own is not None:
        on_denial()
    sights = _exchanged(clearance, exchange, _first_word(plan, own), own)
    if plan is None or own is not None:  # the others were told why
        raise own or TrainingBlocked(("the check did not end",), clearance=os.fspath(clearance))
    _refuse_denied(clearance, sights, rank)
    _refuse_strangers(clearance, sights, rank)
    on_arrival(sum(leaf.size_bytes for _, leaf in plan.shards.places))
    sharing = [number for number, word in enumerate(sights) if word["sight"] == sights[rank]["sight"]]
    share = share_of(plan.shards.places, part=sharing.index(rank), parts=len(sharing))
    verified, own = _attempt(clearance, lambda: _hash(plan, share))
    if own is not None:
        on_denial()
    covers = _exchanged(clearance, exchange, _second_word(verified or (), own), own)
    if own is not None:
        raise own
    _refuse_denied(clearance, covers, rank)
    with denying(clearance):
        passed = _join(plan, [covers[number] for number in sharing], began_ns)
    for note in report_cover(
        passed.clearance, ((file.place, file.leaf) for file in passed.shards.verified)
    ):  # several launchers may watch on one machine
        say([f"provenance: {note}"])
    return passed


def share_of(places: Sequence[Item], *, part: int, parts: int) -> list[Item]:
    """Return one rank's share: the largest files first, each to whoever has the fewest bytes so far, so that shares are within one file of each other.

    >>> from provenance.fingerprint.digest import ShardLeaf
    >>> leaf = ShardLeaf(path="a", sha256="sha256:" + "0" * 64, size_bytes=3)
    >>> [share_of([("/a", leaf)], part=number, parts=2) for number in (0, 1)] == [[("/a", leaf)], []]
    True
    """
    loads = [0] * parts
    mine: list[Item] = []
    for place, leaf in sorted(places, key=lambda item: (-item[1].size_bytes, item[0])):
        least = loads.index(min(loads))
        loads[least] += leaf.size_bytes + 1  # empty files are work too
        if least == part:
            mine.append((place, leaf))
    return mine


def _plan(clearance: PathText, options: GateOptions) -> GatePlan:
    """Return what is to be hashed. A digest cache is not asked: ranks share the work instead."""
    return plan_run(clearance, **options)


def _hash(plan: GatePlan, share: Sequence[Item]) -> tuple[VerifiedFile, ...]:
    """Return a share as verified.

    Raises:
        ClearanceError: If a file is not as registered, or the clearance does not hold any longer.
    """
    results = verify_places(share, stores=plan.shards.stores)
    problems = [r for r in results if isinstance(r, ShardProblem)]
    verified = tuple(r for r in results if isinstance(r, VerifiedFile))
    refuse_changed(problems or settle(plan.shards, verified))
    still_holds(plan)
    return verified


def _attempt(clearance: PathText, check: Callable[[], T]) -> tuple[T | None, TrainingBlocked | None]:
    """Return what a check gave, or the denial that it is: the others have to be told of it."""
    try:
        with denying(clearance):
            return check(), None
    except TrainingBlocked as denial:
        return None, denial


def _first_word(plan: GatePlan | None, denial: TrainingBlocked | None) -> dict[str, Any]:
    if plan is None or denial is not None:
        return {"denied": _reasons(denial)}
    return {
        "denied": None,
        "statement": statement_digest(statement_bytes(plan.clearance)),
        "cover": _cover(plan),
        "sight": _sight(plan.shards.places),
    }


def _second_word(verified: Sequence[VerifiedFile], denial: TrainingBlocked | None) -> dict[str, Any]:
    if denial is not None:
        return {"denied": _reasons(denial)}
    return {"denied": None, "covered": [[v.place, v.leaf.path, v.leaf.sha256, _numbers(v.identity)] for v in verified]}


def _reasons(denial: TrainingBlocked | None) -> list[str]:
    return list(denial.reasons if denial is not None else ()) or ["it did not say why"]


def _cover(plan: GatePlan) -> str:
    """Return the digest of what is to be trained on, wherever it lies: the same on all ranks."""
    return cover_digest(plan.clearance, ((leaf.path, leaf) for leaf in {leaf for _, leaf in plan.shards.places}))


def _numbers(identity: FileIdentity | None) -> list[int] | None:
    if identity is None:
        return None
    return [identity.device, identity.inode, identity.size_bytes, identity.mtime_ns, identity.ctime_ns]


def _sight(places: Sequence[Item]) -> str:
    """Return the digest of what this rank sees: ranks of one sight read the same bytes."""
    state = hashlib.sha256(_machine().encode())
    for place, _ in sorted(places, key=lambda item: item[0]):
        state.update(json.dumps([place, _seen(place)]).encode())
    return state.hexdigest()


def _seen(place: str) -> list[int] | None:
    try:
        return _numbers(FileIdentity.of(os.lstat(place)))
    except OSError:
        return None


def _machine() -> str:
    """Return what names this machine since its start; unique to the process where nothing does, so that nothing is shared."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return f"process {os.getpid()} {os.urandom(16).hex()}"


def _exchanged(clearance: PathText, exchange: Exchange, word: Mapping[str, Any], own: TrainingBlocked | None) -> list[dict[str, Any]]:
    """Return what all ranks say; where the others cannot be heard, this rank's own denial counts, or that is one."""
    try:
        with denying(clearance):
            heard = [json.loads(text) for text in exchange(json.dumps(word))]
            if not all(isinstance(said, dict) and "denied" in said for said in heard):
                raise SubjectMismatchError(
                    f"{TOGETHER}: a rank said something else than was asked", hint="call the gate at the same point on all ranks"
                )
            return heard
    except TrainingBlocked as silence:
        if own is not None:
            raise own from silence
        reason = f"{TOGETHER} was not completed: {'; '.join(silence.reasons)}"
        raise TrainingBlocked((reason,), hint="see what the other ranks say", clearance=os.fspath(clearance), kind=silence.kind) from silence


def _refuse_denied(clearance: PathText, words: Sequence[Mapping[str, Any]], rank: int) -> None:
    denied = [(number, word["denied"]) for number, word in enumerate(words) if word["denied"] and number != rank]
    if denied:
        reasons = tuple(f"rank {number} was denied: {reason}" for number, said in denied for reason in said)
        raise DeniedElsewhere(reasons, hint="see what that rank says", clearance=os.fspath(clearance), kind=SubjectMismatchError.__name__)


def _refuse_strangers(clearance: PathText, words: Sequence[Mapping[str, Any]], rank: int) -> None:
    """Refuse ranks that were given another clearance, or other data."""
    reasons = [
        f"rank {number} has another {what} than rank {rank}"
        for number, word in enumerate(words)
        for what, key in (("clearance", "statement"), ("set of shards", "cover"))
        if word.get(key) != words[rank][key]
    ]
    if reasons:
        hint = "give all ranks the same clearance, manifest and data"
        raise TrainingBlocked(reasons, hint=hint, clearance=os.fspath(clearance), kind=SubjectMismatchError.__name__)


def _join(plan: GatePlan, covers: Sequence[Mapping[str, Any]], began_ns: int) -> GatePass:
    """Return the pass for what ranks of one sight covered together.

    Raises:
        SubjectMismatchError: If a place was covered by nobody, or was another file there than it is here.
        ClearanceError: If the clearance does not hold any longer.
    """
    wanted = {(place, leaf.path, leaf.sha256): leaf for place, leaf in plan.shards.places}
    found: dict[tuple[str, str, str], VerifiedFile] = {}
    for cover in covers:
        for place, path, sha256, numbers in cover["covered"]:
            key = (place, path, sha256)
            if key in wanted:
                found[key] = VerifiedFile(place=place, leaf=wanted[key], identity=_identity(numbers))
    missing = sorted(path for place, path, sha256 in wanted.keys() - found.keys())
    if missing:
        raise SubjectMismatchError(
            f"{TOGETHER} left {len(missing)} file(s) unread, such as {missing[0]}", hint="this is a fault of provenance: please report it"
        )
    verified = tuple(sorted(found.values(), key=lambda file: file.place))
    refuse_changed(settle(plan.shards, verified))  # by this rank's own eyes: what others hashed is what is here
    check = ShardCheck(
        shards=len(plan.shards.leaves), size_bytes=sum(leaf.size_bytes for _, leaf in plan.shards.places), problems=(), verified=verified
    )
    return GatePass(clearance=still_holds(plan), shards=check, began_ns=began_ns)


def _identity(numbers: Sequence[int] | None) -> FileIdentity | None:
    if numbers is None:
        return None
    device, inode, size_bytes, mtime_ns, ctime_ns = map(int, numbers)
    return FileIdentity(device=device, inode=inode, size_bytes=size_bytes, mtime_ns=mtime_ns, ctime_ns=ctime_ns)
