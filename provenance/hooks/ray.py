"""Ray Train: ``gated`` around the training loop, ``fit`` in the place of ``trainer.fit()``.

``fit`` checks on the driver before workers get anything. ``gated`` checks in every worker once its process group is up: the workers of a node share the hashing, and
one denial denies all. A worker's denial is an error there, since Ray takes a worker that exits for one that crashed and may start it again; ``fit`` turns it into the
driver's own denial, exit code 77.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Unpack

from provenance.clearance.check import GatePass
from provenance.hooks import last_word
from provenance.hooks.configured import required_gate
from provenance.hooks.gate import GateOptions, PathText, TrainingBlocked, announce, pass_gate, tell_passed
from provenance.hooks.ranks import examine_together

try:
    from ray.train import Result
except ImportError as err:
    raise ImportError("provenance.hooks.ray needs Ray Train: pip install 'provenance-audit[ray]'") from err

Loop = Callable[..., Any]


_GATED = "provenance_gated"


class DeniedInWorkerError(RuntimeError):
    """A worker of a Ray job was denied. It carries the reasons to the driver."""

    def __init__(self, reasons: tuple[str, ...], hint: str | None, clearance: str, kind: str) -> None:
        """Carry a denial: what pickles, and nothing else."""
        super().__init__(reasons, hint, clearance, kind)
        self.reasons, self.hint, self.clearance, self.kind = reasons, hint, clearance, kind

    def __str__(self) -> str:
        """Return the reasons."""
        return "training blocked: " + "; ".join(self.reasons)


def gated(loop: Loop, clearance: PathText, **options: Unpack[GateOptions]) -> Loop:
    """Return a training loop that starts only where every worker passed the gate.

    >>> trainer = TorchTrainer(gated(train, "/srv/run.clearance.json", roots=["/data"]), scaling_config=…)  # doctest: +SKIP

    Args:
        loop: ``train_loop_per_worker``, with or without a configuration.
        clearance: ``X.clearance.json`` where workers find it.
        **options: See ``provenance.hooks.gate.GateOptions``; paths are those of the workers.
    """

    def start(*configuration: Any) -> Any:
        try:
            passed = examine_together(clearance, **options)
        except TrainingBlocked as denial:
            announce(denial)
            raise DeniedInWorkerError(denial.reasons, denial.hint, denial.clearance, denial.kind) from None
        tell_passed(passed)
        return loop(*configuration)

    def start_alone() -> Any:
        return start()

    def start_with(configuration: Any) -> Any:
        return start(configuration)

    for made in (start_with, start_alone):
        setattr(made, _GATED, True)
    return start_with if inspect.signature(loop).parameters else start_alone  # Ray looks at how many arguments a loop takes


def fit(trainer: Any, clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> Result:
    """Return what ``trainer.fit()`` gives, if driver and workers may start.

    Args:
        trainer: A trainer of Ray whose loop is ``gated``.
        clearance: ``X.clearance.json`` on the driver.
        denial_json: File for a denial as JSON.
        **options: See ``provenance.hooks.gate.GateOptions``; paths are those of the driver, which must see the data.

    Raises:
        TrainingBlocked: If the driver or a worker was denied.
    """
    pass_gate(clearance, denial_json=denial_json, **options)
    if not getattr(getattr(trainer, "train_loop_per_worker", None), _GATED, False):
        denial = TrainingBlocked(
            ("the trainer's loop is not gated, so its workers would check nothing",), hint="make it with gated(loop, …)", kind="UsageError"
        )
        last_word.denied(clearance, running=True)
        announce(denial, denial_json=denial_json, roots=options["roots"])
        raise denial
    try:
        result: Result = trainer.fit()
    except Exception as error:  # whatever Ray wraps it in
        denied = next((e for e in _causes(error) if isinstance(e, DeniedInWorkerError)), None)
        if denied is None:
            raise
        denial = TrainingBlocked(denied.reasons, hint=denied.hint, clearance=denied.clearance, kind=denied.kind)
        last_word.denied(clearance, running=True)
        announce(denial, denial_json=denial_json, roots=options["roots"])
        raise denial from error
    return result


def setup() -> GatePass:
    """Check the gate that ``provenance.toml`` or ``/etc/provenance/gate.toml`` configures: for ``runtime_env={"worker_process_setup_hook": "provenance.hooks.ray.setup"}``.

    Every worker process hashes everything by itself, before Ray gives it anything to do.

    Raises:
        DeniedInWorkerError: If the process may not train. Ray then starts no work in it.
    """
    try:
        gate = required_gate()
        return pass_gate(gate.clearance, denial_json=gate.denial_json, **gate.options())
    except TrainingBlocked as denial:
        raise DeniedInWorkerError(denial.reasons, denial.hint, denial.clearance, denial.kind) from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and whatever it carries: what Ray wraps, and the failures of its workers."""
    pending, seen = [error], set[int]()
    while pending:
        found = pending.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        inner = [
            found.__cause__,
            found.__context__,
            getattr(found, "cause", None),
            getattr(found, "base_exc", None),
            getattr(found, "_base_exc", None),
        ]
        failures = getattr(found, "worker_failures", None)
        pending += [e for e in [*inner, *(failures.values() if isinstance(failures, dict) else ())] if isinstance(e, BaseException)]
