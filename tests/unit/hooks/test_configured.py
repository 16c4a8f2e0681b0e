"""The gate that files configure: found upwards, the system's file wins, and a mistake is a denial."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.clearance.statement import GateLeave
from provenance.config import load_settings
from provenance.errors import ConfigError
from provenance.hooks import configured
from provenance.hooks.configured import ConfiguredGate, find_gate, required_gate
from provenance.hooks.gate import TrainingBlocked, examine
from tests.fakes.launching import lasting_world

GATE = '[gate]\nclearance = "run.clearance.json"\n'


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system's file that is not there."""
    folder = tmp_path / "etc"
    folder.mkdir()
    monkeypatch.setattr(configured, "SYSTEM_GATE", folder / "gate.toml")
    return folder / "gate.toml"


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "provenance.toml").write_text(text, encoding="utf-8")
    return folder


def found_in(folder: Path) -> ConfiguredGate:
    gate = find_gate(folder)
    assert gate is not None
    return gate


def test_nobody_configured_a_gate(tmp_path: Path) -> None:
    assert find_gate(write(tmp_path / "w", 'database = "sqlite:///r.db"\n')) is None
    with pytest.raises(TrainingBlocked, match="no gate is configured"):
        required_gate(tmp_path / "w")


def test_paths_are_taken_from_the_files_folder_wherever_training_starts(tmp_path: Path) -> None:
    work = write(
        tmp_path / "w", GATE + 'trust = "/srv/trust.json"\nroots = ["data", "s3://bucket/more/"]\nrecord = "runs/a"\nrequire_guarded = true\n'
    )
    (work / "deep" / "er").mkdir(parents=True)
    gate = found_in(work / "deep" / "er")
    assert gate.clearance == work / "run.clearance.json"
    assert gate.trust == Path("/srv/trust.json")
    assert gate.roots == (str(work / "data"), "s3://bucket/more")
    assert (gate.record, gate.require_guarded) == (work / "runs" / "a", True)
    assert gate.source == str(work / "provenance.toml")


def test_the_run_and_its_bundles_are_held_against_what_was_audited(tmp_path: Path) -> None:
    world = lasting_world(tmp_path, gate=GateLeave())
    run = tmp_path / "run.yaml"
    run.write_text("not what was audited")
    work = write(tmp_path, GATE + 'trust = "trust.json"\nrun_file = "run.yaml"\n')
    gate = found_in(work)
    assert gate.run_file == run
    with pytest.raises(TrainingBlocked, match="run"):
        examine(gate.clearance, **gate.options())
    write(tmp_path, GATE + 'trust = "trust.json"\npolicy_files = ["run.yaml"]\n')
    assert found_in(work).policy_files == (run,)
    with pytest.raises(TrainingBlocked, match="bundle"):
        examine(world.clearance, **found_in(work).options())
    write(tmp_path, GATE + 'trust = "trust.json"\n')
    assert examine(world.clearance, **found_in(work).options()).clearance.rests_on is not None


@pytest.mark.parametrize(("text", "roots"), [("", ["data"]), ('[roots]\nweb = "web"\nchat = "s3://b/chat"\n', ["web", "s3://b/chat"])])
def test_roots_are_the_workspaces_where_the_table_names_none(tmp_path: Path, text: str, roots: list[str]) -> None:
    work = write(tmp_path / "w", text + GATE)
    assert set(found_in(work).roots) == {r if "://" in r else str(work / r) for r in roots}


def test_a_workspace_below_without_a_gate_does_not_switch_off_the_one_above(tmp_path: Path) -> None:
    work = write(tmp_path / "w", GATE)
    inner = write(work / "inner", 'run = "run.yaml"\n')
    assert found_in(inner).clearance == work / "run.clearance.json"


def test_what_the_systems_file_says_no_workspace_changes(tmp_path: Path, system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "expect_root_owned", lambda _: None)
    work = write(tmp_path / "w", GATE + 'trust = "mine.json"\nshard_folders_only = true\n')
    system.write_text('[gate]\ntrust = "/etc/provenance/trust.json"\nshard_folders_only = false\n', encoding="utf-8")
    gate = found_in(work)
    assert (gate.trust, gate.shard_folders_only) == (Path("/etc/provenance/trust.json"), False)
    assert gate.clearance == work / "run.clearance.json"


def test_a_job_chooses_neither_whom_to_trust_nor_what_is_looked_at_where_the_systems_file_leaves_it_out(
    tmp_path: Path, system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configured, "expect_root_owned", lambda _: None)
    work = write(tmp_path / "w", GATE + 'trust = "mine.json"\nshard_folders_only = true\nrequire_guarded = false\n')
    system.write_text('[gate]\nroots = ["/data"]\nrequire_guarded = true\n', encoding="utf-8")
    gate = found_in(work)
    assert (gate.trust, gate.shard_folders_only, gate.require_guarded, gate.roots) == (None, False, True, ("/data",))
    system.write_text('[gate]\nroots = ["/data"]\n', encoding="utf-8")
    assert found_in(work).require_guarded is False
    assert found_in(write(tmp_path / "v", GATE + "require_guarded = true\n")).require_guarded is True


def test_where_the_systems_file_exists_a_run_without_a_clearance_is_denied(tmp_path: Path, system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "expect_root_owned", lambda _: None)
    system.write_text('[gate]\ntrust = "/etc/provenance/trust.json"\n', encoding="utf-8")
    with pytest.raises(TrainingBlocked, match="names no clearance"):
        find_gate(tmp_path)


def test_how_long_ranks_wait_is_the_jobs_to_say_beside_a_systems_file(tmp_path: Path, system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured, "expect_root_owned", lambda _: None)
    work = write(tmp_path / "w", GATE)
    gate = find_gate(work)
    assert gate is not None
    assert "wait_s" not in gate.options()
    system.write_text('[gate]\ntrust = "/etc/provenance/trust.json"\n', encoding="utf-8")
    (work / "provenance.toml").write_text(GATE + "wait_s = 90\n", encoding="utf-8")
    gate = find_gate(work)
    assert gate is not None
    assert gate.options()["wait_s"] == 90.0


def test_a_systems_file_that_others_can_write_is_a_denial(tmp_path: Path, system: Path) -> None:
    system.write_text(GATE, encoding="utf-8")
    system.chmod(0o666)
    with pytest.raises(TrainingBlocked, match="must belong to root"):
        find_gate(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gate = true\n", "gate is no table"),
        ("[gate]\n", "names no clearance"),
        ("[gate\n", "cannot be understood"),
        (GATE + 'extra = "x"\n', "unknown setting 'extra'"),
        ("[gate]\nclearance = 7\n", "clearance must be text, got 7"),
        ('[gate]\nclearance = ""\n', "clearance must be text"),
        (GATE + "roots = []\n", "roots must be a list of texts, at least one"),
        (GATE + "roots = [1]\n", "roots must be a list of texts"),
        (GATE + 'roots = ["s3://key:secret@bucket/x"]\n', "credentials never stand in an address"),
        (GATE + 'shard_folders_only = "no"\n', "must be true or false"),
        (GATE + "require_guarded = 0\n", "must be true or false"),
        (GATE + 'wait_s = "60"\n', "wait_s must be a number of seconds above 0 and at most 86,400"),
        (GATE + "wait_s = true\n", "wait_s must be a number"),
        (GATE + "wait_s = 0\n", "wait_s must be a number"),
        (GATE + "wait_s = nan\n", "wait_s must be a number"),
        (GATE + "wait_s = inf\n", "wait_s must be a number"),
        (GATE + 'policy_digests = "sha256:aa"\n', "policy_digests must be a list"),
        ("roots = 3\n" + GATE, "must be a list of texts"),
    ],
)
def test_a_configuration_that_cannot_be_understood_is_a_denial(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(TrainingBlocked) as denied:
        find_gate(write(tmp_path / "w", text))
    assert reason in denied.value.reasons[0]
    assert str(tmp_path / "w" / "provenance.toml") in denied.value.reasons[0]
    assert "secret" not in str(denied.value)
    assert denied.value.hint


def test_a_file_of_bytes_that_are_no_text_is_a_denial(tmp_path: Path) -> None:
    work = write(tmp_path / "w", "")
    (work / "provenance.toml").write_bytes(b"\xff\xfe[gate]")
    with pytest.raises(TrainingBlocked, match="cannot be understood"):
        find_gate(work)


def test_a_file_that_cannot_be_read_is_a_denial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = write(tmp_path / "w", GATE)

    def refused(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(TrainingBlocked, match="cannot be read: Permission denied"):
        find_gate(work)


def test_a_workspace_may_hold_the_table_and_the_commands_name_its_mistakes(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path / "w", GATE)).workspace == tmp_path / "w"
    with pytest.raises(ConfigError, match="cannot hold 'clearence'"):
        load_settings(write(tmp_path / "w", '[gate]\nclearence = "x"\n'))
