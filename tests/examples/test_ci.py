"""The steps of GitHub Actions, GitLab CI and pre-commit, run as their runners run them: what is not cleared fails, and says which way."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.conftest import EXAMPLES, ROOT, Workspace, answer_audits, script, shell

COLD_START = """provenance init
provenance register --manifest datasets.yaml
provenance reference add known-outputs references/cumulus-outputs.jsonl references/stratus-outputs.jsonl --kind api-output --text-field output
provenance reference add novels references/the-man-who-was-thursday.txt --kind work --id-template 'work:{stem}' \
    --title T --holder H --license LicenseRef-all-rights-reserved"""


def load(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the composite action came to."""

    code: int
    outputs: dict[str, str]
    uploaded: Path | None
    log: str


def run_action(folder: Path, bin_folder: Path, **inputs: str) -> Ended:
    """Run the composite action as GitHub's runner does: expressions are filled in, a failed step skips those without ``always()``."""
    action = load("github-actions/action.yml")
    values = {f"inputs.{name}": inputs.get(name, str(field["default"])) for name, field in action["inputs"].items()}
    output = folder / ".github-output"
    failed, uploaded, log = 0, None, ""
    for step in action["runs"]["steps"]:
        wanted = step.get("if")
        holds = wanted in (None, "always()") or (wanted == "steps.audit.outputs.sarif != ''" and values.get("steps.audit.outputs.sarif"))
        if not holds or (failed and wanted != "always()"):
            continue
        if "uses" in step:
            if "upload-sarif" in step["uses"]:
                uploaded = Path(fill(step["with"]["sarif_file"], values))
            continue
        assert "${{" not in step["run"], "an expression in a script can be an injection"
        env = {name: fill(text, values) for name, text in step.get("env", {}).items()}
        output.write_text("", encoding="utf-8")
        where = folder / fill(step.get("working-directory", "."), values)
        ended = shell(step["run"], folder=where, bin_folder=bin_folder, GITHUB_OUTPUT=str(output), RUNNER_TEMP=str(folder), **env)
        log += ended.stdout + ended.stderr
        for line in output.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            values[f"steps.{step['id']}.outputs.{name}"] = value
        failed = failed or ended.returncode
    outputs = {name: fill(field["value"], values) for name, field in action["outputs"].items()}
    return Ended(code=failed, outputs=outputs, uploaded=uploaded, log=log)


def fill(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda found: values.get(found[1], ""), text)


@pytest.fixture
def runner(bin_folder: Path) -> Path:
    script(bin_folder / "python", '#!/bin/sh\n[ "$*" = "-m pip install provenance-audit" ] || exit 66\n')
    return bin_folder


def test_the_action_fails_a_blocked_run_with_11_and_uploads_its_findings(blocked: Workspace, runner: Path) -> None:
    ended = run_action(blocked.folder, runner, prepare=":")
    assert (ended.code, ended.outputs) == (11, {"code": "11"})
    assert "::error title=provenance::blocked" in ended.log
    assert ended.uploaded is not None
    sarif = json.loads(ended.uploaded.read_bytes())
    assert sarif["version"] == "2.1.0"
    assert {result["ruleId"] for result in sarif["runs"][0]["results"]} == {"D002", "C001", "L001"}


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.full)])
def test_the_action_passes_a_cleared_run(cleared: Workspace, runner: Path, real: bool) -> None:
    if not real:
        answer_audits(runner, 0)
    ended = run_action(cleared.folder, runner, prepare=":")
    assert (ended.code, ended.outputs) == (0, {"code": "0"})
    assert ended.uploaded is not None, "an empty list closes the alerts of before"


@pytest.mark.parametrize(("code", "words", "uploads"), [(10, "needs a reviewer", True), (1, "not a verdict", False), (137, "not a verdict", False)])
def test_the_action_fails_on_review_and_on_an_audit_that_could_not_run(
    blocked: Workspace, runner: Path, code: int, words: str, uploads: bool
) -> None:
    answer_audits(runner, code)
    ended = run_action(blocked.folder, runner, prepare=":")
    assert ended.code == code
    assert words in ended.log
    assert (ended.uploaded is not None) is uploads


def test_the_action_fails_where_the_data_cannot_be_registered(blocked: Workspace, runner: Path) -> None:
    ended = run_action(blocked.folder, runner, prepare="false; true")
    assert (ended.code, ended.outputs, ended.uploaded) == (1, {"code": ""}, None)
    assert "not a verdict" in ended.log


def test_a_verdict_that_is_missing_fails(tmp_path: Path, runner: Path) -> None:
    (verdict,) = [step["run"] for step in load("github-actions/action.yml")["runs"]["steps"] if step.get("name") == "verdict"]
    assert shell(verdict, folder=tmp_path, bin_folder=runner, CODE="").returncode == 1


@pytest.mark.full
def test_the_action_starts_from_a_bare_checkout(tmp_path: Path, runner: Path) -> None:
    subprocess.run(["cp", "-r", str(EXAMPLES / "sample"), str(tmp_path / "sample")], check=True)
    ended = run_action(tmp_path, runner, workspace="sample", prepare=COLD_START)
    assert (ended.code, ended.uploaded is not None) == (11, True)


def gated(command: str, workspace: Workspace) -> str:
    """Give the command the workspace's trust file in place of the machine's."""
    assert command.count("provenance exec ") == 1
    assert "--trust" not in command, "the machine's trust file, never one of the checkout"
    return command.replace("provenance exec ", f"provenance exec --trust {shlex.quote(str(workspace.trust))} ")


def test_training_starts_on_cleared_data_alone(cleared: Workspace, bin_folder: Path) -> None:
    script(cleared.folder / "train.sh", "#!/bin/sh\necho trained\n")
    (github,) = [step["run"] for step in load("github-actions/workflow.yml")["jobs"]["train"]["steps"] if "run" in step]
    (gitlab,) = load("gitlab/gitlab-ci.yml")["train"]["script"]
    for command in (github, gitlab):
        ended = shell(gated(command, cleared), folder=cleared.folder, bin_folder=bin_folder, RUNNER_TEMP=".")
        assert (ended.returncode, ended.stdout) == (0, "trained\n")
    cleared.change()
    for command in (github, gitlab):
        (cleared.folder / "denial.json").unlink(missing_ok=True)
        ended = shell(gated(command, cleared), folder=cleared.folder, bin_folder=bin_folder, RUNNER_TEMP=".")
        assert (ended.returncode, ended.stdout) == (77, "")
        assert json.loads((cleared.folder / "denial.json").read_bytes())["format"] == "provenance.denial"


def test_github_trains_only_after_the_audit_and_asks_for_no_right_too_many() -> None:
    workflow = load("github-actions/workflow.yml")
    assert workflow["jobs"]["train"]["needs"] == "audit"
    assert "always()" not in workflow["jobs"]["train"]["if"], "it would run after a failed audit"
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["audit"]["permissions"] == {"contents": "read", "security-events": "write"}
    assert "continue-on-error" not in (EXAMPLES / "github-actions" / "action.yml").read_text(encoding="utf-8")


def used(document: Any) -> Iterator[str]:
    """Every ``uses`` below a document."""
    if isinstance(document, dict):
        if "uses" in document:
            yield document["uses"]
        for value in document.values():
            yield from used(value)
    elif isinstance(document, list):
        for value in document:
            yield from used(value)


def test_every_foreign_action_is_pinned_by_a_commit() -> None:
    found = [name for file in ("action.yml", "workflow.yml") for name in used(load(f"github-actions/{file}"))]
    assert len(found) == 5
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}|\./[\w./-]+", name) for name in found)


def gitlab_audit(folder: Path, bin_folder: Path) -> int:
    """GitLab runs the lines of a job as one bash script that stops at the first failure."""
    lines = load("gitlab/gitlab-ci.yml")["audit"]["script"]
    assert lines[:2] == ["provenance init", "provenance register --manifest datasets.yaml"], "both are done in the workspace"
    return shell("\n".join(lines[2:]), folder=folder, bin_folder=bin_folder).returncode


@pytest.mark.full
def test_gitlab_shows_the_findings_of_a_blocked_run_as_failed_tests(blocked: Workspace, bin_folder: Path) -> None:
    assert gitlab_audit(blocked.folder, bin_folder) == 11
    suite = ET.fromstring((blocked.folder / "provenance.xml").read_text(encoding="utf-8"))
    assert list(suite.iter("failure"))


@pytest.mark.parametrize("code", [0, 1, 10, 11])
def test_gitlab_passes_nothing_but_a_cleared_run(blocked: Workspace, bin_folder: Path, code: int) -> None:
    answer_audits(bin_folder, code)
    assert gitlab_audit(blocked.folder, bin_folder) == code
    job = load("gitlab/gitlab-ci.yml")["audit"]
    assert "allow_failure" not in job
    assert job["artifacts"]["when"] == "always"


def test_the_pre_commit_hook_fails_on_everything_but_a_cleared_run(blocked: Workspace, bin_folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    named, local = load("pre-commit/.pre-commit-config.yaml")["repos"]
    assert isinstance(named["rev"], str), "a commit of digits alone is a number unless it is quoted, and pre-commit refuses it"
    assert named["hooks"] == [{"id": hook["id"]}]
    assert local["hooks"][0]["entry"] == hook["entry"]
    assert local["hooks"][0]["files"] == hook["files"]
    assert hook["pass_filenames"] is False
    for code in (0, 1, 10, 11):
        answer_audits(bin_folder, code)
        assert shell(hook["entry"], folder=blocked.folder, bin_folder=bin_folder).returncode == code
    assert all(re.search(hook["files"], name) for name in ("run.yaml", "plans/run.yaml", "datasets.yaml"))
    assert not any(re.search(hook["files"], name) for name in ("dry-run.yaml", "run.yaml.bak", "train.py"))
