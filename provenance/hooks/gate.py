"""The check a trainer makes before it touches data: fails closed, says why, and ends the job.

The denial is a ``SystemExit`` outside the package's error tree, so that neither ``except Exception`` nor ``except ProvenanceError`` in a training
script swallows it. No environment variable can switch the gate off: none is read here but the address at which a launcher that watches wants to be told
(``obligation``), and of roots that are URLs the store's own package reads where the store is and with what credentials, as the trainer's does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Required, TypedDict, Unpack

from provenance.clearance.binding import AskedRun
from provenance.clearance.check import GatePass, GatePlan, pass_plan, plan_gate
from provenance.clearance.shards import Reading, split_roots
from provenance.clearance.statement import Clearance
from provenance.clearance.strict_json import printable
from provenance.clearance.trust import load_trust
from provenance.errors import ClearanceError, ProvenanceError
from provenance.hooks import last_word
from provenance.hooks.break_glass import warn
from provenance.hooks.obligation import report_cover, report_denial

DENIED_EXIT: Final = last_word.EXIT_CODE
MAX_WAIT_S: Final = 86_400
"""Longest time that ``wait_s`` may say, seconds."""
DENIAL_FORMAT: Final = "provenance.denial"
DENIAL_VERSION: Final = 1
MAX_SHOWN_REASONS: Final = 20

PathText = str | os.PathLike[str]


class TrainingBlocked(SystemExit):
    """Training may not start. Exit code 77; the reasons have been printed."""

    def __init__(self, reasons: Sequence[str], *, hint: str | None = None, clearance: str = "", kind: str = "ClearanceError") -> None:
        """Make the denial.

        Args:
            reasons: Why, one sentence each.
            hint: What the user can do about it.
            clearance: Path of the clearance that was asked.
            kind: Name of the error class behind it.
        """
        super().__init__(DENIED_EXIT)
        self.reasons = tuple(reasons)
        self.hint = hint
        self.clearance = clearance
        self.kind = kind

    def __str__(self) -> str:
        """Return the reasons, for whoever catches and logs it."""
        return "training blocked: " + "; ".join(self.reasons)


def utc_now() -> str:
    """Return this machine's time, RFC 3339 UTC."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class GateOptions(TypedDict, total=False):
    """What every hook takes beside the clearance, by name."""

    roots: Required[Sequence[PathText]]
    """Data roots, at least one: folders, or URLs of stores as text."""
    trust: PathText | None
    """Trust file; the root-owned ``/etc/provenance/trust.json`` where not given."""
    manifest: PathText | None
    """Shard manifest; beside the clearance where not given."""
    run_digest: str | None
    """The run about to start, if known."""
    policy_digests: Sequence[str] | None
    """All bundles that judged it, if known."""
    run_file: PathText | None
    """The run file about to start: its bytes must be those that were audited. A break-glass clearance needs this, or ``run_digest``."""
    policy_files: Sequence[PathText]
    """Bundles that must be among those that judged it, byte by byte; what they include need not be named."""
    shard_folders_only: bool
    """Look for files that were not cleared only in folders that hold cleared shards: for roots that hold other datasets too."""
    clock: Callable[[], str]
    """Where the time comes from, RFC 3339 UTC."""
    digest_cache: PathText | None
    """File of digests of files that were hashed before; only where the clearance allows it."""
    wait_s: float
    """How long a rank waits for the other ranks of its process group to come to the gate, seconds; ten minutes where not given."""


def require_clearance(clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> Clearance:
    """Return the clearance if training may start; else print why and end the job with exit code 77.

    Args:
        clearance: ``X.clearance.json``.
        denial_json: File for the denial as JSON.
        **options: See ``GateOptions``.

    Raises:
        TrainingBlocked: If anything at all is wrong. In an initialised ``torch.distributed`` process group the process ends at once instead, since
            other ranks would wait for this one.
    """
    return pass_gate(clearance, denial_json=denial_json, **options).clearance


def pass_gate(clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> GatePass:
    """Return the clearance and every file that was verified. Arguments and errors are those of ``require_clearance``.

    A break-glass clearance is told of on stderr.
    """
    try:
        passed = examine(clearance, **options)
    except TrainingBlocked as denial:
        last_word.denied(clearance)
        announce(denial, denial_json=denial_json, roots=options["roots"])
        end_process_group()
        raise
    last_word.passed(clearance)
    tell_passed(passed)
    return passed


def tell_passed(passed: GatePass) -> None:
    """Say what the user has to know of a gate that was passed: notes, and loudly a break-glass clearance. For whoever calls ``examine`` and goes on."""
    say(f"provenance: {note}" for note in passed.notes)
    warn(passed.clearance)


def examine(clearance: PathText, **options: Unpack[GateOptions]) -> GatePass:
    """Return what was checked if training may start. Prints nothing, ends nothing. Arguments are those of ``require_clearance``.

    A launcher that left hashing to the ranks and watches them is told that everything was hashed.

    Raises:
        TrainingBlocked: If anything at all is wrong.
    """
    plan = plan_run(clearance, **options)
    passed = finish(plan, clearance, **options)
    for note in report_cover(passed.clearance, ((file.place, file.leaf) for file in passed.shards.verified)):
        say([f"provenance: {note}"])
    return passed


def plan_run(clearance: PathText, **options: Unpack[GateOptions]) -> GatePlan:
    """Check everything but the bytes, and return what has to be hashed. Arguments and errors are those of ``examine``."""
    with denying(clearance):
        return plan_gate(
            clearance,
            manifest_path=options.get("manifest"),
            roots=options["roots"],
            trust=load_trust(options.get("trust")),
            now=options.get("clock", utc_now),
            run=AskedRun(
                run_digest=options.get("run_digest"),
                policy_digests=options.get("policy_digests"),
                run_file=options.get("run_file"),
                policy_files=options.get("policy_files", ()),
            ),
            shard_folders_only=options.get("shard_folders_only", False),
        )


def finish(
    plan: GatePlan,
    clearance: PathText,
    *,
    on_begin: Callable[[int, int], None] | None = None,
    on_bytes: Callable[[int], None] | None = None,
    **options: Unpack[GateOptions],
) -> GatePass:
    """Hash what a plan names. Arguments and errors are those of ``examine``.

    Args:
        plan: What ``plan_run`` returned for the same options.
        clearance: ``X.clearance.json``.
        on_begin: Told the number of files and bytes before the first is read.
        on_bytes: Told of every block hashed, one call at a time, from any thread.
        **options: See ``GateOptions``.
    """
    with denying(clearance):
        cache, path = None, options.get("digest_cache")
        if path is not None:
            from provenance.clearance.digest_cache import open_cache

            cache = open_cache(path, roots=plan.shards.disk.roots)
        return pass_plan(plan, reading=Reading(on_begin=on_begin, on_bytes=on_bytes, cache=cache))


@contextmanager
def denying(clearance: PathText) -> Iterator[None]:
    """Turn whatever goes wrong into a denial.

    Raises:
        TrainingBlocked: With the reasons.
    """
    where = os.fspath(clearance)
    try:
        yield
    except ClearanceError as err:
        raise TrainingBlocked(err.reasons, hint=err.hint, clearance=where, kind=type(err).__name__) from err
    except ProvenanceError as err:
        raise TrainingBlocked((str(err),), hint=err.hint, clearance=where, kind=type(err).__name__) from err
    except Exception as err:
        from provenance.storage.secrets import redact

        reason = redact(f"the check itself failed: {type(err).__name__}: {err}")
        raise TrainingBlocked((reason,), hint="this is a fault of provenance: please report it", clearance=where, kind=type(err).__name__) from err


def announce(denial: TrainingBlocked, *, denial_json: PathText | None = None, roots: Iterable[PathText] = ()) -> None:
    """Print a denial as one block on stderr and, where asked, write it as JSON. Never raises: what telling met must not take the denial's place.

    Args:
        denial: What was refused and why.
        denial_json: File for the JSON; never written through a link.
        roots: Data roots: a file below one of them would be one that was not cleared, and is not written.
    """
    try:
        _announce(denial, denial_json, roots)
    except Exception:  # noqa: BLE001 – whatever stands in the place of stderr, of a path or of a reason
        say((f"TRAINING BLOCKED by provenance (exit {DENIED_EXIT})",))


def _announce(denial: TrainingBlocked, denial_json: PathText | None, roots: Iterable[PathText]) -> None:
    lines = denial_lines(denial)
    document = denial_document(denial)
    report_denial(document)
    if denial_json is not None and (why := _write_denial(document, os.fspath(denial_json), roots)) is not None:
        lines.insert(-1, f"  note       the denial could not be written to {printable(os.fspath(denial_json))}: {why}")
    say(lines)


def say(lines: Iterable[str]) -> None:
    """Print lines on stderr, on a terminal no wider than it. Where nobody can read them, as with a closed or full stderr, the exit code alone must speak.

    Never raises: people put objects in the place of ``sys.stderr`` that can write and nothing else, or not even that.
    """
    told = list(lines)
    if told and sys.stderr is not None:
        with suppress(Exception):
            sys.stderr.write("".join(f"{line}\n" for line in _fitting(told)))
            sys.stderr.flush()


def _fitting(lines: list[str]) -> list[str]:
    try:
        from provenance.hooks.lines import fitting

        return fitting(lines, sys.stderr)
    except Exception:  # noqa: BLE001 – how lines look must not decide whether they are told
        return lines


def _write_denial(document: str, path: str, roots: Iterable[PathText]) -> str | None:
    """Write a denial; return why it could not be."""
    try:
        folder = os.path.realpath(os.path.dirname(path))  # noqa: PTH120 - text in, text out
        for root in map(os.path.realpath, split_roots(roots)[0]):
            if folder == root or folder.startswith(root.rstrip(os.sep) + os.sep):
                return "it lies below a data root, where it would be a file that was not cleared"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        with os.fdopen(os.open(path, flags, 0o666), "w", encoding="utf-8") as file:
            file.write(document)
    except (OSError, ValueError) as err:
        link = os.path.islink(path) if "\0" not in path else False  # noqa: PTH114 - text in
        return "it is a link" if link else getattr(err, "strerror", None) or str(err)
    return None


def denial_lines(denial: TrainingBlocked) -> list[str]:
    """Return the denial block for people, line by line."""
    rule = "=" * 78
    lines = [rule, f"TRAINING BLOCKED by provenance (exit {DENIED_EXIT})", f"  clearance  {printable(denial.clearance)}"]
    shown = denial.reasons[:MAX_SHOWN_REASONS]
    for label, reason in zip(("because",) + ("",) * len(shown), shown, strict=False):
        lines.append(f"  {label:<9}  {printable(reason)}")
    if len(denial.reasons) > len(shown):
        lines.append(f"  {'':<9}  and {len(denial.reasons) - len(shown):,} more")
    if denial.hint:
        lines.append(f"  to do      {printable(denial.hint)}")
    return [*lines, rule]


def denial_document(denial: TrainingBlocked) -> str:
    """Return the denial as a JSON document."""
    import json

    wire = {
        "format": DENIAL_FORMAT,
        "version": DENIAL_VERSION,
        "exit_code": DENIED_EXIT,
        "kind": denial.kind,
        "clearance": denial.clearance,
        "reasons": list(denial.reasons),
        "hint": denial.hint,
    }
    return json.dumps(wire, indent=2) + "\n"


def end_process_group() -> None:
    """End this process now if it is a rank of a running ``torch.distributed`` job. Never imports torch."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        sys.stdout.flush()
        os._exit(DENIED_EXIT)
