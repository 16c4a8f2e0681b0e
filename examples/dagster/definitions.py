"""Dagster: the audit as a blocking asset check of the data, and a model that is trained behind the gate.

A check that needs a reviewer has not passed, and blocks like one that is blocked. A denial is a failure that is not retried.
"""

import subprocess

import dagster as dg

WORKSPACE = "/srv/helpdesk-7b"
WORDS = {0: "cleared", 10: "needs a reviewer: provenance review release", 11: "blocked: see provenance findings list"}
DENIED = 77


def run(*command: str) -> int:
    """Return the exit code of a command in the workspace."""
    return subprocess.run(command, cwd=WORKSPACE, check=False).returncode


@dg.asset
def training_data() -> None:
    """The shards below the workspace's data root; make or fetch them here."""


@dg.asset_check(asset=training_data, blocking=True)
def cleared_for_training() -> dg.AssetCheckResult:
    """Judge the planned run. What could not be judged has not passed."""
    code = run("provenance", "audit", "run.yaml")
    return dg.AssetCheckResult(
        passed=code == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description=WORDS.get(code, "the audit could not run; this is not a verdict"),
        metadata={"exit_code": code},
    )


@dg.asset(deps=[training_data])
def helpdesk_7b() -> None:
    """Train behind the gate: it hashes every byte, so that data changed after the check are denied."""
    gate = ("--clearance", "helpdesk-7b.clearance.json", "--trust", "/etc/provenance/trust.json", "--run", "run.yaml", "--root", "data")
    code = run("provenance", "exec", *gate, "--denial-json", "denial.json", "--", "./train.sh")
    if code != 0:
        words = "denied by provenance; see denial.json" if code == DENIED else "training failed"
        raise dg.Failure(f"{words} (exit code {code})", allow_retries=code != DENIED)


defs = dg.Definitions(assets=[training_data, helpdesk_7b], asset_checks=[cleared_for_training])
