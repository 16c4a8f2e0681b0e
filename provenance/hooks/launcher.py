"""``python -m provenance.hooks.launcher --clearance F --root DIR -- CMD…``: verify everything, then become the command.

Works where only this package is installed. Exit codes: 77 denied, 2 usage, 1 the command could not be started; else the command's own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from provenance.clearance.check import GatePass
from provenance.clearance.strict_json import printable
from provenance.hooks.break_glass import warn
from provenance.hooks.gate import DENIED_EXIT, TrainingBlocked, announce, examine

COULD_NOT_RUN: Final = 1
USAGE: Final = 2


class _UsageError(Exception):
    """The command line cannot be understood."""


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
        _expect_command(command)
    except _UsageError as err:
        sys.stderr.write(f"{parser.format_usage()}{parser.prog}: {err}\n")
        return USAGE
    try:
        passed = examine(
            options.clearance,
            roots=options.root,
            trust=options.trust,
            manifest=options.manifest,
            run_digest=options.run_digest,
            run_file=options.run,
            policy_files=options.policy,
            shard_folders_only=options.shard_folders_only,
        )
    except TrainingBlocked as denial:
        announce(denial, denial_json=options.denial_json)
        return DENIED_EXIT
    return _become(command, passed)


def main() -> NoReturn:
    """Run as a program."""
    sys.exit(run(sys.argv[1:]))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="provenance exec",
        usage="%(prog)s --clearance FILE --root DIR [--root DIR ...] [--trust FILE] [--manifest FILE] [--run FILE] [--run-digest DIGEST] [--policy FILE ...] [--shard-folders-only] [--denial-json FILE] -- CMD ...",
        description="Verify a clearance against the data on disk, then run the command. Exit code 77 if it does not hold.",
        allow_abbrev=False,
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
    return parser


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the arguments at the first ``--``."""
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _expect_command(command: Sequence[str]) -> None:
    if not command:
        raise _UsageError("give the command to run after --")


def _become(command: Sequence[str], passed: GatePass) -> int:
    for line in success_lines(passed):
        sys.stderr.write(line + "\n")
    warn(passed.clearance)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(command[0], list(command))  # noqa: S606 – running the user's command is the purpose, and no shell is involved
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        sys.stderr.write(f"provenance exec: {printable(command[0])} could not be started: {reason}\n")
        return COULD_NOT_RUN


def success_lines(passed: GatePass) -> tuple[str, str]:
    """Return the two lines that say what was verified."""
    clearance, check = passed.clearance, passed.shards
    by = "cleared by" if clearance.break_glass is None else "NOT cleared, let start by break-glass, issued by"
    conditions = f", {len(clearance.conditions)} obligation(s) to keep" if clearance.conditions else ""
    return (
        f"provenance: {by} {printable(clearance.issuer.name)}, issued {clearance.issued}, expires {clearance.expires}{conditions}",
        f"provenance: {check.shards:,} shard(s), {check.size_bytes:,} bytes verified, root {clearance.manifest_root[:19]}",
    )


if __name__ == "__main__":
    main()
