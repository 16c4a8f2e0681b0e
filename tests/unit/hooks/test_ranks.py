"""All ranks agree before one of them reads: here each rank is a thread, and what they exchange goes over a barrier."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.clearance import shards
from provenance.clearance.check import GatePass
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks import agreement, ranks
from provenance.hooks.gate import TrainingBlocked
from tests.fakes.clearances import NOW, ClearedWorld, cleared_world

Outcome = GatePass | TrainingBlocked
LATER = "2027-11-24T12:00:00Z"


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return cleared_world(tmp_path)


class Table:
    """Where ranks put their words: nobody reads before all have spoken."""

    def __init__(self, size: int) -> None:
        self._words = [""] * size
        self._all = threading.Barrier(size, timeout=20)

    def exchange(self, rank: int) -> Callable[[str], Sequence[str]]:
        def speak(text: str) -> Sequence[str]:
            self._words[rank] = text
            self._all.wait()
            heard = list(self._words)
            self._all.wait()
            return heard

        return speak


def run(world: ClearedWorld, number: int, **changes: dict[int, Any]) -> list[Outcome]:
    """Return what each rank comes to. ``changes`` are options, each by the rank that has others: ``roots={1: [folder]}``."""
    table, outcomes = Table(number), list[Outcome | None]([None] * number)

    def go(rank: int) -> None:
        options: dict[str, Any] = {"roots": [world.data], "trust": world.trust, "clock": lambda: NOW, "clearance": world.clearance}
        options |= {name: by_rank[rank] for name, by_rank in changes.items() if rank in by_rank}
        try:
            outcomes[rank] = agreement.agree(options.pop("clearance"), table.exchange(rank), rank=rank, **options)
        except TrainingBlocked as denial:
            outcomes[rank] = denial

    threads = [threading.Thread(target=go, args=(rank,)) for rank in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert all(o is not None for o in outcomes), "a rank hangs"
    return [o for o in outcomes if o is not None]


def reasons(outcome: Outcome) -> str:
    assert isinstance(outcome, TrainingBlocked), "allowed"
    return "; ".join(outcome.reasons)


def tamper(file: Path) -> None:
    """Change a byte, size and time kept."""
    status = file.stat()
    file.write_bytes(b"!" + file.read_bytes()[1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("number", [1, 2, 5])
def test_ranks_hash_each_file_once_and_every_pass_holds_all(world: ClearedWorld, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    true = shards.verify_file

    def counting(real: str, leaf: ShardLeaf, **options: Any) -> Any:
        hashed.append(leaf.path)
        return true(real, leaf, **options)

    monkeypatch.setattr(shards, "verify_file", counting)
    outcomes = run(world, number)
    assert sorted(hashed) == ["chat/a.jsonl", "chat/b.jsonl", "human.txt"]
    for outcome in outcomes:
        assert isinstance(outcome, GatePass), outcome
        assert [f.leaf.path for f in outcome.shards.verified] == ["chat/a.jsonl", "chat/b.jsonl", "human.txt"]
        assert all(f.identity is not None and f.identity.inode == Path(f.place).stat().st_ino for f in outcome.shards.verified)


def test_once_all_have_come_the_time_to_wait_grows_with_the_bytes(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    assert all(isinstance(outcome, GatePass) for outcome in run(world, 2, on_arrival={0: told.append, 1: told.append}))
    assert told == [40 + 3800 + 35] * 2
    late: list[int] = []
    expired = {0: lambda: "3000-01-01T00:00:00Z", 1: lambda: "3000-01-01T00:00:00Z"}
    run(world, 2, clock=expired, on_arrival={0: late.append, 1: late.append})
    assert late == []  # nobody waits for those who were denied
    started: list[float] = []
    monkeypatch.setattr(ranks._Watch, "start", lambda _, seconds: started.append(seconds))
    ranks._Watch(clearance="c", denial_json=None, wait_s=600).hashing(5_000_000_000_000)
    assert started == [600 + 100_000]  # 5 TB at 50 MB/s


@pytest.mark.parametrize("wait_s", ["30", 0, -1, float("nan"), float("inf"), 1e12, True])
def test_a_time_to_wait_that_no_clock_can_wait_denies_a_process_alone_too(world: ClearedWorld, wait_s: Any) -> None:
    with pytest.raises(TrainingBlocked, match="wait_s must be a number of seconds above 0"):
        ranks.pass_gate_together(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW, wait_s=wait_s)


def test_a_time_to_wait_of_none_is_the_usual_one(world: ClearedWorld) -> None:
    nothing: Any = None
    assert ranks.pass_gate_together(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW, wait_s=nothing).shards.verified


def test_a_rank_that_waited_too_long_ends_whatever_telling_of_it_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)

    def fail(*_: object, **__: object) -> None:
        raise AttributeError("isatty")

    monkeypatch.setattr(ranks, "announce", fail)
    with pytest.raises(AttributeError):
        ranks._Watch(clearance="c", denial_json=None, wait_s=1)._end(1)
    assert ended == [77]


@pytest.mark.parametrize("name", ["human.txt", "chat/a.jsonl", "chat/b.jsonl"])
def test_what_one_rank_finds_changed_denies_all(world: ClearedWorld, name: str) -> None:
    tamper(world.data / name)
    outcomes = run(world, 3)
    assert sum(f"{name}: changed" in reasons(o) and "was denied" not in reasons(o) for o in outcomes) == 1
    assert all(f"{name}: changed" in reasons(o) for o in outcomes)


def copied(world: ClearedWorld) -> Path:
    """Return a folder of equal bytes elsewhere, as another host has it."""
    other = world.folder / "other" / "data"
    for file in world.data.rglob("*"):
        if file.is_file():
            (other / file.relative_to(world.data)).parent.mkdir(parents=True, exist_ok=True)
            (other / file.relative_to(world.data)).write_bytes(file.read_bytes())
    return other


def test_ranks_that_see_other_files_cover_all_of_them_by_themselves(world: ClearedWorld) -> None:
    outcomes = run(world, 3, roots={1: [copied(world)]})
    assert all(isinstance(o, GatePass) for o in outcomes)
    tamper(world.folder / "other" / "data" / "human.txt")
    outcomes = run(world, 3, roots={1: [world.folder / "other" / "data"]})
    assert "human.txt: changed" in reasons(outcomes[1])
    assert all("rank 1 was denied: human.txt: changed" in reasons(outcomes[rank]) for rank in (0, 2))


def test_one_clock_beyond_the_expiry_denies_all(world: ClearedWorld) -> None:
    outcomes = run(world, 2, clock={1: lambda: LATER})
    assert "expired" in reasons(outcomes[1])
    assert "rank 1 was denied: the clearance expired" in reasons(outcomes[0])


def test_a_clearance_that_ends_while_one_rank_hashes_denies_all(world: ClearedWorld) -> None:
    times = iter([NOW])
    outcomes = run(world, 2, clock={0: lambda: next(times, LATER)})
    assert "expired" in reasons(outcomes[0])
    assert "rank 0 was denied: the clearance expired" in reasons(outcomes[1])


def test_ranks_with_another_clearance_are_denied(world: ClearedWorld, tmp_path: Path) -> None:
    other = cleared_world(tmp_path / "second", conditions=("another",))
    outcomes = run(world, 2, clearance={1: other.clearance})
    assert all("another clearance than rank" in reasons(o) for o in outcomes)


def test_a_cover_with_a_hole_is_a_denial(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = agreement.share_of
    monkeypatch.setattr(agreement, "share_of", lambda places, *, part, parts: [] if part == 1 else whole(places, part=part, parts=parts))
    assert all("unread" in reasons(o) for o in run(world, 2))


def test_a_rank_that_ends_or_says_something_else_is_a_denial(world: ClearedWorld) -> None:
    def broken(_: str) -> list[str]:
        raise RuntimeError("connection closed by peer")

    for exchange in (broken, lambda _: ["[]", "nonsense"], lambda _: ["3"]):
        with pytest.raises(TrainingBlocked) as caught:
            agreement.agree(world.clearance, exchange, rank=0, roots=[world.data], trust=world.trust, clock=lambda: NOW)
        assert "was not completed" in caught.value.reasons[0]


def test_a_rank_that_was_denied_says_its_own_reason_even_when_nobody_hears_it(world: ClearedWorld) -> None:
    def broken(_: str) -> list[str]:
        raise RuntimeError("connection closed by peer")

    (world.data / "more.txt").write_text("not registered")
    heard: list[str] = []
    with pytest.raises(TrainingBlocked) as caught:
        agreement.agree(
            world.clearance, broken, rank=0, on_denial=lambda: heard.append("parting"), roots=[world.data], trust=world.trust, clock=lambda: NOW
        )
    assert "more.txt" in caught.value.reasons[0]
    assert heard == ["parting"]


def test_a_digest_cache_is_not_asked_where_ranks_share_the_work(world: ClearedWorld, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    outcomes = run(world, 2, digest_cache={0: cache, 1: cache})
    assert all(isinstance(o, GatePass) and o.shards.from_cache == 0 for o in outcomes)
    assert not cache.exists()


def test_every_rank_tells_the_launcher_that_watches_it(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def report(_: object, places: Iterable[object]) -> list[str]:
        told.append(len(list(places)))
        return []

    monkeypatch.setattr(agreement, "report_cover", report)
    run(world, 3)
    assert told == [3, 3, 3]


def test_without_a_process_group_it_is_the_gate_of_one(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    passed = ranks.pass_gate_together(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW)
    assert len(passed.shards.verified) == 3
    tamper(world.data / "human.txt")
    with pytest.raises(TrainingBlocked):
        ranks.pass_gate_together(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW)
    assert "TRAINING BLOCKED" in capsys.readouterr().err


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 9))
def test_shares_are_a_partition_and_within_one_file_of_each_other(sizes: list[int], parts: int) -> None:
    places = [(f"/d/{i}", ShardLeaf(path=str(i), sha256="sha256:" + "0" * 64, size_bytes=size)) for i, size in enumerate(sizes)]
    shares = [agreement.share_of(places, part=part, parts=parts) for part in range(parts)]
    assert sorted(place for share in shares for place, _ in share) == sorted(place for place, _ in places)
    loads = [sum(leaf.size_bytes + 1 for _, leaf in share) for share in shares]
    assert max(loads) - min(loads) <= max((size + 1 for size in sizes), default=0)
