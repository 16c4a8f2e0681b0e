"""The gate for all ranks of a running ``torch.distributed`` job: they share the hashing, and one denial denies all.

Rules this module keeps:
* Rank and world size come from the process group, never from the environment.
* Only ranks that see the very same files share: one machine (its boot id), and equal device, inode, size and times of every file. Others cover everything themselves.
* Every rank judges the clearance by its own clock, before and after hashing. What each covered is exchanged, and a cover with a hole is a denial.
* No rank waits for ever. One that was denied waits a moment for the others to hear of it; one that hears nothing within the limit is denied.
* What is exchanged is JSON, over gloo on the processor: no device is touched before the verdict.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, Unpack

from provenance.clearance.check import GatePass, GatePlan, still_holds
from provenance.clearance.faults import ShardProblem
from provenance.clearance.shards import FileIdentity, ShardCheck, VerifiedFile, settle, verify_places
from provenance.clearance.statement import statement_bytes, statement_digest
from provenance.errors import SubjectMismatchError
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks.break_glass import warn
from provenance.hooks.gate import DENIED_EXIT, GateOptions, PathText, TrainingBlocked, announce, denying, end_process_group, examine, plan_run, say
from provenance.hooks.obligation import cover_digest, report_cover

WAIT_S: Final = 1_800.0
"""How long a rank waits for the others to arrive and to hash their shares: longer than any disk needs, and not for ever."""
PARTING_S: Final = 2.0
"""How long a rank that was denied stays so that the others hear why; then it ends, which they notice too."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_TOGETHER: Final = "the check of all ranks"

T = TypeVar("T")
Item = tuple[str, ShardLeaf]
"""A place and the leaf that lies there."""
Exchange = Callable[[str], Sequence[str]]
"""Gives one text to all ranks and returns the texts of all, in the order of ranks."""


class DeniedElsewhere(TrainingBlocked):
    """Training may not start, since another rank was denied."""


def pass_gate_together(
    clearance: PathText, *, denial_json: PathText | None = None, wait_s: float = WAIT_S, **options: Unpack[GateOptions]
) -> GatePass:
    """Return the clearance and every file that was verified, by all ranks together; alone where no process group is initialised.

    To be called by every rank of the default group, at the same point of the script.

    Args:
        clearance: ``X.clearance.json``.
        denial_json: File for the denial as JSON; whoever was denied for a reason of its own writes it.
        wait_s: How long to wait for other ranks, seconds.
        **options: See ``GateOptions``. ``digest_cache`` has no use here and is a denial.

    Raises:
        TrainingBlocked: If anything at all is wrong on any rank. In the group the process ends at once instead, with code 77.
    """
    try:
        passed = examine_together(clearance, denial_json=denial_json, wait_s=wait_s, **options)
    except TrainingBlocked as denial:
        announce(denial, denial_json=denial_json if not isinstance(denial, DeniedElsewhere) else None, roots=options["roots"])
        end_process_group()
        raise
    for note in passed.notes:
        say([f"provenance: {note}"])
    warn(passed.clearance)
    return passed


def examine_together(clearance: PathText, *, denial_json: PathText | None = None, wait_s: float = WAIT_S, **options: Unpack[GateOptions]) -> GatePass:
    """Return what all ranks verified. Says nothing and ends nothing, unless a rank does not come. Arguments are those of ``pass_gate_together``.

    Raises:
        TrainingBlocked: If anything at all is wrong on any rank.
    """
    distributed = _initialised()
    if distributed is None:
        return examine(clearance, **options)
    with _no_waiting_for_ever(clearance, wait_s, denial_json=denial_json) as watch:
        with denying(clearance):
            exchange = _over_gloo(distributed, wait_s)
        return agree(clearance, exchange, rank=int(distributed.get_rank()), on_denial=watch.part, **options)


def agree(
    clearance: PathText,
    exchange: Exchange,
    *,
    rank: int,
    on_denial: Callable[[], None] = lambda: None,
    **options: Unpack[GateOptions],
) -> GatePass:
    """Return what all ranks verified together.

    Args:
        clearance: ``X.clearance.json``.
        exchange: Gives a text to all ranks and returns those of all.
        rank: This process.
        on_denial: Called as soon as this rank was denied, before the others are told.
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
    if rank == sharing[0]:  # one launcher on each machine
        for note in report_cover(passed.clearance, ((file.place, file.leaf) for file in passed.shards.verified)):
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
    if options.get("digest_cache") is not None:
        with denying(clearance):
            raise SubjectMismatchError("a digest cache has no use where ranks share the hashing", hint="leave digest_cache out")
    return plan_run(clearance, **options)


def _hash(plan: GatePlan, share: Sequence[Item]) -> tuple[VerifiedFile, ...]:
    """Return a share as verified.

    Raises:
        ClearanceError: If a file is not as registered, or the clearance does not hold any longer.
    """
    results = verify_places(share, stores=plan.shards.stores)
    problems = [r for r in results if isinstance(r, ShardProblem)]
    verified = tuple(r for r in results if isinstance(r, VerifiedFile))
    _refuse(problems or settle(plan.shards, verified))
    still_holds(plan)
    return verified


def _refuse(problems: Sequence[ShardProblem]) -> None:
    if problems:
        raise SubjectMismatchError(
            f"the data on disk are not the data that were cleared: {len(problems)} file(s) differ",
            hint="restore the registered files, or register, audit and clear the data as they are now",
            reasons=tuple(str(problem) for problem in problems),
        )


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
                    f"{_TOGETHER}: a rank said something else than was asked", hint="call the gate at the same point on all ranks"
                )
            return heard
    except TrainingBlocked as silence:
        if own is not None:
            raise own from silence
        reason = f"{_TOGETHER} was not completed: {'; '.join(silence.reasons)}"
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
            f"{_TOGETHER} left {len(missing)} file(s) unread, such as {missing[0]}", hint="this is a fault of provenance: please report it"
        )
    verified = tuple(sorted(found.values(), key=lambda file: file.place))
    _refuse(settle(plan.shards, verified))  # by this rank's own eyes: what others hashed is what is here
    check = ShardCheck(
        shards=len(plan.shards.leaves), size_bytes=sum(leaf.size_bytes for _, leaf in plan.shards.places), problems=(), verified=verified
    )
    return GatePass(clearance=still_holds(plan), shards=check, began_ns=began_ns)


def _identity(numbers: Sequence[int] | None) -> FileIdentity | None:
    if numbers is None:
        return None
    device, inode, size_bytes, mtime_ns, ctime_ns = map(int, numbers)
    return FileIdentity(device=device, inode=inode, size_bytes=size_bytes, mtime_ns=mtime_ns, ctime_ns=ctime_ns)


def _initialised() -> Any | None:
    """Return ``torch.distributed`` if a process group is up. Never imports torch."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed


def _over_gloo(distributed: Any, wait_s: float) -> Exchange:
    """Return the exchange over the default group, or over a group of gloo beside it where that speaks to devices only.

    Raises:
        SubjectMismatchError: If this build of torch has no gloo, without which ranks cannot speak before a device is touched.
    """
    group = None
    if "gloo" not in str(distributed.get_backend_config() if hasattr(distributed, "get_backend_config") else distributed.get_backend()):
        if not distributed.is_gloo_available():
            raise SubjectMismatchError(
                "the ranks cannot agree: this build of torch has no gloo, and nothing else works without touching a device",
                hint="use the launcher prefix: provenance exec … -- torchrun …",
            )
        group = distributed.new_group(backend="gloo", timeout=timedelta(seconds=wait_s))

    def exchange(text: str) -> list[str]:
        heard: list[Any] = [None] * int(distributed.get_world_size())
        distributed.all_gather_object(heard, text, group=group)
        return [str(said) for said in heard]

    return exchange


@dataclass(slots=True)
class _Watch:
    """Ends this process where the check of all ranks does not come to an end."""

    clearance: PathText
    denial_json: PathText | None
    timer: threading.Timer | None = None
    parting: bool = False

    def start(self, seconds: float) -> None:
        """End the process after some seconds, unless told otherwise before."""
        self.stop()
        self.timer = threading.Timer(seconds, self._end, args=(seconds,))
        self.timer.daemon = True
        self.timer.start()

    def part(self) -> None:
        """Stay only as long as the others need to hear why this rank was denied."""
        if not self.parting:
            self.parting = True
            self.start(PARTING_S)

    def stop(self) -> None:
        """Let the process live."""
        if self.timer is not None:
            self.timer.cancel()

    def _end(self, seconds: float) -> None:
        if not self.parting:
            reason = f"{_TOGETHER} did not end within {seconds:g} s: a rank did not come, or hangs"
            denial = TrainingBlocked((reason,), hint="see which rank says nothing", clearance=os.fspath(self.clearance), kind="TimeoutError")
            announce(denial, denial_json=self.denial_json)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(DENIED_EXIT)


@contextmanager
def _no_waiting_for_ever(clearance: PathText, wait_s: float, *, denial_json: PathText | None) -> Iterator[_Watch]:
    watch = _Watch(clearance=clearance, denial_json=denial_json)
    watch.start(wait_s)
    try:
        yield watch
    finally:
        watch.stop()
