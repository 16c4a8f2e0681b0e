"""Kernels are cached where that is possible, run anyway where it is not, and are never older than their sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.fingerprint import jit

CALLEE = "from provenance.fingerprint.jit import kernel\n\n@kernel()\ndef step(x):\n    return x + {}\n"
CALLER = "from provenance.fingerprint.callee import step\nfrom provenance.fingerprint.jit import kernel\n\n@kernel()\ndef walk(x):\n    return 10 * step(x)\n"
RUN = "from provenance.fingerprint.caller import walk; print(walk(1), sum(walk.stats.cache_hits.values()))"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A package of two kernels in two files, with the real decorator."""
    package = tmp_path / "provenance" / "fingerprint"
    package.mkdir(parents=True)
    shutil.copy(jit.__file__, package / "jit.py")
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "callee.py").write_text(CALLEE.format(1))
    (package / "caller.py").write_text(CALLER)
    return tmp_path


def run(world: Path, code: str = RUN, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA_", "PYTHON"))}
    env = {**inherited, "PYTHONPATH": str(world), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(world / "home"), **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, cwd=world, capture_output=True, text=True, check=False, timeout=120)


def test_a_second_process_loads_what_the_first_compiled(world: Path) -> None:
    assert run(world, NUMBA_CACHE_DIR=str(world / "cache")).stdout.split() == ["20", "0"]
    assert run(world, NUMBA_CACHE_DIR=str(world / "cache")).stdout.split() == ["20", "1"]


def test_an_edited_callee_reaches_callers_in_other_files(world: Path) -> None:
    assert run(world).stdout.split() == ["20", "0"]
    (world / "provenance/fingerprint/callee.py").write_text(CALLEE.format(4))
    assert run(world).stdout.split() == ["50", "0"]


def test_a_read_only_package_with_an_unwritable_home_costs_one_warning(world: Path) -> None:
    # Files where folders should be: nobody can write there, the superuser included.
    (world / "provenance/fingerprint/__pycache__").touch()
    (world / "nothing").touch()
    unwritable = str(world / "nothing" / "below")
    done = run(world, HOME=unwritable, XDG_CACHE_HOME=unwritable, IPYTHONDIR=unwritable)
    assert (done.returncode, done.stdout.split()) == (0, ["20", "0"]), done.stderr
    assert done.stderr.count("KernelCacheWarning") == 1
    assert "NUMBA_CACHE_DIR" in done.stderr


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"cos\nnothing\n.", *(pytest.param(d, marks=pytest.mark.full) for d in (b"", b"garbage", b"\x80\x05"))])
def test_a_damaged_cache_is_mended(world: Path, suffix: str, damage: bytes) -> None:
    cache = str(world / "cache")
    run(world, NUMBA_CACHE_DIR=cache)
    damaged = list((world / "cache").rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        path.write_bytes(damage)
    mended = run(world, NUMBA_CACHE_DIR=cache)
    assert (mended.stdout.split(), mended.stderr) == (["20", "0"], "")
    assert run(world, NUMBA_CACHE_DIR=cache).stdout.split() == ["20", "1"]


def test_a_cache_that_cannot_be_written_later_costs_one_warning(world: Path) -> None:
    code = "import shutil; from provenance.fingerprint.caller import walk; shutil.rmtree('cache'); open('cache', 'w').close(); print(walk(1))"
    done = run(world, code, NUMBA_CACHE_DIR=str(world / "cache"))
    assert (done.returncode, done.stdout.strip()) == (0, "20"), done.stderr
    assert done.stderr.count("KernelCacheWarning") == 1


def test_kernels_run_as_plain_python_with_equal_results_and_without_warnings() -> None:
    code = (
        "import numpy as np; from provenance.fingerprint.minhash import sketch_rows; from provenance.fingerprint.tokens import tokenize\n"
        'raw = np.frombuffer("It\'s a naïve test of МОSСОW, 中文 and ½ a supercalifragilisticexpialidocious line of words".encode(), np.uint8)\n'
        "rows = np.array([0, len(raw)])\n"
        "print(tokenize(raw, rows).hashes.tolist(), tokenize(raw, rows).end.tolist(), sketch_rows(raw, rows).tolist())"
    )
    results = []
    for disabled in ("0", "1"):
        env = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        results.append(
            subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True, check=True, timeout=300).stdout
        )
    assert results[0] == results[1]
    assert results[0].startswith("[")


def test_importing_the_room_does_not_import_numba() -> None:
    code = (
        "import sys; import provenance.fingerprint, provenance.fingerprint.jit, provenance.fingerprint.tokens, provenance.fingerprint.scheme, "
        "provenance.fingerprint.digest; print('numba' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
