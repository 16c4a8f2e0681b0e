"""What every trainer's adapter does, apart from the trainer's own names for it: check, resolve what it was given, tell what listens.

Rules:
* The clearance and every byte are checked when the gate is made, and again when training begins, by all ranks together.
* A dataset of the ``datasets`` package is resolved to registered shards; one that was not made from them is a denial.
* A dataset of the user's own is let through, since everything under the roots was verified; that nobody follows its reading is said in one line.
  ``require_guarded`` refuses it.
* The shards behind training data are told to what listens as read in full: what the ``datasets`` package made of them is what is trained on.
* While it trains, shards are looked at now and then, whoever reads them: one that changed ends the run.
* A fault of these checks is a denial, never silence.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn, Unpack

from provenance.clearance.check import GatePass
from provenance.clearance.strict_json import printable
from provenance.errors import ProvenanceError
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks import last_word
from provenance.hooks.configured import ConfiguredGate
from provenance.hooks.gate import GateOptions, PathText, TrainingBlocked, announce, end_process_group, utc_now
from provenance.hooks.guard import Guard
from provenance.hooks.loaders import Handed, handed_datasets, is_of_datasets, package_of
from provenance.hooks.observe import RunEnd, RunObserver, Unobserved, UnseenObserver, tell_denied

TRAINED_ON: Final = "train"
"""What trainers' names for training data begin with; evaluation is no training."""
GUARD_HINT: Final = "read the shards through provenance.hooks.torch, or load them with datasets.load_dataset from the data roots"
LOOK_EVERY_S: Final = 1.0
"""How often shards are looked at while others read them."""
SHARE_OF_TIME: Final = 100
"""How much longer than a look the time to the next one is."""
Record = PathText | RunObserver | Callable[[GatePass], RunObserver]
"""Where a run is told: a folder, what listens, or what makes that."""


class TrainerGate:
    """Lets one trainer start only under a clearance that holds for the bytes on disk, and for what it was given to read."""

    def __init__(
        self,
        clearance: PathText,
        *,
        framework: str,
        denial_json: PathText | None = None,
        record: Record | None = None,
        require_guarded: bool = False,
        **options: Unpack[GateOptions],
    ) -> None:
        """Check at once; where a process group is up, with all its ranks, each of which has to make its gate.

        Args:
            clearance: ``X.clearance.json``.
            framework: Name of the trainer, for the run record.
            denial_json: File for a denial as JSON.
            record: Folder in which a run record is kept, what else listens to the run, or what makes that from what was verified (such as a
                ``RunRecorder`` with a key).
            require_guarded: Refuse datasets whose reading nobody follows.
            **options: See ``provenance.hooks.gate.GateOptions``.

        Raises:
            TrainingBlocked: If training may not start.
        """
        self._clearance = clearance
        self._options = options
        self._denial_json = denial_json
        self._framework = framework
        self._record = record
        self._require_guarded = require_guarded
        self._observer: RunObserver | None = None
        self._told_unseen: set[str] = set()
        self._resolved: dict[str, object] = {}
        self._told_read: set[str] = set()
        self._guard: Guard | None = None
        self._look_again_at = 0.0
        self._denial: TrainingBlocked | None = None
        self.begun = False
        """Every byte was checked again since the constructor."""
        self.passed: GatePass = self._pass_gate()
        _note_caches()

    @classmethod
    def configured(cls, found: ConfiguredGate, *, framework: str) -> TrainerGate:
        """Return the gate that files configure. Errors are those of the constructor."""
        return cls(
            found.clearance,
            framework=framework,
            denial_json=found.denial_json,
            record=None if found.record is None else partial(_record_below, found.record, framework),
            require_guarded=found.require_guarded,
            **found.options(),
        )

    @property
    def observer(self) -> RunObserver:
        """What listens to the run."""
        if self._observer is None:
            self._observer = self._listen()
        return self._observer

    def check_again(self) -> None:
        """Check the clearance and every byte once more, with the other ranks of a running process group.

        Raises:
            TrainingBlocked: If the clearance no longer holds, or the data have changed.
        """
        self.passed = self._pass_gate()
        self.begun = True
        self._denial = None

    def check_data(self, given: Mapping[str, object]) -> None:
        """Resolve what the trainer was given to registered shards, unless this was done already.

        Args:
            given: Datasets and loaders, by the trainer's names for them.

        Raises:
            TrainingBlocked: If one was made from data that were not cleared.
        """
        fresh = {name: value for name, value in given.items() if value is not None and self._resolved.get(name) is not value}
        try:
            found = [(handed, self._shards_behind(handed)) for handed in handed_datasets(fresh)]
        except TrainingBlocked as denial:
            self.refuse(denial)
        except Exception as err:  # noqa: BLE001 – a stranger's dataset may raise anything, and a check that failed is no check
            reason = f"what the trainer was given cannot be looked into: {type(err).__name__}: {err}"
            self.refuse(TrainingBlocked((reason,), hint="this is a fault of provenance: please report it", kind=type(err).__name__))
        unseen = [handed for handed, shards in found if shards is None]
        if unseen and self._require_guarded:
            reasons = [f"{h.name}: nobody follows what {type(h.dataset).__qualname__} reads, and require_guarded is set" for h in unseen]
            self.refuse(TrainingBlocked(reasons, hint=GUARD_HINT, kind="SubjectMismatchError"))
        self._tell_unseen(unseen)
        self._tell_read(found)
        if self.begun:
            self._resolved.update(fresh)

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        """Tell what listens of a step, and look at the shards now and then. Arguments are those of ``RunObserver.step_ended``.

        Raises:
            TrainingBlocked: If a shard has changed since it was verified, or training was denied before.
        """
        if self._denial is not None:  # was swallowed
            raise self._denial
        self._look_at_shards()
        self.observer.step_ended(step, epoch=epoch)

    def run_ended(self, end: RunEnd) -> None:
        """Tell what listens that the run is over."""
        self.observer.run_ended(end)

    def failed(self, error: BaseException) -> None:
        """Tell what listens that an error ended the run, by what kind of error it is."""
        if isinstance(error, TrainingBlocked):
            self.run_ended(RunEnd.DENIED)
        else:
            self.run_ended(RunEnd.STOPPED if isinstance(error, KeyboardInterrupt | SystemExit) else RunEnd.FAILED)

    def refuse(self, denial: TrainingBlocked) -> NoReturn:
        """Say why, and end this process or its group.

        Raises:
            TrainingBlocked: Always, where no process group runs.
        """
        denial.clearance = denial.clearance or os.fspath(self._clearance)
        self._denial = denial
        last_word.denied(self._clearance, running=True)
        announce(denial, denial_json=self._denial_json, roots=self._options["roots"])
        if self._observer is not None:
            tell_denied(self._observer, denial.reasons)
        end_process_group()
        raise denial

    def _pass_gate(self) -> GatePass:
        """Return what was verified: by all ranks together where their group is up already, by this process alone before that."""
        from provenance.hooks.ranks import pass_gate_together

        return pass_gate_together(self._clearance, denial_json=self._denial_json, **self._options)

    def _shards_behind(self, handed: Handed) -> tuple[ShardLeaf, ...] | None:
        """Return the shards a dataset was made from, none for one whose reads are told one by one, ``None`` where nobody knows."""
        if is_of_datasets(handed.dataset):
            from provenance.hooks.datasets import shards_behind

            return shards_behind(handed.dataset, self.passed)
        if package_of(handed.dataset) != "provenance":
            return None
        guarded = getattr(handed.dataset, "guarded", None)
        if guarded is not None and guarded.passed.clearance.manifest_root != self.passed.clearance.manifest_root:
            raise TrainingBlocked((f"{handed.name} is read under another clearance",), hint="give the guard and the trainer the same clearance")
        return ()

    def _look_at_shards(self) -> None:
        """See whether every shard is still what was verified, also where others read it: at most every second, and for a hundredth of the time."""
        began = time.monotonic()
        if began < self._look_again_at:
            return
        if self._guard is None or self._guard.passed is not self.passed:
            self._guard = Guard.of(self.passed, observer=self.observer, denial_json=self._denial_json, clearance=self._clearance)
        self._guard.check_unchanged()
        ended = time.monotonic()
        self._look_again_at = ended + max(LOOK_EVERY_S, SHARE_OF_TIME * (ended - began))

    def _tell_read(self, found: Sequence[tuple[Handed, tuple[ShardLeaf, ...] | None]]) -> None:
        """Tell what listens what is trained on, once training has begun."""
        for handed, shards in found if self.begun else ():
            if not handed.name.startswith(TRAINED_ON):
                continue
            if shards is None and isinstance(self.observer, UnseenObserver):
                self.observer.reads_unseen(f"{handed.name}: what {type(handed.dataset).__qualname__} reads")
            for leaf in shards or ():
                if leaf.path not in self._told_read:
                    self._told_read.add(leaf.path)
                    self.observer.shard_read(leaf.path, leaf.size_bytes)

    def _tell_unseen(self, unseen: Sequence[Handed]) -> None:
        for handed in unseen:
            kind = type(handed.dataset).__qualname__
            if kind not in self._told_unseen and rank_and_world()[0] == 0:
                self._told_unseen.add(kind)
                line = f"provenance: {handed.name}: the data roots were verified, but nobody follows what {kind} reads; {GUARD_HINT}"
                sys.stderr.write(printable(line) + "\n")

    def _listen(self) -> RunObserver:
        if self._record is None:
            return Unobserved()
        try:
            if callable(self._record):
                return self._record(self.passed)
            return _recorder(self._record, self.passed, self._framework) if isinstance(self._record, str | os.PathLike) else self._record
        except ProvenanceError as err:
            self.refuse(TrainingBlocked((f"no run record can be kept: {err}",), hint=err.hint, kind=type(err).__name__))


def _recorder(folder: PathText, passed: GatePass, framework: str) -> RunObserver:
    from provenance.hooks.record import RunRecorder

    rank, world_size = rank_and_world()
    return RunRecorder(folder, passed, framework=framework, rank=rank, world_size=world_size)


def _record_below(parent: Path, framework: str, passed: GatePass) -> RunObserver:
    """Return what keeps this run's record in a new folder, the same one for all ranks."""
    names = [f"{utc_now().replace(':', '')}-{secrets.token_hex(4)}"]
    if rank_and_world()[1] > 1:
        sys.modules["torch.distributed"].broadcast_object_list(names, src=0)
    return _recorder(parent / names[0], passed, framework)


def _note_caches() -> None:
    """Have the ``datasets`` package, where it is installed, note what it makes caches from: what it loads after this can be traced."""
    if find_spec("datasets") is not None:
        with suppress(ImportError):  # a package of the project's own may have this name
            import provenance.hooks.datasets  # noqa: F401 – importing it is what starts the notes


def rank_and_world() -> tuple[int, int]:
    """Return this process's rank and how many there are, by a running ``torch.distributed`` group; never by the environment."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0, 1
    return int(distributed.get_rank()), int(distributed.get_world_size())
