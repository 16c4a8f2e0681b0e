"""The whole check: clearance, manifest and disk together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.binding import AskedRun
from provenance.clearance.check import check_gate, default_manifest_path, open_gate
from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import load_trust
from provenance.errors import ClearanceError, EnvelopeFormatError, ExpiredClearanceError, SubjectMismatchError
from provenance.fingerprint.digest import manifest_bytes, merkle_root
from tests.fakes.clearances import (
    NOW,
    POLICY_FILE,
    RUN_FILE,
    ClearedWorld,
    bound_clearance,
    cleared_world,
    leaves_of,
    rfc_key,
    sample_basis,
    sample_clearance,
)


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return cleared_world(tmp_path)


def gate(world: ClearedWorld, **given: Any) -> Any:
    arguments: dict[str, Any] = {"roots": [world.data], "trust": load_trust(world.trust), "now": NOW}
    return check_gate(world.clearance, **(arguments | given))


def test_a_cleared_world_passes(world: ClearedWorld) -> None:
    assert gate(world) == sample_clearance(merkle_root(leaves_of(world.data)))
    passed = open_gate(world.clearance, roots=[world.data], trust=load_trust(world.trust), now=NOW)
    assert (passed.shards.shards, passed.shards.size_bytes) == (3, sum(leaf.size_bytes for leaf in leaves_of(world.data)))


def test_the_manifest_lies_beside_the_clearance() -> None:
    assert default_manifest_path("a/run.clearance.json") == Path("a/run.manifest.jsonl")
    assert default_manifest_path("a/run.json") == Path("a/run.manifest.jsonl")
    assert default_manifest_path("run") == Path("run.manifest.jsonl")


def test_changed_data_are_refused_with_a_reason_each(world: ClearedWorld) -> None:
    (world.data / "human.txt").write_text("It was a bright cold day in May.\n", encoding="utf-8")
    (world.data / "chat" / "a.jsonl").unlink()
    (world.data / "c.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(SubjectMismatchError, match=r"3 file\(s\) differ") as caught:
        gate(world)
    assert len(caught.value.reasons) == 3
    world.reissue()
    gate(world)


def test_the_clearance_of_other_data_is_refused(world: ClearedWorld) -> None:
    before = world.clearance.read_bytes()
    (world.data / "human.txt").write_text("other\n", encoding="utf-8")
    world.reissue()
    world.clearance.write_bytes(before)
    with pytest.raises(SubjectMismatchError, match="not the one that was cleared"):
        gate(world)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda raw: raw[:-1], "cut short"),
        (lambda raw: raw.split(b"\n", 1)[1], "not the one that was cleared"),
        (lambda raw: b"", "empty"),
        (lambda raw: raw + raw, "ascending"),
        (lambda raw: b"\x00" + raw, "not a shard leaf"),
    ],
)
def test_a_changed_manifest_is_refused(world: ClearedWorld, change: Any, reason: str) -> None:
    world.manifest.write_bytes(change(world.manifest.read_bytes()))
    with pytest.raises(SubjectMismatchError, match=reason):
        gate(world)


def test_missing_files_and_roots_are_named(world: ClearedWorld) -> None:
    with pytest.raises(SubjectMismatchError, match="no data root is given"):
        gate(world, roots=[])
    world.manifest.unlink()
    with pytest.raises(ClearanceError, match=r"shard manifest .* cannot be read: No such file"):
        gate(world)
    world.clearance.unlink()
    with pytest.raises(ClearanceError, match=r"clearance .* cannot be read: No such file"):
        gate(world)


def test_a_huge_clearance_is_not_read_whole(world: ClearedWorld) -> None:
    with world.clearance.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(EnvelopeFormatError, match="larger than 1,048,576 bytes"):
        gate(world)


def test_an_expired_clearance_is_refused_before_the_disk_is_read(world: ClearedWorld) -> None:
    (world.data / "human.txt").unlink()
    with pytest.raises(ExpiredClearanceError):
        gate(world, now="2027-01-01T00:00:00Z")


def test_a_signed_manifest_that_climbs_is_refused(world: ClearedWorld) -> None:
    (world.folder / "secret.txt").write_text("x", encoding="utf-8")
    (world.folder / "empty").mkdir()
    leaf = next(one for one in leaves_of(world.folder) if one.path == "secret.txt")
    climbing = type(leaf)(path="../secret.txt", sha256=leaf.sha256, size_bytes=leaf.size_bytes)
    world.manifest.write_bytes(manifest_bytes([climbing]))
    world.clearance.write_bytes(issue_clearance(sample_clearance(merkle_root([climbing])), rfc_key()))
    with pytest.raises(SubjectMismatchError) as caught:
        gate(world, roots=[world.folder / "empty"])
    assert "climbs" in caught.value.reasons[0]


@pytest.fixture
def bound(tmp_path: Path) -> ClearedWorld:
    """A world whose clearance is bound to the run file and the bundle beside it."""
    world = cleared_world(tmp_path)
    world.clearance.write_bytes(issue_clearance(bound_clearance(merkle_root(leaves_of(world.data))), rfc_key()))
    (tmp_path / "run.yaml").write_bytes(RUN_FILE)
    (tmp_path / "policy.yaml").write_bytes(POLICY_FILE)
    return world


def test_the_run_file_and_the_bundles_are_compared_byte_by_byte(bound: ClearedWorld) -> None:
    run, policy = bound.folder / "run.yaml", bound.folder / "policy.yaml"
    both = AskedRun(run_file=run, policy_files=[policy])
    assert gate(bound, run=both).version == 3
    policy.write_bytes(POLICY_FILE + b"# harmless\n")
    with pytest.raises(SubjectMismatchError, match=r"the policy bundle .*policy\.yaml did not judge this run as it is now") as caught:
        gate(bound, run=both)
    assert len(caught.value.reasons) == 1
    run.write_bytes(RUN_FILE.replace(b"1", b"2"))
    with pytest.raises(SubjectMismatchError, match=r"the run file .*run\.yaml is not the one that was cleared") as caught:
        gate(bound, run=both)
    assert len(caught.value.reasons) == 2
    assert gate(bound).version == 3, "what the caller does not name is not compared"


def test_a_bundle_that_judged_nothing_denies_beside_one_that_did(bound: ClearedWorld) -> None:
    other = bound.folder / "strict.yaml"
    other.write_bytes(b"format: provenance.policy\nname: strict\n")
    with pytest.raises(SubjectMismatchError, match=r"strict\.yaml did not judge") as caught:
        gate(bound, run=AskedRun(policy_files=[bound.folder / "policy.yaml", other]))
    assert len(caught.value.reasons) == 1


@pytest.mark.parametrize(("name", "size"), [("run file", 4 << 20), ("policy bundle", 1 << 20)])
def test_named_files_that_cannot_be_read_or_are_too_large_deny(bound: ClearedWorld, name: str, size: int) -> None:
    large = bound.folder / "large"
    with large.open("wb") as file:
        file.truncate(size + 1)
    for path, reason in (
        (large, f"is larger than {size:,} bytes"),
        (bound.folder / "none", "cannot be read: No such file"),
        (bound.data, "Is a directory"),
    ):
        run = AskedRun(run_file=path) if name == "run file" else AskedRun(policy_files=[path])
        with pytest.raises(ClearanceError, match=f"the {name} .*{reason}"):
            gate(bound, run=run)


def test_a_clearance_that_binds_no_run_file_is_not_taken_for_one_that_does(world: ClearedWorld) -> None:
    (world.folder / "run.yaml").write_bytes(RUN_FILE)
    run = AskedRun(run_file=world.folder / "run.yaml")
    with pytest.raises(SubjectMismatchError, match="of version 1, which binds no run file"):
        gate(world, run=run)
    without = bound_clearance(merkle_root(leaves_of(world.data)), rests_on=sample_basis(run_file_digest=None))
    world.clearance.write_bytes(issue_clearance(without, rfc_key()))
    with pytest.raises(SubjectMismatchError, match="audited without a run file"):
        gate(world, run=run)
