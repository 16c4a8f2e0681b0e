"""The Slurm scripts, run as slurmctld and slurmstepd run them: what is not cleared does not start, and nothing of the user's changes that."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES, Workspace, script
from tests.fakes.slurm import PIECE_BYTES, Started, controller_starts, node_starts

NAMED = "provenance:helpdesk-7b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The scripts installed as their README says, with their configuration."""

    folder: Path
    config: Path
    commands: Path
    workspace: Workspace
    lines: dict[str, str] = field(hash=False)

    def configure(self, **changes: str) -> None:
        """Write the configuration; a line of the name given is replaced, '' leaves it out."""
        self.config.write_text("# of the site\n\n" + "".join(line + "\n" for line in {**self.lines, **changes}.values()), encoding="utf-8")
        self.config.chmod(0o644)

    def controller(self, comment: str | None = NAMED, *, partition: str = "train", job: str = "41", can_hold: bool = True) -> Started:
        prolog = self.folder / "prolog_slurmctld.bash"
        return controller_starts(prolog, self.commands, comment=comment, partition=partition, job=job, can_hold=can_hold)

    def node(self, name: str | None = "helpdesk-7b", **environment: str) -> Started:
        named = {} if name is None else {"PROVENANCE_JOB": name}
        return node_starts(self.folder / "task_prolog.bash", {**named, **environment})


@pytest.fixture
def site(tmp_path: Path, cleared: Workspace, gate_python: Path) -> Site:
    folder = tmp_path / "slurm"
    config = tmp_path / "etc" / "slurm.conf"
    for new in (folder, config.parent, tmp_path / "denials", tmp_path / "commands"):
        new.mkdir()
    for name in ("gate.bash", "prolog_slurmctld.bash", "task_prolog.bash"):
        text = (EXAMPLES / "slurm" / name).read_text(encoding="utf-8")
        script(folder / name, text.replace("CONFIG=/etc/provenance/slurm.conf", f"CONFIG={config}"))
    lines = {
        "python": f"python {gate_python}",
        "trust": f"trust {cleared.trust}",
        "denials": f"denials {tmp_path / 'denials'}",
        "slurm": f"slurm {tmp_path / 'commands'}",
        "gate": "gate train train-large",
        "job": f"job helpdesk-7b {cleared.clearance} {cleared.data}",
        "run": f"run helpdesk-7b {cleared.run_file}",
    }
    made = Site(folder=folder, config=config, commands=tmp_path / "commands", workspace=cleared, lines=lines)
    made.configure()
    return made


def test_the_committed_configuration_is_understood(site: Site) -> None:
    site.config.write_text((EXAMPLES / "slurm" / "slurm.conf").read_text(encoding="utf-8") + f"slurm {site.commands}\n", encoding="utf-8")
    assert site.controller(partition="debug", comment=None).ran
    held = site.controller()
    assert not held.ran
    assert "No such file" in held.calls[0], "the python it names is not there, which is what a denial must say"


def test_a_cleared_job_starts_on_the_controller_and_on_the_node(site: Site) -> None:
    assert site.controller() == Started(ran=True, code=0)
    assert site.controller("night run provenance:helpdesk-7b, as agreed").ran
    task = site.node()
    assert (task.ran, task.output) == (True, "")
    assert site.node(OPENSSL_CONF="/tmp/evil.cnf").ran, "the gate starts without the task's variables"


def test_changed_data_hold_the_job_with_the_reason_and_leave_the_denial(site: Site, tmp_path: Path) -> None:
    site.workspace.change()
    held = site.controller(job="42")
    assert (held.ran, held.code) == (False, 77)
    assert [call.split(" AdminComment=")[0] for call in held.calls] == ["scontrol update JobId=42", "scontrol requeuehold 42"]
    assert "prose/prose.jsonl: changed" in held.calls[0]
    denial = json.loads((tmp_path / "denials" / "job-42.json").read_bytes())
    assert (denial["format"], denial["exit_code"]) == ("provenance.denial", 77)
    task = site.node()
    assert (task.ran, task.code) == (False, 77)
    assert "TRAINING BLOCKED" in task.output
    assert "prose/prose.jsonl: changed" in task.output


def test_a_job_is_bound_to_its_run_file_and_bundles(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_bytes(site.workspace.run_file.read_bytes() + b"# another run\n")
    site.configure(more=f"job other-run {site.workspace.clearance} {site.workspace.data}\nrun other-run {other}")
    assert site.controller().ran, "what binds another job does not bind this one"
    assert "run file" in site.controller("provenance:other-run").calls[0]
    site.configure(more=f"policy helpdesk-7b {other}")
    held = site.controller()
    assert (held.ran, held.code) == (False, 77)
    assert "other.yaml" in held.calls[0]


def test_a_job_that_cannot_be_held_is_cancelled(site: Site) -> None:
    cancelled = site.controller(comment=None, can_hold=False)
    assert (cancelled.ran, cancelled.calls[-1]) == (False, "scancel 41")


@pytest.mark.parametrize(
    ("comment", "reason"),
    [
        (None, "no clearance is named"),
        ("", "no clearance is named"),
        ("night run", "no clearance is named"),
        ("provenance:", "names no job"),
        ("provenance:another", "there is no job another"),
        ("provenance:../../etc/passwd", "names no job"),
        ("provenance:$(touch${IFS}/tmp/x)", "names no job"),
        ("provenance:*", "names no job"),
        ("provenance:helpdesk-7b provenance:another", "names two jobs"),
        ("provenance:helpdesk-7b\nprovenance:another", "names two jobs"),
        ("xprovenance:helpdesk-7b", "no clearance is named"),
    ],
)
def test_a_gated_job_without_a_good_name_is_held(site: Site, comment: str | None, reason: str) -> None:
    held = site.controller(comment)
    assert (held.ran, held.code) == (False, 77)
    assert reason in held.calls[0]


@pytest.mark.parametrize(("partition", "gated"), [("debug", False), ("train-large", True), ("debug,train", True), ("", True), ("training", False)])
def test_only_jobs_of_gated_partitions_need_a_clearance_and_an_unknown_partition_is_gated(site: Site, partition: str, gated: bool) -> None:
    assert site.controller(comment=None, partition=partition).ran is not gated


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gate": ""}, "has no gate line"),
        ({"gate": "gate"}, "names no partition"),
        ({"more": "allow everything"}, "not understood: allow"),
        ({"python": "python /usr/bin/python3 -S"}, "not understood: python"),
        ({"job": "job helpdesk-7b /x.clearance.json"}, "expected: job NAME CLEARANCE ROOT"),
        ({"job": "job helpdesk-7b x.clearance.json /data"}, "x.clearance.json is not an absolute path"),
        ({"more": "job helpdesk-7b /other.clearance.json /empty"}, "is there twice"),
        ({"run": "run helpdesk-7b"}, "expected: run NAME FILE"),
        ({"run": "run helpdesk-7b run.yaml"}, "run.yaml is not an absolute path"),
        ({"more": "run helpdesk-7b /other.yaml"}, "helpdesk-7b has two run lines"),
        ({"run": "run helpdesk-7B /run.yaml"}, "there is no job helpdesk-7B above"),
        ({"more": "policy helpdesk-7b /a.yaml /b.yaml"}, "expected: policy NAME FILE"),
        ({"more": "job a/b /other.clearance.json /empty"}, "is no name of a job"),
    ],
)
def test_a_configuration_that_is_not_understood_lets_no_job_start(site: Site, changes: dict[str, str], words: str) -> None:
    site.configure(**changes)
    for partition in ("train", "debug"):
        held = site.controller(partition=partition)
        assert not held.ran
        assert words in (held.calls[0] if held.calls else words), "a fault above the line that says where Slurm's commands are cannot be reported"
    task = site.node()
    assert (task.ran, task.code) == (False, 77)
    assert words in task.output


def test_a_configuration_that_others_can_write_or_that_is_gone_lets_no_job_start(site: Site) -> None:
    site.config.chmod(0o666)
    assert not site.controller().ran
    assert "writable by no other" in site.node().output
    site.config.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(site.config, 65534, -1)
        assert "must belong to the owner" in site.node().output
    site.config.unlink()
    assert not site.controller().ran
    assert "not a file that can be read" in site.node().output


def test_a_gate_that_cannot_run_lets_no_job_start(site: Site) -> None:
    site.configure(python="python /nonexistent/python", slurm=f"slurm {site.commands}")
    held = site.controller()
    assert "No such file or directory" in held.calls[0]
    assert not site.node().ran
    site.configure(python="python /bin/false")
    assert not site.controller().ran
    assert not site.node().ran


@pytest.mark.parametrize("name", [None, "", "another", "../x", "helpdesk-7b another", "*"])
def test_a_task_without_a_good_name_does_not_start(site: Site, name: str | None) -> None:
    task = site.node(name)
    assert (task.ran, task.code) == (False, 77)
    assert "this task may not start" in task.output


def test_nothing_in_the_environment_of_a_task_lets_it_start(site: Site, tmp_path: Path) -> None:
    site.workspace.change()
    evil = tmp_path / "evil"
    script(evil / "sitecustomize.py", "import os\nos._exit(0)\n")
    for name in ("env", "stat", "timeout", "true", "python3"):
        script(evil / name, "#!/bin/sh\nexit 0\n")
    script(evil / "rc", "exit 0\n")
    hostile = {
        "PATH": f"{evil}:/usr/bin:/bin",
        "PYTHONPATH": str(evil),
        "PYTHONSTARTUP": str(evil / "sitecustomize.py"),
        "PYTHONHOME": str(evil),
        "BASH_ENV": str(evil / "rc"),
        "ENV": str(evil / "rc"),
        "SHELLOPTS": "noexec",
        "BASH_FUNC_verify%%": "() { return 0; }",
        "BASH_FUNC_exit%%": "() { builtin exit 0; }",
        "BASH_FUNC_read_config%%": "() { :; }",
        "CONFIG": str(evil / "rc"),
        "python": "/bin/true",
        "clearance": "/x",
        "IFS": "/",
        "SLURM_LOCALID": "1",
        "SLURM_JOB_PARTITION": "debug",
        "PROVENANCE_DISABLE": "1",
    }
    task = site.node(**hostile)
    assert (task.ran, task.code) == (False, 77)
    assert "prose/prose.jsonl: changed" in task.output


def test_a_file_name_can_neither_set_a_variable_of_the_task_nor_forge_a_line(site: Site) -> None:
    # Fills slurmstepd's first piece of a reason's line up to "export": 19 characters of the denial, the path; a control character is printed as four.
    room = PIECE_BYTES - 19 - len(str(site.workspace.data)) - 3 * (1 + 4 * 250) - 2
    controls = (room - 40) // 4
    deep = site.workspace.data
    for length in (250, 250, 250, controls):
        deep = deep / ("\x01" * length)
    deep.mkdir(parents=True)
    (deep / f"{'b' * (room - 4 * controls)}export LD_PRELOAD=evil.so").write_text("x", encoding="utf-8")
    (site.workspace.data / "x\nexport LD_PRELOAD=evil.so").write_text("x", encoding="utf-8")
    task = site.node()
    assert (task.ran, task.code) == (False, 77)
    assert "x\\nexport" in task.output
    assert "LD_PRELOAD" not in dict(task.environment)


def test_the_batch_script_starts_training_on_cleared_data_alone(tmp_path: Path, cleared: Workspace, bin_folder: Path) -> None:
    script(bin_folder / "srun", '#!/bin/sh\n[ "$1" = --kill-on-bad-exit=1 ] || exit 64\nshift\nexec "$@"\n')
    script(bin_folder / "scontrol", "#!/bin/sh\nprintf 'node1\\nnode2\\n'\n")
    script(bin_folder / "torchrun", f'#!/bin/sh\necho "$*" > {tmp_path / "trained"}\n')
    text = (EXAMPLES / "slurm" / "train.sbatch").read_text(encoding="utf-8")
    text = text.replace("/srv/clearances/helpdesk-7b.clearance.json", f"{cleared.clearance} --trust {cleared.trust}").replace(
        "/data/helpdesk-7b", str(cleared.data)
    )
    text = text.replace("/srv/clearances/helpdesk-7b.run.yaml", str(cleared.run_file))
    batch = script(tmp_path / "train.sbatch", text)
    env = {"PATH": f"{bin_folder}:/usr/bin:/bin", "SLURM_JOB_ID": "41", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "node[1-2]"}
    assert subprocess.run([str(batch)], env=env, check=False, capture_output=True).returncode == 0
    assert "--rdzv-endpoint=node1:29500 train.py" in (tmp_path / "trained").read_text(encoding="utf-8")
    (tmp_path / "trained").unlink()
    cleared.change()
    assert subprocess.run([str(batch)], env=env, check=False, capture_output=True).returncode == 77
    assert not (tmp_path / "trained").exists()


def test_the_batch_script_names_one_job_for_both_prologs() -> None:
    text = (EXAMPLES / "slurm" / "train.sbatch").read_text(encoding="utf-8")
    config = (EXAMPLES / "slurm" / "slurm.conf").read_text(encoding="utf-8")
    assert "--comment=provenance:helpdesk-7b" in text
    assert "PROVENANCE_JOB=helpdesk-7b" in text
    assert "\njob      helpdesk-7b  /srv/clearances/helpdesk-7b.clearance.json  /data/helpdesk-7b\n" in config
    assert "\nrun      helpdesk-7b  /srv/clearances/helpdesk-7b.run.yaml\n" in config
    assert "--partition=train\n" in text
