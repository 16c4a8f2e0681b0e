"""Try bundles that are not ours in a process of its own, with limits on time and memory, before they are compiled here.

The language of conditions cannot loop or grow (docs/adr/0005), and every document is bounded. Should a condition still bring the engine down, exhaust the memory or never
end, then it is the child that dies, and the audit says which file it was. What is tried: reading, compiling, the bundle's own tests, and of every rule the costliest
evaluation, that in which all it reads is unknown (docs/adr/0017).
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from provenance.errors import PolicyDocumentError
from provenance.policy.bundle_tests import harmless_values, run_bundle_tests
from provenance.policy.facts import UNKNOWN, FactField, FactValue, schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.reading import read_bundle
from provenance.policy.rules import Bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a trial may take."""

    cpu_s: int = 20
    wall_s: float = 60
    memory_bytes: int = 2 << 30
    """Address space; the engine and its libraries take about half a GiB of it."""


LIMITS = Limits()
_CHILD = "import sys; sys.path[:] = {path!r}; from provenance.policy.trial import main; main()"


def try_apart(bundles: Sequence[tuple[str, bytes]], limits: Limits = LIMITS) -> None:
    """Try bundles in a child process.

    Args:
        bundles: (path, bytes) of each.
        limits: What all of them together may take.

    Raises:
        PolicyDocumentError: If one is malformed, or the child was killed or ended by itself.

    Cost:
        About 0.2 s for the process, and what reading and trying takes.
    """
    files = ", ".join(path for path, _ in bundles)
    given = {"cpu_s": limits.cpu_s, "memory_bytes": limits.memory_bytes, "bundles": [[p, base64.b64encode(raw).decode()] for p, raw in bundles]}
    command = [sys.executable, "-I", "-c", _CHILD.format(path=sys.path)]
    try:
        done = subprocess.run(command, input=json.dumps(given).encode(), capture_output=True, timeout=limits.wall_s, check=False)  # noqa: S603 - this very interpreter, and no shell
    except subprocess.TimeoutExpired as err:
        raise PolicyDocumentError(f"{files}: not read and tried within {limits.wall_s:g} s", hint=_HINT) from err
    except OSError as err:
        raise PolicyDocumentError(f"{files}: no process could be started to try it in: {err.strerror}") from err
    _tell(done, files, limits)


_HINT = "make conditions shorter, or split the bundle"


def _tell(done: subprocess.CompletedProcess[bytes], files: str, limits: Limits) -> None:
    if done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise PolicyDocumentError(f"{files}: stopped while it was tried: more than {limits.cpu_s} s of processor time, or out of memory", hint=_HINT)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = None
    if done.returncode or not isinstance(answer, dict):
        reason = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise PolicyDocumentError(
            f"{files}: the process that tried it ended with {reason}" + (f": {said[-1]}" if said else ""),
            hint=f"it may take {limits.memory_bytes >> 20} MiB of memory; {_HINT}",
        )
    if answer["fault"]:
        raise PolicyDocumentError(answer["fault"], hint=answer["hint"])


def main() -> None:
    """Be the child: read bundles from standard input, try them, and write what came of it to standard output."""
    import resource  # there is none on Windows, where nothing starts this

    given = json.loads(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (given["memory_bytes"], given["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (given["cpu_s"], given["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: dict[str, str | None] = {"fault": None, "hint": None}
    try:
        for path, raw in given["bundles"]:
            try_bundle(read_bundle(base64.b64decode(raw), where=path))
    except PolicyDocumentError as err:
        answer = {"fault": str(err), "hint": err.hint}
    sys.stdout.write(json.dumps(answer))


def try_bundle(bundle: Bundle) -> None:
    """Run a bundle's tests, and every rule on facts of which none is known."""
    run_bundle_tests(bundle)
    params: dict[str, FactValue] = {f"params.{name}": value for name, value in bundle.params}
    for rule in bundle.rules:
        fields = schema_paths(rule.for_each)
        judge(rule, {**harmless_values(), **{path: v for path, f in fields.items() if (v := _unknown(f)) is not None}, **params}, fields)


def _unknown(field: FactField) -> FactValue | None:
    """Return the value that makes a fact unknown, or says so of another; ``None`` where it is always known."""
    if field.is_tristate or field.may_be_absent:
        return UNKNOWN
    return "NO" if field.path.endswith("known") and field.values == ("YES", "NO") else None
