"""Reading through a guard: no byte before its shard is known to hold the registered bytes, none after it has changed."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.shards import FileIdentity
from provenance.clearance.trust import trust_bytes
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks import buffered, guarded_file
from provenance.hooks.gate import TrainingBlocked
from provenance.hooks.guard import Guard
from provenance.hooks.guarded_file import COARSE_GRAIN_NS, FINE_GRAIN_NS, ShardFile, is_settled
from provenance.hooks.observe import RunEnd
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

ROOT = Path(__file__).parents[3]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}
SECOND = 1_000_000_000


class Told:
    """Keeps what a guard tells."""

    def __init__(self) -> None:
        self.read: dict[str, int] = {}
        self.ends: list[RunEnd] = []

    def shard_read(self, path: str, size_bytes: int) -> None:
        self.read[path] = self.read.get(path, 0) + size_bytes

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        raise AssertionError("a guard counts no steps")

    def run_ended(self, end: RunEnd) -> None:
        self.ends.append(end)


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = cleared_world(tmp_path, **ALWAYS)
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    return made


def enter(world: ClearedWorld, **options: Any) -> Guard:
    return Guard.enter(world.clearance, roots=[world.data], trust=world.trust, **options)


def swap(file: Path) -> bytes:
    """Change one byte, size and time of modification kept; return what was there."""
    good, status = file.read_bytes(), file.stat()
    file.write_bytes(good[:-2] + bytes([good[-2] ^ 1]) + good[-1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    return good


def denied(action: Callable[[], object], *, because: str) -> TrainingBlocked:
    with pytest.raises(TrainingBlocked) as caught:
        action()
    assert caught.value.code == 77
    assert because in caught.value.reasons[0]
    return caught.value


def test_what_is_read_is_what_lies_there_and_is_told(world: ClearedWorld) -> None:
    told = Told()
    guard = enter(world, observer=told)
    file = world.data / "chat" / "b.jsonl"
    with guard.open(file) as stream:
        lines = list(stream)
    assert b"".join(lines) == file.read_bytes()
    assert guard.read_bytes("chat/a.jsonl") == (world.data / "chat" / "a.jsonl").read_bytes()
    assert told.read == {"chat/b.jsonl": 3800, "chat/a.jsonl": 40}
    assert told.ends == []


def test_a_denied_read_leaves_no_byte_of_the_changed_shard_behind(world: ClearedWorld) -> None:
    guard, file, kept = enter(world), world.data / "human.txt", bytearray(b"?" * 64)
    with guard.open_raw(file) as stream:
        assert isinstance(stream, ShardFile)
        swap(file)
        with pytest.raises(TrainingBlocked):
            stream.readinto(kept)
    assert bytes(kept) == bytes(64)


def test_a_process_that_closed_its_descriptors_reads_on(world: ClearedWorld) -> None:
    guard = enter(world)
    guard.open("chat/a.jsonl").close()
    descriptor, _ = buffered._null_device()
    wanted = (world.data / "chat" / "a.jsonl").read_bytes()
    os.close(descriptor)
    with guard.open("chat/a.jsonl") as stream:
        assert stream.read() == wanted
    descriptor, _ = buffered._null_device()
    other = os.open(world.data, os.O_RDONLY)
    os.dup2(other, descriptor)  # its number is another file's now
    os.close(other)
    with guard.open("chat/a.jsonl") as stream:
        assert stream.read() == wanted


def test_shards_come_in_the_order_of_the_manifest(world: ClearedWorld) -> None:
    guard = enter(world)
    expected = [str(world.data / name) for name in ("chat/a.jsonl", "chat/b.jsonl", "human.txt")]
    assert (guard.paths(), list(guard), len(guard)) == (expected, expected, 3)


@pytest.mark.parametrize("buffered", [True, False])
def test_a_shard_that_changes_stops_the_next_read_with_the_time_restored(
    world: ClearedWorld, buffered: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told()
    guard = enter(world, observer=told)
    file = world.data / "chat" / "b.jsonl"
    raw = guard.open_raw(file)
    assert isinstance(raw, ShardFile)
    stream = io.BufferedReader(raw, 1024) if buffered else raw
    assert stream.read(10) == file.read_bytes()[:10]
    swap(file)
    denied(lambda: stream.read(2000), because="chat/b.jsonl: changed: sha256:")
    err = capsys.readouterr().err
    assert "TRAINING BLOCKED" in err
    assert str(world.clearance) in err
    assert told.ends == [RunEnd.DENIED]
    denied(lambda: guard.open(world.data / "human.txt"), because="chat/b.jsonl: changed")  # once denied, no other shard is opened either


def test_a_shard_that_changed_since_the_gate_is_never_opened(world: ClearedWorld) -> None:
    guard = enter(world)
    good = swap(world.data / "human.txt")
    denied(lambda: guard.open(world.data / "human.txt"), because="human.txt: changed")
    (world.data / "human.txt").write_bytes(good)
    assert enter(world).read_bytes("human.txt") == good


def test_a_replaced_and_a_truncated_and_a_missing_file_are_denied(world: ClearedWorld) -> None:
    guard, file = enter(world), world.data / "human.txt"
    other = world.folder / "other"
    other.write_bytes(b"x" * file.stat().st_size)
    other.replace(file)
    denied(lambda: guard.read_bytes(file), because="human.txt: changed: sha256:")
    world.reissue(**ALWAYS)
    guard = enter(world)
    file.write_bytes(b"x")
    denied(lambda: guard.read_bytes(file), because="human.txt: changed: 1 bytes, registered 35")
    guard = Guard.of(guard.passed)
    file.unlink()
    denied(lambda: guard.read_bytes("human.txt"), because="human.txt: cannot be read: No such file")
    file.symlink_to(world.data / "chat" / "a.jsonl")
    guard = Guard.of(guard.passed)
    assert guard.shard_of(file).path == "chat/a.jsonl"  # judged by what it resolves to


def test_a_replaced_file_that_is_open_is_read_to_its_end(world: ClearedWorld) -> None:
    guard, file = enter(world), world.data / "chat" / "b.jsonl"
    good = file.read_bytes()
    with guard.open(file) as stream:
        start = stream.read(7)
        file.unlink()
        file.write_bytes(b"z" * len(good))
        assert start + stream.read() == good


def test_touching_is_no_fraud(world: ClearedWorld) -> None:
    guard, file = enter(world), world.data / "chat" / "b.jsonl"
    with guard.open(file) as stream:
        start = stream.read(7)
        os.utime(file)
        assert start + stream.read() == file.read_bytes()
    os.utime(file, ns=(0, 0))
    assert guard.read_bytes(file) == file.read_bytes()


def test_bytes_swapped_for_the_time_of_one_read_are_not_handed_out(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    guard, file = enter(world), world.data / "human.txt"
    raw, good = guard.open_raw(file), file.read_bytes()
    assert isinstance(raw, ShardFile)
    plain, calls = guarded_file.read_block, []

    def swapped_while_read(descriptor: int, size: int, at: int, /) -> bytes:
        calls.append(at)
        if len(calls) > 1:
            return plain(descriptor, size, at)
        swap(file)
        bad = plain(descriptor, size, at)
        file.write_bytes(good)
        assert bad != good
        return bad

    monkeypatch.setattr(guarded_file, "read_block", swapped_while_read)
    assert raw.read_at(0, 100) == good
    assert len(calls) == 2


def test_paths_that_were_not_cleared_are_denied(world: ClearedWorld) -> None:
    guard = enter(world)
    outside = world.folder / "elsewhere.jsonl"
    outside.write_text("{}", encoding="utf-8")
    denied(lambda: guard.open(outside), because="lies outside the data roots that were cleared")
    guard = Guard.of(guard.passed)
    late = world.data / "chat" / "late.jsonl"
    late.write_text("{}", encoding="utf-8")
    denied(lambda: guard.shard_of(late), because="stands under a data root, and was not cleared")
    guard = Guard.of(guard.passed)
    link = world.data / "link"
    link.symlink_to(outside)
    assert str(outside) not in denied(lambda: guard.open(link), because="lies outside").reasons[0]
    denied(lambda: Guard.of(guard.passed).open("s3://user:secret@bucket/a"), because="lies outside")


def test_links_count_as_what_they_resolve_to(world: ClearedWorld) -> None:
    (world.folder / "alias").symlink_to(world.data)
    guard = enter(world)
    assert guard.shard_of(world.folder / "alias" / "chat" / ".." / "human.txt").path == "human.txt"
    assert guard.place_of((world.data / "human.txt").as_uri()) == str(world.data / "human.txt")


def test_a_name_of_the_manifest_never_stands_for_another_file_here(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = enter(world)
    monkeypatch.chdir(world.folder)
    assert guard.shard_of("human.txt").size_bytes == 35
    Path("human.txt").write_text("another file", encoding="utf-8")
    denied(lambda: guard.open("human.txt"), because="lies outside")


def test_there_is_no_way_past_the_checks(world: ClearedWorld) -> None:
    stream = enter(world).open(world.data / "human.txt")
    with pytest.raises(io.UnsupportedOperation, match="memory map"):
        stream.fileno()
    assert stream.readable()
    assert not stream.writable()


@pytest.mark.parametrize("asked", [True, False])
def test_a_buffer_reads_as_one_over_a_plain_file_however_it_is_asked(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    monkeypatch.setattr(buffered, "_methods_are_asked_for", lambda: asked)  # by an interpreter that does not, it is put over the shard itself
    told = Told()
    guard, file = enter(world, observer=told), world.data / "chat" / "b.jsonl"
    guarded = guard.open(file)
    assert isinstance(guarded, io.BufferedReader)
    assert (type(guarded.raw) is io.FileIO) is asked
    with file.open("rb") as plain:
        for step in (
            lambda f: (f.read(3), f.readline(), next(f), f.tell()),
            lambda f: (f.peek(1)[:1], f.read1(5), f.readinto(bytearray(7)), f.tell()),
            lambda f: (f.seek(-9, io.SEEK_END), f.read(), f.read(), f.seek(38), f.readlines(100), f.seek(1, io.SEEK_CUR)),
            lambda f: (list(f), f.seekable(), f.readable(), f.writable(), f.closed),
        ):
            assert step(guarded) == step(plain)
    under, good = guarded.detach(), file.read_bytes()
    assert (under.seek(5), under.read(4), under.readall(), under.tell()) == (5, good[5:9], good[9:], 3800)
    with pytest.raises(io.UnsupportedOperation, match="memory map"):
        under.fileno()
    with pytest.raises(ValueError, match="whence must be 0, 1 or 2, got 9"):
        under.seek(0, 9)
    under.close()
    assert under.closed
    assert set(told.read) == {"chat/b.jsonl"}


def test_an_interpreter_that_does_not_ask_would_read_nothing_and_is_found_out(world: ClearedWorld) -> None:
    raw = enter(world).open_raw(world.data / "human.txt")
    assert isinstance(raw, ShardFile)
    front = buffered._in_front_of(raw)
    assert (io.FileIO.readall(front), front.read()) == (b"", (world.data / "human.txt").read_bytes())
    assert buffered._methods_are_asked_for()


def test_a_file_that_nobody_holds_is_closed(world: ClearedWorld) -> None:
    stream = enter(world).open(world.data / "human.txt")
    raw = stream.raw.readinto.__self__  # type: ignore[attr-defined]  # the shard that stands behind the buffer
    descriptor = raw._descriptor
    os.fstat(descriptor)
    del raw, stream
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_any_place_can_be_read(world: ClearedWorld) -> None:
    guard, good = enter(world), (world.data / "chat" / "b.jsonl").read_bytes()
    raw = guard.open_raw(world.data / "chat" / "b.jsonl")
    assert isinstance(raw, ShardFile)
    assert raw.read_at(38, 38) == good[38:76]
    assert (raw.read_at(3790, 99), raw.read_at(3800, 5), raw.tell()) == (good[3790:], b"", 0)
    assert (raw.seek(-5, io.SEEK_END), raw.read(), raw.seek(0)) == (3795, good[-5:], 0)
    with pytest.raises(ValueError, match="lies before the start"):
        raw.seek(-1)


def test_a_worker_that_is_started_afresh_reads_through_the_same_guard(world: ClearedWorld) -> None:
    guard = pickle.loads(pickle.dumps(enter(world)))
    assert guard.read_bytes("human.txt") == (world.data / "human.txt").read_bytes()
    swap(world.data / "human.txt")
    denied(lambda: guard.read_bytes("human.txt"), because="human.txt: changed")


def test_threads_hash_a_shard_once(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    guard, calls = enter(world), []
    guard._known.clear()
    plain = guarded_file.verify_descriptor

    def counted(descriptor: int, leaf: ShardLeaf) -> FileIdentity:
        calls.append(leaf.path)
        return plain(descriptor, leaf)

    monkeypatch.setattr("provenance.hooks.guard.verify_descriptor", counted)
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(guard.read_bytes("human.txt"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (set(found), len(found), calls) == ({(world.data / "human.txt").read_bytes()}, 8, ["human.txt"])


@pytest.mark.parametrize(
    ("ctime", "at", "settled"),
    [
        (5 * SECOND + 1, 5 * SECOND + 1 + FINE_GRAIN_NS, False),
        (5 * SECOND + 1, 5 * SECOND + 2 + FINE_GRAIN_NS, True),
        (5 * SECOND, 5 * SECOND + 1 + FINE_GRAIN_NS, False),  # whole seconds: perhaps a file system that keeps no finer ones
        (5 * SECOND, 5 * SECOND + COARSE_GRAIN_NS, False),
        (5 * SECOND, 5 * SECOND + COARSE_GRAIN_NS + 1, True),
        (9 * SECOND + 1, 5 * SECOND, False),
        (5 * SECOND + 1, 0, False),  # nobody knows when it was hashed
    ],
)
def test_an_identity_within_the_clocks_grain_of_hashing_is_not_believed(ctime: int, at: int, settled: bool) -> None:
    assert is_settled(FileIdentity(device=1, inode=2, size_bytes=3, mtime_ns=4, ctime_ns=ctime), at) is settled


def test_files_written_just_before_the_gate_are_hashed_again(world: ClearedWorld) -> None:
    assert enter(world)._known == {}
    time.sleep(0.06)
    assert {Path(place).name for place in enter(world)._known} <= {"a.jsonl", "b.jsonl", "human.txt"}


def test_a_time_of_change_in_the_future_gives_a_private_copy(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    past = time.time_ns() - 3600 * SECOND
    monkeypatch.setattr(time, "time_ns", lambda: past)
    guard, file = enter(world), world.data / "human.txt"
    stream, good = guard.open(file), file.read_bytes()
    swap(file)
    assert stream.read() == good
    denied(lambda: guard.open(file), because="human.txt: changed: sha256:")


def test_others_reading_is_looked_at_when_asked(world: ClearedWorld) -> None:
    guard = enter(world)
    guard.check_unchanged()
    os.utime(world.data / "human.txt")
    guard.check_unchanged()
    swap(world.data / "human.txt")
    guard.check_unchanged([world.data / "chat" / "a.jsonl"])
    denied(guard.check_unchanged, because="human.txt: changed")


def test_a_gate_that_verified_nothing_guards_nothing(world: ClearedWorld) -> None:
    from dataclasses import replace

    passed = enter(world).passed
    denied(lambda: Guard.of(replace(passed, shards=replace(passed.shards, verified=()))), because="verified no shard")


SCRIPT = """
import atexit, os, sys, threading, time
from provenance.hooks.guard import Guard

clearance, root, trust, how = sys.argv[1:]
atexit.register(print, "others end in order")
guard = Guard.enter(clearance, roots=[root], trust=trust)

def read():
    try:
        guard.open("/dev/null")
    except Exception:
        print("swallowed in the reader")

try:
    if how == "thread":
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    else:
        child = os.fork()
        if not child:
            try:
                read()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    time.sleep(0.5)
    print("not reached")
    time.sleep(30)
except Exception:
    print("swallowed")
except SystemExit:
    if how != "stubborn":
        raise
    print("went on")
"""


@pytest.mark.parametrize("how", ["thread", "fork", "stubborn"])
def test_a_denial_in_a_thread_or_worker_ends_the_process_that_made_the_guard(world: ClearedWorld, how: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(world.clearance), str(world.data), str(world.trust), how]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 77, done.stderr
    assert time.monotonic() - began < 5
    assert done.stdout.splitlines() == [*(["went on"] if how == "stubborn" else []), "others end in order"]
    assert done.stderr.count("TRAINING BLOCKED") == 1
    assert "/dev/null: lies outside the data roots" in done.stderr
