"""Axolotl's plug-in and Composer's callback against their documented contracts, by stand-ins that keep to them (``tests/fakes/packages``): what is trained is real.

Neither trainer can be installed beside the tested versions of torch; nothing here was run with the trainers themselves.
"""

from __future__ import annotations

import json

import pytest

from tests.fakes.training import Played
from tests.fakes.transformers_scenes import play_transformers

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_transformers(tmp_path_factory)


@pytest.mark.parametrize("name", ["composer mended", "axolotl"])
def test_by_the_documented_contract_cleared_data_are_trained_on(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.out.splitlines()[-1:]) == (0, ["trained 2 steps"]), end.err
    assert end.forward > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("composer tampered", "chat/b.jsonl: changed"),
        ("composer unregistered", "other.jsonl"),
        ("composer eval", "other.jsonl"),
        ("composer predict", "other.jsonl"),
        ("composer evaluators", "other.jsonl"),
        ("axolotl tampered", "chat/b.jsonl: changed"),
        ("axolotl unregistered", "datasets: other.jsonl is not among the files that were cleared"),
        ("axolotl hub", "datasets: org/name is nowhere on this machine"),
        ("axolotl prepared", "data prepared before would be loaded"),
        ("axolotl not configured", "no gate is configured"),
        ("axolotl mistake", "'clearence'"),
        ("axolotl changed before training", "human.txt: changed"),
    ],
)
def test_by_the_documented_contract_all_else_is_denied_before_the_first_batch(played: Played, name: str, reason: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert reason in end.err


def test_by_the_documented_contract_composer_tells_steps_reads_and_the_end(played: Played) -> None:
    end = played.ends["composer observed"]
    assert end.code == 0, end.err
    # 100 lines of 38 bytes; the run ends within the first epoch.
    assert json.loads(end.out.splitlines()[-1]) == {"steps": [[1, 0.0], [2, 0.0]], "ends": ["completed", "failed"], "reads": {"chat/b.jsonl": 3800}}
    failed = played.ends["composer fails"]
    assert failed.code == 1
    assert json.loads(failed.out.splitlines()[-1])["ends"] == ["failed"]
