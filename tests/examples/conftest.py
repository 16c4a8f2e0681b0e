"""One cleared copy of the sample for all tests of the examples, and commands on PATH that run this checkout."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from provenance.cli.main import run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NOVEL = ("--title", "The Man Who Was Thursday", "--holder", "Example House", "--license", "LicenseRef-all-rights-reserved")
PATHS = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A copy of the prepared sample that a test may change."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def clearance(self) -> Path:
        return self.folder / "helpdesk-7b.clearance.json"

    @property
    def run_file(self) -> Path:
        return self.folder / "run.yaml"

    @property
    def trust(self) -> Path:
        return self.folder / "trust.json"

    def change(self) -> None:
        """Add one byte to a cleared shard."""
        with (self.data / "prose" / "prose.jsonl").open("ab") as file:
            file.write(b"\n")


def work(folder: Path, *arguments: str, expect: int = 0) -> None:
    """Run one command in this process, and insist on its exit code."""
    code = run(["-C", str(folder), "-q", *arguments])
    assert code == expect, (arguments, code)


def prepare(folder: Path) -> None:
    """Make ``folder/blocked``, the audited sample as it is, and ``folder/cleared``, the same mended, audited and cleared."""
    blocked, cleared = folder / "blocked", folder / "cleared"
    shutil.copytree(EXAMPLES / "sample", blocked)
    work(blocked, "init")
    work(blocked, "register", "--manifest", "datasets.yaml")
    outputs = [f"references/{name}-outputs.jsonl" for name in ("cumulus", "stratus")]
    work(blocked, "reference", "add", "known-outputs", *outputs, "--kind", "api-output", "--text-field", "output")
    novel = "references/the-man-who-was-thursday.txt"
    work(blocked, "reference", "add", "novels", novel, "--kind", "work", "--id-template", "work:{stem}", *NOVEL)
    work(blocked, "audit", "run.yaml", "--no-report", "-j", "1", expect=11)
    shutil.copytree(blocked, cleared)
    work(cleared, "remedy", "drop", "--apply")
    shutil.copy(cleared / "mended" / "datasets.yaml", cleared / "datasets.yaml")
    work(cleared, "register", "--manifest", "datasets.yaml")
    work(cleared, "audit", "run.yaml", "--no-report", "-j", "1")
    work(cleared, "keys", "new", "officer", "--no-passphrase")
    work(cleared, "clear")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``prepare`` filled, made once a test run: by the first worker that comes, while the others wait."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "prepared-sample"
    with (folder.parent / "prepared-sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            prepare(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture
def cleared(prepared: Path, tmp_path: Path) -> Workspace:
    return Workspace(folder=Path(shutil.copytree(prepared / "cleared", tmp_path / "cleared")))


@pytest.fixture
def blocked(prepared: Path, tmp_path: Path) -> Workspace:
    return Workspace(folder=Path(shutil.copytree(prepared / "blocked", tmp_path / "blocked")))


def script(path: Path, text: str) -> Path:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def gate_python(tmp_path: Path) -> Path:
    """A Python whose site-packages hold this checkout, installed or not. It takes ``-I -m provenance.hooks.launcher`` and nothing else.

    It refuses a variable of its caller that could load something into it.
    """
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from provenance.hooks.launcher import run; sys.exit(run(sys.argv[1:]))"
    text = f"""#!/bin/sh
[ "$1" = -I ] && [ "$2" = -m ] && [ "$3" = provenance.hooks.launcher ] || exit 125
[ -z "${{OPENSSL_CONF+set}}" ] || exit 124
shift 3
exec {sys.executable} -I -c {json.dumps(code)} "$@"
"""
    return script(tmp_path / "opt" / "python", text)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """A folder for PATH with the command ``provenance`` of this checkout."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from provenance.cli.main import main; main()"
    return script(tmp_path / "bin" / "provenance", f'#!/bin/sh\nexec {sys.executable} -c {json.dumps(code)} "$@"\n').parent


def answer_audits(bin_folder: Path, code: int, text: str = "{}") -> None:
    """Let ``provenance audit`` end with this code and text at once, and every other command run for real."""
    real = bin_folder / "provenance-real"
    if not real.exists():
        (bin_folder / "provenance").rename(real)
    told = bin_folder / "audit.txt"
    told.write_text(text, encoding="utf-8")
    words = f'for word in "$@"; do if [ "$word" = audit ]; then cat {told}; exit {code}; fi; done'
    script(bin_folder / "provenance", f'#!/bin/sh\n{words}\nexec {real} "$@"\n')


def shell(command: str, *, folder: Path, bin_folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a bash script as continuous integration does: stop at the first failure, also in a pipe."""
    env = {"PATH": f"{bin_folder}:{PATHS}", "HOME": str(folder), **environment}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
