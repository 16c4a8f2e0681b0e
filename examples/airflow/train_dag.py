"""Airflow 3: audit, then train behind the gate. Review is never success.

A task that ends with 10, 11 or 77 fails for good. It is not skipped: a DAG run whose last tasks were skipped counts as a success, and with the trigger rule
``none_failed`` a task behind a skipped one runs. Other codes are retried, since a lost worker is no verdict.
"""

from __future__ import annotations

import subprocess
from datetime import timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

WORKSPACE = "/srv/helpdesk-7b"
VERDICTS = {10: "needs a reviewer: provenance review release", 11: "blocked: see provenance findings list", 77: "denied: see the task's log"}


def run(*command: str) -> None:
    """Run a command in the workspace; a verdict against the run ends the task without another try."""
    code = subprocess.run(command, cwd=WORKSPACE, check=False).returncode
    if code in VERDICTS:
        raise AirflowFailException(f"provenance: {VERDICTS[code]} (exit code {code})")
    if code != 0:
        raise RuntimeError(f"{command[0]} ended with {code}")


@dag(schedule=None, catchup=False, default_args={"retries": 2, "retry_delay": timedelta(minutes=5)}, tags=["training"])
def helpdesk_7b() -> None:
    """Audit and train ``helpdesk-7b``. An officer signs the clearance in between, outside Airflow."""

    @task
    def audit() -> None:
        run("provenance", "audit", "run.yaml")

    @task
    def train() -> None:
        gate = ("--clearance", "helpdesk-7b.clearance.json", "--trust", "/etc/provenance/trust.json", "--run", "run.yaml", "--root", "data")
        run("provenance", "exec", *gate, "--denial-json", "denial.json", "--", "./train.sh")

    audit() >> train()


helpdesk_7b()
