"""Every shell script of the repository passes shellcheck, those inside the workflows too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.examples.conftest import EXAMPLES, ROOT

SHEBANGS = ("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash", "# shellcheck shell=")


def shellcheck(*arguments: str, text: str | None = None) -> str:
    program = Path(sys.executable).with_name("shellcheck")
    if not program.exists():
        pytest.fail("shellcheck is not installed beside this Python: pip install -e '.[test]'")
    return subprocess.run([str(program), *arguments], cwd=ROOT, input=text, capture_output=True, text=True, check=False).stdout


def is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().decode(errors="replace").startswith(SHEBANGS)


def test_every_script_of_the_repository_passes() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")
    files = [ROOT / name for name in listed if name] or list(EXAMPLES.rglob("*"))
    scripts = sorted(str(p.relative_to(ROOT)) for p in files if p.is_file() and is_shell(p))
    assert {"examples/slurm/gate.bash", "examples/slurm/prolog_slurmctld.bash", "examples/slurm/task_prolog.bash"} <= set(scripts)
    assert shellcheck("--external-sources", *scripts) == ""


def test_every_script_inside_a_workflow_passes() -> None:
    action = yaml.safe_load((EXAMPLES / "github-actions" / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    workflow = yaml.safe_load((EXAMPLES / "github-actions" / "workflow.yml").read_text(encoding="utf-8"))["jobs"]
    gitlab = yaml.safe_load((EXAMPLES / "gitlab" / "gitlab-ci.yml").read_text(encoding="utf-8"))
    texts = [step["run"] for step in [*action, *(s for job in workflow.values() for s in job["steps"])] if "run" in step]
    texts += ["\n".join(job["script"]) for job in gitlab.values() if isinstance(job, dict)]
    assert len(texts) == 7
    for text in texts:
        assert shellcheck("--shell=bash", "-", text=text) == ""
