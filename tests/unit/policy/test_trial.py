"""Bundles that are not ours are tried in a process that may be killed; what comes of it is one clear sentence."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from provenance.config import shipped
from provenance.errors import PolicyDocumentError
from provenance.policy import trial
from provenance.policy.bundle import load_apart, load_bundle, load_bundles
from provenance.policy.trial import Limits

BASELINE = shipped("policies") / "bundles" / "baseline.yaml"
RULE = """\
format: provenance.policy
version: 1
name: own
release: 1.0.0
rules:
  - {id: Q001, title: t, for_each: shard, require: shard.words < 10, action: deny, message: m, remedies: [drop]}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(RULE)
    return path


def test_a_bundle_that_is_fine_is_loaded_as_it_would_be_here(own: Path) -> None:
    assert load_apart([own]) == (load_bundle(own),)
    assert [b.name for b in load_bundles([own])] == ["baseline", "own"]


def test_a_fault_is_told_as_it_would_be_here(own: Path) -> None:
    own.write_text(RULE.replace("shard.words", "shard.wrods"))
    with pytest.raises(PolicyDocumentError) as apart:
        load_apart([own])
    with pytest.raises(PolicyDocumentError) as here:
        load_bundle(own)
    assert (str(apart.value), apart.value.hint) == (str(here.value), here.value.hint)
    assert f"{own}:6:52: " in str(apart.value)


@pytest.mark.parametrize(
    ("limits", "said"),
    [(Limits(wall_s=0.001), "not read and tried within 0.001 s"), (Limits(memory_bytes=8 << 20), "the process that tried it ended with")],
)
def test_a_trial_beyond_its_limits_names_the_file(own: Path, limits: Limits, said: str) -> None:
    with pytest.raises(PolicyDocumentError, match=said) as caught:
        load_apart([own], limits)
    assert str(caught.value).startswith(str(own))
    assert "split the bundle" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("code", "said"),
    [(-signal.SIGXCPU, "more than 20 s of processor time"), (-signal.SIGKILL, "out of memory"), (-signal.SIGSEGV, "signal 11"), (0, "exit code 0")],
)
def test_a_child_that_dies_is_never_taken_for_one_that_found_nothing(code: int, said: str) -> None:
    done = subprocess.CompletedProcess([], code, stdout=b"", stderr=b"")
    with pytest.raises(PolicyDocumentError, match=said):
        trial._tell(done, "own.yaml", Limits())


def test_shipped_bundles_need_no_process_and_one_changed_by_a_byte_does(tmp_path: Path) -> None:
    no_time = Limits(wall_s=0.001)
    assert load_apart([BASELINE], no_time)[0].name == "baseline"
    changed = tmp_path / "baseline.yaml"
    changed.write_bytes(BASELINE.read_bytes() + b"\n")
    with pytest.raises(PolicyDocumentError, match="not read and tried"):
        load_apart([changed], no_time)
