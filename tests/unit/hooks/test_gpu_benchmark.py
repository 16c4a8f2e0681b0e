"""The benchmark for machines with a GPU runs here on the processor, and says clearly where it cannot run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.launching import REPOSITORY

pytestmark = [pytest.mark.torch, pytest.mark.full]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "benchmarks/gpu/launch.py", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=500
    )


def test_on_the_processor_it_measures_all_three(tmp_path: Path) -> None:
    done = run("--cpu", "--rounds", "1", "--steps", "2", "--megabytes", "4", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["denial"]["CUDA initialised at denial"] is False
    assert 0 < figures["denial"]["launcher prefix, s"]["median"] < 60
    assert figures["training"]["guarded, tokens/s"]["median"] > 0


def test_without_a_gpu_it_says_so_and_ends_with_3() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = run()
    assert done.returncode == 3
    assert "no GPU" in done.stderr
