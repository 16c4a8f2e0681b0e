"""The run record: what is told in any process of a run is kept, summed up once, and signed; nothing that was not seen is told as nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

import pytest

from provenance.clearance.keys import write_key
from provenance.clearance.run_record import parse_record, verify_record
from provenance.clearance.statement import statement_bytes, statement_digest
from provenance.clearance.trust import trust_bytes
from provenance.errors import ClearanceError, RunRecordError, UntrustedKeyError
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks import journal as journals
from provenance.hooks.observe import RunEnd, tell_denied
from provenance.hooks.record import RunRecorder
from provenance.hooks.run_folder import RECORD_FILE, is_alive
from provenance.hooks.seal import seal_run, sealed_in
from provenance.model.absence import Absence, TriState
from provenance.model.training import RunRecord
from tests.fakes.clock import TickingClock
from tests.fakes.runs import LEAVES, passed_gate, recorder_key, recorder_trust

ROOT = Path(__file__).parents[3]
NOW = "2026-11-24T12:00:00Z"


def still() -> str:
    return NOW


def record_of(folder: Path) -> RunRecord:
    sealed = sealed_in(folder)
    assert sealed is not None
    return sealed.record


def reads_of(record: RunRecord) -> dict[str, int]:
    return {s.path: s.bytes_read for s in record.shards if s.first_read is not None}


def notes(folder: Path) -> list[Path]:
    return sorted(folder.glob("*" + journals.JOURNAL_SUFFIX))


def test_a_run_in_one_process_becomes_one_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    passed, clock = passed_gate(), TickingClock()
    recorder = RunRecorder(tmp_path / "run", passed, framework="mine", clock=clock.now)
    for _ in range(3):
        recorder.shard_read("chat/0.jsonl", 400)
    recorder.shard_read("chat/2.jsonl", 3000)
    recorder.step_ended(1)
    recorder.step_ended(2, epoch=0.25)
    recorder.step_ended(3, epoch=float("nan"))
    recorder.run_ended(RunEnd.COMPLETED)
    recorder.run_ended(RunEnd.FAILED)
    record = record_of(tmp_path / "run")
    assert reads_of(record) == {"chat/0.jsonl": 1200, "chat/2.jsonl": 3000}
    assert [s.path for s in record.shards if s.first_read is None] == ["chat/1.jsonl", "chat/3.jsonl"]
    assert (record.end, record.steps, record.epochs, record.framework, record.world_size, record.processes) == (
        RunEnd.COMPLETED,
        3,
        "0.25",
        "mine",
        1,
        1,
    )
    assert record.began < record.ended
    assert (record.clearance, record.manifest_root) == (statement_digest(statement_bytes(passed.clearance)), passed.clearance.manifest_root)
    assert (record.audit, record.run_digest) == (passed.clearance.audit, passed.clearance.run_digest)
    assert record.hosts == (Absence.NOT_STATED,)
    assert record.unseen is TriState.UNKNOWN
    assert not record.gaps.any
    assert "UNSIGNED" in capsys.readouterr().err


def test_a_key_signs_the_record_and_one_changed_byte_is_found(tmp_path: Path) -> None:
    write_key(recorder_key(), tmp_path / "node.pem", passphrase=b"secret")
    (tmp_path / "trust.json").write_bytes(trust_bytes(recorder_trust()))
    recorder = RunRecorder(
        tmp_path / "run", passed_gate(), key=tmp_path / "node.pem", passphrase=b"secret", trust=tmp_path / "trust.json", clock=still
    )
    recorder.shard_read("chat/0.jsonl", 10)
    recorder.run_ended(RunEnd.COMPLETED)
    raw = (tmp_path / "run" / RECORD_FILE).read_bytes()
    assert verify_record(parse_record(raw), recorder_trust(), NOW).name == "node-7"
    step = max(len(raw) // 200, 1)
    for at in range(0, len(raw), step):
        with pytest.raises(ClearanceError):
            verify_record(parse_record(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]), recorder_trust(), NOW)


@pytest.mark.parametrize(("roles", "told"), [(("recorder", "issuer"), "'issuer'"), (("issuer",), "'issuer'"), (("auditor",), "no role 'recorder'")])
def test_a_key_that_may_do_more_or_less_is_refused_before_the_run(tmp_path: Path, roles: tuple[str, ...], told: str) -> None:
    (tmp_path / "trust.json").write_bytes(trust_bytes(recorder_trust(*roles)))
    with pytest.raises(UntrustedKeyError, match=told):
        RunRecorder(tmp_path / "run", passed_gate(), key=recorder_key(), trust=tmp_path / "trust.json")
    assert not (tmp_path / "run").exists()


def in_worker(recorder: RunRecorder, path: str) -> None:
    for _ in range(100):
        recorder.shard_read(path, 10)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_what_workers_read_is_counted_once(tmp_path: Path, method: Literal["fork", "spawn"]) -> None:
    recorder = RunRecorder(tmp_path / "run", passed_gate(), clock=still)
    recorder.shard_read("chat/0.jsonl", 7)
    context = multiprocessing.get_context("fork") if method == "fork" else multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []
    for i in range(2):
        worker = context.Process(target=in_worker, args=(recorder, f"chat/{i}.jsonl"))
        worker.start()
        started.append(worker)
    for process in started:
        process.join()
    recorder.run_ended(RunEnd.COMPLETED)
    record = record_of(tmp_path / "run")
    assert reads_of(record) == {"chat/0.jsonl": 1007, "chat/1.jsonl": 1000}
    assert (record.end, record.processes, record.gaps.any) == (RunEnd.COMPLETED, 3, False)


def test_a_copy_by_pickle_holds_no_key(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_bytes(trust_bytes(recorder_trust()))
    recorder = RunRecorder(tmp_path / "run", passed_gate(), key=recorder_key(), trust=tmp_path / "trust.json", clock=still)
    copy = pickle.loads(pickle.dumps(recorder))
    assert copy.__dict__["_signer"] is None
    copy.run_ended(RunEnd.COMPLETED)
    recorder.run_ended(RunEnd.COMPLETED)


def test_ranks_make_one_record_and_those_that_never_came_are_told(tmp_path: Path) -> None:
    ranks = [RunRecorder(tmp_path / "run", passed_gate(), rank=rank, world_size=4, clock=still) for rank in (0, 2)]
    for rank in reversed(ranks):
        rank.shard_read("chat/1.jsonl", 100)
        rank.step_ended(5)
        rank.run_ended(RunEnd.COMPLETED)
    assert sealed_in(tmp_path / "run") is None
    record = seal_run(tmp_path / "run").record
    assert reads_of(record) == {"chat/1.jsonl": 200}
    assert (record.world_size, record.gaps.missing_ranks, record.end) == (4, (1, 3), Absence.UNKNOWN)


def test_rank_0_leaves_the_record_to_the_last_where_others_go_on(tmp_path: Path) -> None:
    ranks = [RunRecorder(tmp_path / "run", passed_gate(), rank=rank, world_size=2, clock=still) for rank in (0, 1)]
    ranks[0].run_ended(RunEnd.COMPLETED)
    assert sealed_in(tmp_path / "run") is None
    with pytest.raises(RunRecordError, match="goes on"):
        seal_run(tmp_path / "run")
    ranks[1].run_ended(RunEnd.FAILED)
    assert seal_run(tmp_path / "run").record.end is RunEnd.FAILED


def test_why_a_run_was_stopped_is_kept_and_a_worker_says_it_too(tmp_path: Path) -> None:
    recorder = RunRecorder(tmp_path / "run", passed_gate(), clock=still)
    worker = multiprocessing.get_context("fork").Process(target=tell_denied, args=(recorder, ["chat/0.jsonl: changed \x1b[31m"]))
    worker.start()
    worker.join()
    recorder.run_ended(RunEnd.FAILED)
    record = record_of(tmp_path / "run")
    assert record.end is RunEnd.DENIED
    assert [s.reason for s in record.stops] == ["chat/0.jsonl: changed \x1b[31m"]


def test_what_nobody_saw_is_never_nothing(tmp_path: Path) -> None:
    def run(name: str, tell: Callable[[RunRecorder], None], *, sees_all: bool = False) -> TriState:
        recorder = RunRecorder(tmp_path / name, passed_gate(), clock=still, sees_all_reads=sees_all)
        tell(recorder)
        recorder.run_ended(RunEnd.COMPLETED)
        return record_of(tmp_path / name).unseen

    assert run("steps", lambda r: r.step_ended(1)) is TriState.YES
    assert run("reads", lambda r: r.shard_read("chat/0.jsonl", 1)) is TriState.UNKNOWN
    assert run("vouched", lambda r: r.shard_read("chat/0.jsonl", 1), sees_all=True) is TriState.NO
    assert run("stranger", lambda r: r.shard_read("other.jsonl", 1), sees_all=True) is TriState.YES
    assert run("said", lambda r: r.reads_unseen("the trainer opens files itself"), sees_all=True) is TriState.YES


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    RunRecorder(tmp_path / "run", passed_gate(), clock=still).run_ended(RunEnd.COMPLETED)
    with pytest.raises(RunRecordError, match="a run that is over"):
        RunRecorder(tmp_path / "run", passed_gate(), clock=still)
    RunRecorder(tmp_path / "other", passed_gate(), world_size=2, clock=still)
    with pytest.raises(RunRecordError, match="under another clearance"):
        RunRecorder(tmp_path / "other", passed_gate(LEAVES[0]), rank=1, world_size=2, clock=still)
    wrong = passed_gate(LEAVES[0])
    with pytest.raises(RunRecordError, match="not all of them"):
        RunRecorder(tmp_path / "third", type(wrong)(clearance=passed_gate().clearance, shards=wrong.shards))


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    RunRecorder(tmp_path / "a", passed_gate(), clock=still).run_ended(RunEnd.COMPLETED)
    RunRecorder(tmp_path / "b", passed_gate(), clock=still).run_ended(RunEnd.COMPLETED)
    stranger = notes(tmp_path / "b")[0]
    (tmp_path / "b" / RECORD_FILE).unlink()
    (tmp_path / "b" / f"x{journals.JOURNAL_SUFFIX}").write_bytes(notes(tmp_path / "a")[0].read_bytes())
    with pytest.raises(RunRecordError, match="of another run"):
        seal_run(tmp_path / "b", own=stranger)


@pytest.mark.parametrize(
    "line",
    [
        '{"from":"2026-11-24T12:00:00Z","to":"2026-11-24T12:00:01Z","reads":{"0":',
        '{"from":"2026-11-24T12:00:00Z","to":"2026-11-24T12:00:01Z","reads":{"0":-5}}',
        '{"from":"2026-11-24T12:00:00Z","to":"2026-11-24T12:00:01Z","reads":{"99":5}}',
        '{"from":"2026-11-24T12:00:09Z","to":"2026-11-24T12:00:01Z","reads":{"0":5}}',
        '{"from":"2026-11-24T12:00:00Z","to":"2026-11-24T12:00:01Z","reads":{"0":NaN}}',
        '{"from":"2026-11-24T12:00:00Z","to":"2026-11-24T12:00:01Z","reads":{"0":5,"0":6}}',
        '{"from":"2026-11-24T12:00:00Z","to":"2026-11-24T12:00:01Z","reads":{"0":5},"epoch":"nan"}',
        '{"end":"sublime","at":"2026-11-24T12:00:00Z","versions":{}}',
        "[]",
        "7",
        "\udcff",
    ],
)
def test_a_torn_or_senseless_line_is_counted_and_the_rest_holds(tmp_path: Path, line: str) -> None:
    recorder = RunRecorder(tmp_path / "run", passed_gate(), world_size=2, clock=still)
    recorder.shard_read("chat/0.jsonl", 10)
    recorder.run_ended(RunEnd.COMPLETED)
    (file,) = notes(tmp_path / "run")
    with file.open("ab") as out:
        out.write(line.encode("utf-8", "surrogateescape"))
    record = seal_run(tmp_path / "run").record
    assert (record.gaps.torn_lines, reads_of(record)) == (1, {"chat/0.jsonl": 10})


def test_the_notes_of_a_long_run_stay_short_and_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "COMPACT_BYTES", 4_000)
    monkeypatch.setattr(journals, "FLUSH_S", 60.0)
    recorder = RunRecorder(tmp_path / "run", passed_gate(), clock=TickingClock().now)
    (file,) = notes(tmp_path / "run")
    longest = 0
    for step in range(5_000):
        recorder.shard_read(f"chat/{step % 4}.jsonl", 3)
        recorder.step_ended(step + 1, epoch=step / 1000)
        recorder.flush()
        longest = max(longest, file.stat().st_size)
    recorder.run_stopped(["once"])
    recorder.run_ended(RunEnd.STOPPED)
    record = record_of(tmp_path / "run")
    assert longest < 6_000
    assert reads_of(record) == {f"chat/{i}.jsonl": 3 * 1250 for i in range(4)}
    assert (record.steps, record.epochs, record.end, len(record.stops)) == (5_000, "4.999", RunEnd.STOPPED, 1)
    assert record.shards[0].first_read is not None
    assert record.shards[0].first_read < str(record.shards[0].last_read)


RUN = """
import os, sys, time
from provenance.hooks.record import RunRecorder
from tests.fakes.runs import passed_gate

recorder = RunRecorder(sys.argv[1], passed_gate())
child = os.fork()
path = "chat/0.jsonl" if child else "chat/1.jsonl"
parent = os.getpid()
start, told = time.monotonic(), 0
with open(sys.argv[2] + ("-main" if child else "-worker"), "w", buffering=1) as log:
    while time.monotonic() - start < 60 and (child or os.getppid() != 1):
        recorder.shard_read(path, 1)
        told += 1
        log.write(f"{time.monotonic()} {told}\\n")
        time.sleep(0.002)
"""


def test_a_kill_at_any_moment_loses_at_most_a_second(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for number, after_s in enumerate((0.9, 1.7)):
        folder, log = tmp_path / f"run{number}", tmp_path / f"log{number}"
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(RUN), str(folder), str(log)], env=environment, start_new_session=True)
        while not Path(f"{log}-worker").exists():
            time.sleep(0.01)
        time.sleep(after_s)
        with pytest.raises(RunRecordError, match="goes on"):
            seal_run(folder)
        killed = time.monotonic()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for _ in range(200):
            if not any(map(is_alive, notes(folder))):
                break
            time.sleep(0.01)
        sealed = seal_run(folder)
        read = reads_of(sealed.record)
        for path, name in (("chat/0.jsonl", "main"), ("chat/1.jsonl", "worker")):
            lines = [line.split() for line in Path(f"{log}-{name}").read_text(encoding="utf-8").splitlines() if line.count(" ") == 1]
            before = max((int(told) for at, told in lines if float(at) < killed - 1), default=0)
            assert before <= read.get(path, 0) <= int(lines[-1][1]) + 1
        assert (sealed.record.end, sealed.record.gaps.unended_ranks) == (Absence.UNKNOWN, (0,))
        again = (folder / RECORD_FILE).read_bytes()
        assert seal_run(folder) == sealed
        assert (folder / RECORD_FILE).read_bytes() == again


def test_an_unsigned_record_can_be_signed_later_and_says_the_same(tmp_path: Path) -> None:
    RunRecorder(tmp_path / "run", passed_gate(), clock=still).run_ended(RunEnd.COMPLETED)
    before = seal_run(tmp_path / "run")
    after = seal_run(tmp_path / "run", signer=recorder_key())
    assert before.envelope is None
    assert after.record == before.record
    assert verify_record(after, recorder_trust(), NOW).name == "node-7"


def test_a_disk_that_takes_no_more_loses_nothing_once_it_does_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = RunRecorder(tmp_path / "run", passed_gate(), clock=still)
    write = os.write

    def part(descriptor: int, raw: bytes) -> int:
        return write(descriptor, raw[:10])

    def none(_descriptor: int, _raw: bytes) -> int:
        raise OSError(28, "No space left on device")

    for broken in (part, none):
        monkeypatch.setattr(os, "write", broken)
        recorder.shard_read("chat/0.jsonl", 10)
        recorder.flush()
    monkeypatch.setattr(os, "write", write)
    recorder.run_ended(RunEnd.COMPLETED)
    record = record_of(tmp_path / "run")
    assert (reads_of(record), record.end, record.gaps.torn_lines) == ({"chat/0.jsonl": 20}, RunEnd.COMPLETED, 1)
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_paths_with_control_characters_are_kept_as_they_are(tmp_path: Path) -> None:
    leaf = ShardLeaf(path="a\x1b[2J\n\u202e.txt", sha256="sha256:" + "ab" * 32, size_bytes=3)
    recorder = RunRecorder(tmp_path / "run", passed_gate(leaf), clock=still)
    recorder.shard_read(leaf.path, 3)
    recorder.run_ended(RunEnd.COMPLETED)
    assert reads_of(record_of(tmp_path / "run")) == {leaf.path: 3}
    assert json.loads((tmp_path / "run" / RECORD_FILE).read_bytes())["shards"][0]["path"] == leaf.path
