"""Mutation testing of the code that decides: which share of small changes to `licensing/` and `policy/` the unit tests notice.

`python benchmarks/mutants.py run [--sample N] [--seed S] [MODULE ...]` makes the mutants, runs them with mutmut (its configuration is in pyproject.toml)
and prints the table; `python benchmarks/mutants.py table` prints it from the results that are there; `survivors MODULE` shows the changes nobody noticed.
A module is named as in `licensing/periods`.

Not counted is what changes words for people and nothing else, since it decides nothing:

* a change inside a sentence: a text of two words or more, or an f-string that holds one, or such a text left out or made None;
* a change inside the arguments of `raise`: the message and its place (that an error is raised, and of which class, does count), and whatever is passed as `hint=`.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("licensing", "policy")
MUTANTS = ROOT / "mutants" / "provenance"
_SURVIVED, _NO_TESTS = {0}, {5, 33}
_SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}")
_VARIANT = re.compile(r"(?P<name>.*)__mutmut_(?P<number>orig|\d+)$")
_CALLS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Mutants of one module."""

    module: str
    killed: int
    run: int
    counted: int
    wording: int

    @property
    def share(self) -> float:
        return self.killed / self.run if self.run else math.nan


def is_sentence(node: object) -> bool:
    """Whether an expression is a text for people."""
    match node:
        case ast.Constant(value=str() as text):
            return bool(_SENTENCE.search(text))
        case ast.JoinedStr(values=parts):
            words = "".join(str(p.value) if isinstance(p, ast.Constant) else "xx" for p in parts)
            return any(isinstance(p, ast.Constant) for p in parts) and bool(_SENTENCE.search(words))
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return is_sentence(left) or is_sentence(right)
        case ast.IfExp(body=body, orelse=other):
            return False if not (is_sentence(body) and is_sentence(other)) else isinstance(body, ast.Constant) and isinstance(other, ast.Constant)
        case _:
            return False


def same_decisions(one: object, other: object) -> bool:
    """Whether two pieces of code differ in words for people only."""
    if is_sentence(one):
        return is_sentence(other) or (isinstance(other, ast.Constant) and (other.value is None or isinstance(other.value, str)))
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.Raise) and isinstance(other, ast.Raise):
        return _raised(one) == _raised(other)
    if isinstance(one, ast.Call) and isinstance(other, ast.Call):
        one, other = _without_hint(one), _without_hint(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same_decisions(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        return all(same_decisions(getattr(one, f, None), getattr(other, f, None)) for f in one._fields)
    return one == other


def _raised(node: ast.Raise) -> str:
    return ast.dump(node.exc.func if isinstance(node.exc, ast.Call) else node.exc) if node.exc is not None else ""


def _without_hint(call: ast.Call) -> ast.Call:
    return ast.Call(func=call.func, args=call.args, keywords=[k for k in call.keywords if k.arg != "hint"])


def worded(path: Path) -> set[str]:
    """Return the mutants of a module that change nothing but words, as `function__mutmut_3`."""
    bodies: dict[str, dict[str, list[ast.AST]]] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and (found := _VARIANT.match(node.name)):
            bodies.setdefault(found["name"], {})[found["number"]] = [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]
    return {
        f"{name}__mutmut_{number}"
        for name, variants in bodies.items()
        for number, body in variants.items()
        if number != "orig" and same_decisions(variants["orig"], body)
    }


def results(module: str) -> dict[str, int | None]:
    """Return mutant → exit code of its tests, `None` where they were not run; mutants that change words only are left out."""
    path = MUTANTS / f"{module}.py"
    codes: dict[str, int | None] = json.loads(path.with_suffix(".py.meta").read_text(encoding="utf-8"))["exit_code_by_key"]
    left_out = worded(path)
    return {name: code for name, code in codes.items() if name.rpartition(".")[2] not in left_out}


def count(module: str) -> Count:
    codes = results(module)
    path = MUTANTS / f"{module}.py"
    run = [c for c in codes.values() if c is not None]
    killed = sum(c not in _SURVIVED | _NO_TESTS for c in run)
    return Count(module=module, killed=killed, run=len(run), counted=len(codes), wording=len(worded(path)))


def modules() -> list[str]:
    found = [p.relative_to(MUTANTS).as_posix().removesuffix(".py.meta") for name in PACKAGES for p in sorted((MUTANTS / name).rglob("*.py.meta"))]
    return [m for m in found if json.loads((MUTANTS / f"{m}.py.meta").read_text(encoding="utf-8"))["exit_code_by_key"]]


def interval(counts: list[Count]) -> tuple[float, float, float]:
    """Return the share killed with its 95 % interval: modules are strata, weighted by their mutants, with the correction for small populations."""
    known = [c for c in counts if c.run]
    total = sum(c.counted for c in known)
    share = sum(c.counted * c.share for c in known) / total
    spread = 0.0
    for c in known:
        rate = (c.killed + 1) / (c.run + 2)  # Laplace: a stratum in which all were killed is not without doubt
        spread += (c.counted / total) ** 2 * rate * (1 - rate) / c.run * (1 - c.run / c.counted)
    half = 1.96 * math.sqrt(spread)
    return share, max(0.0, share - half), min(1.0, share + half)


def print_table() -> None:
    for package in PACKAGES:
        counts = [count(m) for m in modules() if m.startswith(f"{package}/")]
        if not any(c.run for c in counts):
            continue
        print(f"\n| {package} | killed | run | mutants that decide | wording only, not counted |\n|---|--:|--:|--:|--:|")
        for c in sorted(counts, key=lambda c: c.module):
            if c.run:
                print(f"| `{c.module.removeprefix(f'{package}/')}` | {c.share:.1%} | {c.run} | {c.counted} | {c.wording} |")
        share, low, high = interval(counts)
        run, counted, wording = (sum(getattr(c, n) for c in counts if c.run) for n in ("run", "counted", "wording"))
        print(f"| **all**, weighted | {share:.1%} ({low:.1%} to {high:.1%}) | {run} | {counted} | {wording} |")


def mutmut(*names: str, tool: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([tool, "run", *names], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"mutmut failed ({done.returncode}):\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def run(chosen: list[str], *, sample: int, seed: int, tool: str) -> None:
    mutmut("provenance.licensing.spdx*", tool=tool)  # makes all mutants, and notes which tests reach which function
    names = []
    for module in chosen or modules():
        codes = results(module)
        drawn = random.Random(f"{seed} {module}").sample(sorted(codes), len(codes))[: sample or None]  # a larger sample holds the smaller one
        names += [n for n in drawn if codes[n] is None or codes[n] in _SURVIVED | _NO_TESTS]  # what was killed stays killed by the same tests
    random.Random(seed).shuffle(names)
    for start in range(0, len(names), _CALLS_AT_ONCE):
        mutmut(*names[start : start + _CALLS_AT_ONCE], tool=tool)
        print(f"{min(start + _CALLS_AT_ONCE, len(names))} of {len(names)} mutants run", file=sys.stderr)


def survivors(chosen: list[str], *, tool: str) -> Iterator[str]:
    for module in chosen or modules():
        for name, code in results(module).items():
            if code in _SURVIVED | _NO_TESTS:
                yield subprocess.run([tool, "show", name], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "table", "survivors"))
    parser.add_argument("modules", nargs="*", help="as in licensing/periods; all where none is named")
    parser.add_argument("--sample", type=int, default=0, help="mutants of each module to run; 0 = all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_intermixed_args()
    tool = str(Path(sys.executable).parent / "mutmut")
    if options.action == "survivors":
        print("\n".join(survivors(options.modules, tool=tool)))
        return
    if options.action == "run":
        run(options.modules, sample=options.sample, seed=options.seed, tool=tool)
    print_table()


if __name__ == "__main__":
    main()
