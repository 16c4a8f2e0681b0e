"""``python -I -m provenance.hooks.launcher --clearance F --root DIR -- CMD…``: verify everything, then become the command.

Works where only this package is installed. Exit codes: 77 denied, 2 usage, 1 the command could not be started, 130 and 143 interrupted or ended while checking;
else the command's own. With ``--ranks-verify`` it stays beside the command instead and watches that its ranks hash the data: see ``supervisor``.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from provenance.clearance.check import GatePass, GatePlan
from provenance.clearance.statement import Clearance
from provenance.clearance.strict_json import printable
from provenance.hooks.break_glass import warn
from provenance.hooks.gate import DENIED_EXIT, GateOptions, TrainingBlocked, announce, denying, finish, plan_run, say
from provenance.hooks.progress import Progress

COULD_NOT_RUN: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143
DEFAULT_WITHIN_S: Final = 900.0
"""How long after its start the ranks may take to report that they hashed everything."""


class _UsageError(Exception):
    """The command line cannot be understood."""


class _TerminatedError(BaseException):
    """SIGTERM came while the check was on its way."""


class _Help(argparse.HelpFormatter):
    """Of a fixed width: asking for the terminal's imports what copies files and compresses them."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=78)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(message)


def run(argv: Sequence[str]) -> int:
    """Verify a clearance and replace this process by the command; return an exit code only if that did not happen.

    Args:
        argv: Arguments without the program's name.
    """
    parser = _parser()
    own, command = _split(argv)
    try:
        options = parser.parse_args(own)
        _expect_command(command, options)
    except _UsageError as err:
        say([f"{parser.format_usage()}{parser.prog}: {err}"])
        return USAGE
    try:
        with _ending_by_signal():
            return _launch(options, command)
    except TrainingBlocked as denial:
        announce(denial, denial_json=options.denial_json, roots=options.root)
        return DENIED_EXIT
    except KeyboardInterrupt:
        say(["provenance exec: interrupted while checking: nothing was started"])
        return INTERRUPTED
    except _TerminatedError:
        say(["provenance exec: ended by SIGTERM while checking: nothing was started"])
        return TERMINATED


def main() -> NoReturn:
    """Run as a program. Ends without the interpreter's last steps, of which PYTHONINSPECT would make a prompt and another exit code."""
    from provenance.hooks.surroundings import forget_current_folder

    forget_current_folder()
    try:
        code = run(sys.argv[1:])
    except SystemExit as stop:  # --help
        code = stop.code if isinstance(stop.code, int) else 0
    leave(code)


def leave(code: int) -> NoReturn:
    """End this process with an exit code that nothing in the environment can change."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, full, or never there
            continue
    os._exit(code)


def _launch(options: argparse.Namespace, command: Sequence[str]) -> int:
    _refuse_shadows(options.clearance)
    plan = plan_run(options.clearance, **_gate_options(options))
    if options.ranks_verify:
        return _watch(options, plan, command)
    progress = Progress()
    try:
        passed = finish(plan, options.clearance, on_begin=progress.begin, on_bytes=progress.advance, **_gate_options(options))
    finally:
        progress.end()
    say([*success_lines(passed), *(f"provenance: {note}" for note in passed.notes)])
    warn(passed.clearance)
    return _become(command)


def _gate_options(options: argparse.Namespace) -> GateOptions:
    return GateOptions(
        roots=options.root,
        trust=options.trust,
        manifest=options.manifest,
        run_digest=options.run_digest,
        run_file=options.run,
        policy_files=options.policy,
        shard_folders_only=options.shard_folders_only,
        digest_cache=options.digest_cache,
    )


def _refuse_shadows(clearance: str) -> None:
    from provenance.hooks.surroundings import shadowed_modules

    found = shadowed_modules()
    if found:
        raise TrainingBlocked(
            [f"Python's own module {name} was taken from elsewhere, so this check cannot be relied on" for name in found],
            hint="start it as `provenance exec` or `python -I -m provenance.hooks.launcher`, and move these files",
            clearance=clearance,
            kind="SurroundingsError",
        )


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Let SIGTERM end the check with a word, unless the caller has it ignored or handled."""

    def stop(*_: Any) -> NoReturn:
        raise _TerminatedError

    try:
        free = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        if free:
            signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        free = False
    try:
        yield
    finally:
        if free:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="provenance exec",
        usage="%(prog)s --clearance FILE --root DIR [--root DIR ...] [options] -- CMD ...",
        description="Verify a clearance against the data on disk, then run the command. Exit code 77 if it does not hold.",
        allow_abbrev=False,
        formatter_class=_Help,
    )
    parser.add_argument("--clearance", required=True, metavar="FILE", help="X.clearance.json")
    parser.add_argument("--root", action="append", required=True, metavar="DIR", help="data root, a folder or URL; may be given several times")
    parser.add_argument("--trust", metavar="FILE", help="trust file (default: /etc/provenance/trust.json, which must belong to root)")
    parser.add_argument("--manifest", metavar="FILE", help="shard manifest (default: X.manifest.jsonl beside the clearance)")
    parser.add_argument("--run", metavar="FILE", help="the run file: refuse a clearance that was not given for its bytes; break-glass needs it")
    parser.add_argument("--run-digest", metavar="DIGEST", help="refuse a clearance of another run")
    parser.add_argument(
        "--policy", metavar="FILE", action="append", default=[], help="bundle that must have judged the run; may be given several times"
    )
    parser.add_argument(
        "--shard-folders-only", action="store_true", help="look for files that were not cleared only in folders that hold cleared shards"
    )
    parser.add_argument("--denial-json", metavar="FILE", help="write the reasons of a denial to this file")
    parser.add_argument("--digest-cache", metavar="FILE", help="do not hash files that this file says were hashed; the clearance must allow it")
    parser.add_argument("--ranks-verify", action="store_true", help="leave hashing to a hook in the command, and watch; the clearance must allow it")
    parser.add_argument(
        "--ranks-verify-within",
        type=_seconds,
        metavar="SECONDS",
        help=f"with --ranks-verify: end the command if its ranks have not hashed everything by then (default: {DEFAULT_WITHIN_S:g})",
    )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(text)
    return seconds


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the arguments at the first ``--``."""
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _expect_command(command: Sequence[str], options: argparse.Namespace) -> None:
    if not command:
        raise _UsageError("give the command to run after --")
    if options.ranks_verify and options.digest_cache:
        raise _UsageError("--digest-cache has no use with --ranks-verify: give the cache to the hook")
    if options.ranks_verify_within is not None and not options.ranks_verify:
        raise _UsageError("--ranks-verify-within goes with --ranks-verify")


def _become(command: Sequence[str]) -> int:
    if sys.stdout is not None:
        sys.stdout.flush()
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores these, and the command would go on ignoring them
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - running the user's command is the purpose, and no shell is involved
    except (OSError, ValueError) as err:
        return _could_not_start(command, err)


def _could_not_start(command: Sequence[str], err: Exception) -> int:
    reason = getattr(err, "strerror", None) or str(err)
    say([f"provenance exec: {printable(command[0])} could not be started: {reason}"])
    return COULD_NOT_RUN


def _watch(options: argparse.Namespace, plan: GatePlan, command: Sequence[str]) -> int:
    """Run the command beside this process until its end, or until it is plain that its ranks do not hash the data."""
    from provenance.clearance.allowances import require_ranks_verify
    from provenance.hooks.obligation import Obligation, cover_digest
    from provenance.hooks.supervisor import Supervisor, is_supported

    with denying(options.clearance):
        require_ranks_verify(plan.clearance)
    if not is_supported():
        say(["provenance exec: --ranks-verify needs Linux: leave it out, and everything is hashed before the command starts"])
        return USAGE
    within = DEFAULT_WITHIN_S if options.ranks_verify_within is None else options.ranks_verify_within
    say(watching_lines(plan, within))
    warn(plan.clearance)
    obligation = Obligation(cover_digest(plan.clearance, plan.shards.places))
    try:
        return Supervisor(command, obligation, within_s=within, clearance=options.clearance).run()
    except (OSError, ValueError) as err:
        return _could_not_start(command, err)
    finally:
        obligation.close()


def success_lines(passed: GatePass) -> tuple[str, str]:
    """Return the two lines that say what was verified."""
    clearance, check = passed.clearance, passed.shards
    conditions = f", {len(clearance.conditions)} obligation(s) to keep" if clearance.conditions else ""
    cached = f" ({check.from_cache:,} of {len(check.verified):,} file(s) known from the digest cache, not hashed now)" if check.from_cache else ""
    return (
        f"provenance: {_issued(clearance)}{conditions}",
        f"provenance: {check.shards:,} shard(s), {check.size_bytes:,} bytes verified{cached}, root {clearance.manifest_root[:19]}",
    )


def watching_lines(plan: GatePlan, within_s: float) -> tuple[str, str]:
    """Return the two lines that say what was verified and what the ranks owe."""
    size = sum(leaf.size_bytes for _, leaf in plan.shards.places)
    return (
        f"provenance: {_issued(plan.clearance)}, bytes not yet verified",
        f"provenance: the ranks have {within_s:g} s to hash {len(plan.shards.places):,} file(s), {size:,} bytes; else the command is ended",
    )


def _issued(clearance: Clearance) -> str:
    by = "cleared by" if clearance.break_glass is None else "NOT cleared, let start by break-glass, issued by"
    return f"{by} {printable(clearance.issuer.name)}, issued {clearance.issued}, expires {clearance.expires}"


if __name__ == "__main__":
    main()
