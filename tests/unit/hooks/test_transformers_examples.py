"""The example scripts of Hugging Face's and TRL's trainers, run for real on the CPU: denied before the model sees a byte, allowed once the data are mended."""

from __future__ import annotations

import json

import pytest

from tests.fakes.training import Played
from tests.fakes.transformers_scenes import play_transformers

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_transformers(tmp_path_factory)


@pytest.mark.parametrize("name", ["tampered", "sft tampered"])
def test_changed_data_deny_before_the_first_byte_though_the_script_swallows_errors(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "chat/b.jsonl: changed" in end.err


@pytest.mark.parametrize("name", ["mended", "sft"])
def test_mended_data_are_trained_on(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.out.splitlines()[-1:]) == (0, ["trained 2 steps"]), end.err
    assert end.forward > 0
    assert end.fetched >= 2


@pytest.mark.parametrize("name", ["unregistered", "sft unregistered"])
def test_a_dataset_that_was_never_registered_is_denied_before_the_first_batch(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "other.jsonl" in end.err


def test_data_changed_between_constructor_and_training_are_denied(played: Played) -> None:
    end = played.ends["changed before training"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "human.txt: changed" in end.err


def test_steps_epochs_end_and_shards_are_told(played: Played) -> None:
    end = played.ends["observed"]
    assert end.code == 0, end.err
    told = json.loads(end.out.splitlines()[-1])
    assert [step for step, _ in told["steps"]] == [1, 2]
    assert [epoch for _, epoch in told["steps"]] == [pytest.approx(2 / 100), pytest.approx(4 / 100)]  # two of the 100 records a step
    assert told["ends"] == ["completed"]
    assert told["reads"] == {"chat/b.jsonl": 100 * len('{"text": "press and hold the button"}\n')}


def test_a_streamed_dataset_is_trained_on_where_every_file_it_reads_is_registered(played: Played) -> None:
    end = played.ends["streamed"]
    assert end.code == 0, end.err
    assert set(json.loads(end.out.splitlines()[-1])["reads"]) == {"chat/a.jsonl", "chat/b.jsonl"}


@pytest.mark.parametrize(
    ("name", "reason"), [("streamed other", "other.jsonl"), ("from a list", "came from memory"), ("preferences other", "other.jsonl")]
)
def test_data_from_elsewhere_are_denied_however_they_came(played: Played, name: str, reason: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert reason in end.err


def test_preferences_are_trained_on_by_trl(played: Played) -> None:
    end = played.ends["preferences"]
    assert end.code == 0, end.err
    assert json.loads(end.out.splitlines()[-1])["steps"] == [[1, pytest.approx(2 / 100)]]


def test_a_configured_gate_keeps_a_run_record_for_each_run(played: Played) -> None:
    for name in ("configured", "configured again"):
        assert played.ends[name].code == 0, played.ends[name].err
    records = [json.loads(file.read_text(encoding="utf-8")) for file in (played.folder / "runs").glob("*/run-record.json")]
    assert len(records) == 2
    for record in records:
        assert (record["framework"], record["steps"], record["end"]) == ("transformers", 2, "completed")
        read = {shard["path"]: shard["bytes_read"] for shard in record["shards"]}
        assert read == {"chat/a.jsonl": 0, "chat/b.jsonl": 3800, "human.txt": 0}  # 100 lines of 38 bytes


def test_a_dataset_of_the_users_own_is_said_to_be_unseen_once(played: Played) -> None:
    end = played.ends["unseen"]
    assert end.code == 0, end.err
    assert end.err.count("nobody follows what list reads") == 1


def test_a_dataset_that_nobody_follows_is_denied_where_that_is_asked_for(played: Played) -> None:
    end = played.ends["guarded only"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "require_guarded is set" in end.err


def test_a_guarded_dataset_is_trained_on_where_nothing_else_is_allowed(played: Played) -> None:
    end = played.ends["guarded"]
    assert end.code == 0, end.err
    assert set(json.loads(end.out.splitlines()[-1])["reads"]) == {"chat/b.jsonl"}
    assert "nobody follows" not in end.err


@pytest.mark.parametrize("name", ["removed", "exchanged", "evaluate watched"])
def test_other_data_given_later_are_denied_before_their_first_batch(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "other.jsonl" in end.err


def test_an_evaluation_nobody_watches_is_denied_after_its_first_batch(played: Played) -> None:
    end = played.ends["evaluate"]
    assert (end.code, end.fetched) == (77, 1)
    assert "other.jsonl" in end.err


def test_resuming_checks_again(played: Played) -> None:
    end = played.ends["resumed"]
    assert (end.code, end.fetched) == (77, 3)  # two steps before, and the batch that accelerate looks ahead
    assert "human.txt: changed" in end.err


def test_a_callback_added_after_training_began_checks_before_the_next_step(played: Played) -> None:
    end = played.ends["late"]
    assert (end.code, end.forward) == (77, 0)
    assert "human.txt: changed" in end.err


def test_the_process_itself_ends_with_77(played: Played) -> None:
    assert played.code == 77
