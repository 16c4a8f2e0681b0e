"""What a job meets in Slurm: its environments, what the exit code of a prolog does, and what slurmstepd reads from a TaskProlog.

Modelled on the Prolog and Epilog Guide, slurm.conf(5), and what slurmctld and slurmstepd 22.05.8 were seen to do with these very scripts.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 4094
"""slurmstepd of 2018 reads its TaskProlog with fgets into 4096 bytes less one, and takes each piece for a line."""
RECORDER = '#!/bin/sh\necho "${0##*/} $*" >> "%s"\nexit %d\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What became of a job or task."""

    ran: bool
    code: int
    """Exit code of the prolog."""
    calls: tuple[str, ...] = ()
    """Slurm's commands that were called, in order."""
    output: str = ""
    """What the task's standard output shows."""
    environment: tuple[tuple[str, str], ...] = ()


def controller_starts(
    prolog: Path, commands: Path, *, job: str = "41", partition: str = "train", comment: str | None, can_hold: bool = True
) -> Started:
    """Let slurmctld start a job: PrologSlurmctld runs with this environment and no other variable, PATH neither.

    A job without a comment has no ``SLURM_JOB_COMMENT``.
    """
    log = commands / "calls.log"
    log.unlink(missing_ok=True)
    for name, code in (("scontrol", 0 if can_hold else 1), ("scancel", 0), ("logger", 0)):
        command = commands / name
        command.write_text(RECORDER % (log, code), encoding="utf-8")
        command.chmod(0o755)
    env = {
        "SLURM_CLUSTER_NAME": "cluster",
        "SLURM_JOBID": job,
        "SLURM_JOB_ACCOUNT": "(null)",
        "SLURM_JOB_CPUS_PER_NODE": "1",
        "SLURM_JOB_GID": "1000",
        "SLURM_JOB_GROUP": "users",
        "SLURM_JOB_ID": job,
        "SLURM_JOB_NAME": "train.sbatch",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_PARTITION": partition,
        "SLURM_JOB_RESTART_COUNT": "0",
        "SLURM_JOB_STDIN": "/dev/null",
        "SLURM_JOB_STDOUT": "/home/user/slurm-%j.out",
        "SLURM_JOB_UID": "1000",
        "SLURM_JOB_USER": "user",
        "SLURM_JOB_WORK_DIR": "/home/user",
        "SLURM_SCRIPT_CONTEXT": "prolog_slurmctld",
    }
    if comment is not None:
        env["SLURM_JOB_COMMENT"] = comment
    code = subprocess.run([str(prolog)], env=env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode
    calls = tuple(log.read_text(encoding="utf-8").splitlines()) if log.exists() else ()
    return Started(ran=code == 0, code=code, calls=tuple(c for c in calls if not c.startswith("logger ")))


def node_starts(prolog: Path, environment: dict[str, str]) -> Started:
    """Let slurmstepd start a task: the TaskProlog runs in the task's environment with standard input and error closed."""
    env = {
        "PATH": "/usr/bin:/bin",
        "SLURM_JOB_ID": "41",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "0",
        "SLURM_SCRIPT_CONTEXT": "prolog_task",
        **environment,
    }
    closing = ["/bin/sh", "-c", 'exec "$0" <&- 2>&-', str(prolog)]
    ended = subprocess.run(closing, env=env, cwd="/", stdout=subprocess.PIPE, check=False)
    output, task = _read_prolog(ended.stdout, {**env})
    return Started(ran=ended.returncode == 0, code=ended.returncode, output=output, environment=tuple(sorted(task.items())))


def _read_prolog(said: bytes, env: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return what is shown, and the environment of the task, as slurmstepd makes them of a TaskProlog's output."""
    shown = []
    for line in said.splitlines():
        for at in range(0, max(len(line), 1), PIECE_BYTES):
            word, _, rest = line[at : at + PIECE_BYTES].decode(errors="replace").partition(" ")
            if word == "print":
                shown.append(rest.lstrip())
            elif word == "export" and "=" in rest:
                name, _, value = rest.lstrip().partition("=")
                env[name.rstrip()] = value
            elif word == "unset":
                env.pop(rest.strip(), None)
    return "\n".join(shown), env
