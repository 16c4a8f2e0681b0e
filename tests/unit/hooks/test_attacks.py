"""Ways round the gate that people and accidents find: disk, time, environment, processes. docs/SECURITY.md names the test of each."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.clearance import content, shards
from provenance.clearance.faults import ShardFault, ShardProblem
from provenance.clearance.shards import hash_plan, plan_shards, settle, verify_file, verify_shards
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import GateLeave
from provenance.clearance.trust import RevocationSource, trust_bytes
from provenance.fingerprint.digest import ShardLeaf, hash_file, manifest_bytes, merkle_root
from provenance.hooks.gate import TrainingBlocked, announce, examine, require_clearance
from tests.fakes.clearances import NOW, ClearedWorld, cleared_world, leaves_of, rfc_key, sample_clearance, sample_trust
from tests.fakes.launching import ALWAYS, REPOSITORY, lasting_world, launch, options

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # FIPS 180-4: of no bytes


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return cleared_world(tmp_path)


@pytest.fixture
def lasting(tmp_path: Path) -> ClearedWorld:
    return lasting_world(tmp_path)


def denied(world: ClearedWorld, clock: Callable[[], str] = lambda: NOW) -> str:
    """Return why the gate denies."""
    with pytest.raises(TrainingBlocked) as caught:
        examine(world.clearance, roots=[world.data], trust=world.trust, clock=clock)
    return "; ".join(caught.value.reasons)


def paths(world: ClearedWorld) -> list[tuple[ShardFault, str]]:
    return [(p.fault, Path(p.path).name) for p in verify_shards(REGISTERED[world.folder], [world.data]).problems]


REGISTERED: dict[Path, list[ShardLeaf]] = {}


@pytest.fixture(autouse=True)
def registered(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what the world's manifest says before an attack changes its disk."""
    if "world" in request.fixturenames:
        made: ClearedWorld = request.getfixturevalue("world")
        REGISTERED[made.folder] = leaves_of(made.data)
    yield
    REGISTERED.clear()


# The disk


def test_a_shard_swapped_for_another_registered_one_with_its_time_set_back(world: ClearedWorld) -> None:
    a, b = world.data / "chat" / "a.jsonl", world.data / "human.txt"
    before = b.stat()
    b.write_bytes(a.read_bytes().ljust(before.st_size)[: before.st_size])
    os.utime(b, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "human.txt: changed" in denied(world)


def test_a_file_replaced_while_another_is_hashed(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.data / "chat" / "b.jsonl"  # the largest is read first
    other, first_done = first.with_name("new"), threading.Event()
    real = content.verify_file

    def swap_after(place: str, leaf: ShardLeaf, **given: object) -> object:
        result = real(place, leaf)
        if place == str(first):
            first_done.set()
        if place == str(world.data / "human.txt"):
            assert first_done.wait(30)
            other.write_bytes(first.read_bytes())
            other.replace(first)
        return result

    monkeypatch.setattr("provenance.clearance.shards.verify_file", swap_after)
    assert denied(world) == "chat/b.jsonl: was changed while the check was on its way, after it had been read"


@pytest.mark.parametrize(
    ("change", "fault", "name"),
    [
        (lambda data: (data / "late.txt").write_bytes(b"x"), ShardFault.UNREGISTERED, "late.txt"),
        (lambda data: (data / "door").symlink_to("/etc"), ShardFault.OUTSIDE, "door"),
        (lambda data: (data / "human.txt").unlink(), ShardFault.UNREADABLE, "human.txt"),
        (lambda data: (data / "human.txt").chmod(0o600), ShardFault.CHANGED, "human.txt"),
    ],
)
def test_what_comes_goes_or_changes_between_hashing_and_the_end(
    world: ClearedWorld, change: Callable[[Path], object], fault: ShardFault, name: str
) -> None:
    plan = plan_shards(REGISTERED[world.folder], [world.data])
    verified = hash_plan(plan).verified
    assert settle(plan, verified) == []
    time.sleep(0.02)  # file systems tick at 4 ms or 10 ms
    change(world.data)
    assert (fault, name) in [(p.fault, Path(p.path).name) for p in settle(plan, verified)]


def test_a_link_turned_to_another_registered_file_during_the_check(world: ClearedWorld) -> None:
    (world.data / "blob").write_bytes((world.data / "human.txt").read_bytes())
    human = world.data / "human.txt"
    human.unlink()
    human.symlink_to("blob")
    leaves = leaves_of(world.data)
    plan = plan_shards(leaves, [world.data])
    verified = hash_plan(plan).verified
    human.unlink()
    human.symlink_to("chat/a.jsonl")
    assert {p.path for p in settle(plan, verified)} == {"human.txt"}


def test_a_folder_swapped_for_a_link_before_it_is_walked(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = world.folder / "outside"
    real = os.open

    def swap_first(path: str, *given: int, **more: int) -> int:
        chat = world.data / "chat"
        if str(path) == str(chat) and not outside.exists():
            chat.rename(outside)
            chat.symlink_to(outside)
        return real(path, *given, **more)

    monkeypatch.setattr(os, "open", swap_first)
    assert "chat: cannot be listed" in denied(world)


def test_a_file_swapped_for_a_link_before_it_is_opened(world: ClearedWorld) -> None:
    place = str(world.data / "human.txt")
    leaf = next(leaf for leaf in REGISTERED[world.folder] if leaf.path == "human.txt")
    (world.folder / "copy").write_bytes((world.data / "human.txt").read_bytes())
    (world.data / "human.txt").unlink()
    (world.data / "human.txt").symlink_to(world.folder / "copy")
    found = verify_file(place, leaf)
    assert isinstance(found, ShardProblem)
    assert found.fault is ShardFault.UNREADABLE


def test_hard_links_are_files_by_each_of_their_names(world: ClearedWorld) -> None:
    (world.data / "again.txt").hardlink_to(world.data / "human.txt")
    assert paths(world) == [(ShardFault.UNREGISTERED, "again.txt")]
    (world.data / "again.txt").unlink()
    (world.folder / "outside.txt").hardlink_to(world.data / "human.txt")
    assert paths(world) == []
    (world.folder / "outside.txt").write_bytes(b"It was a bright cold day in August\n")  # the same file by its other name
    assert paths(world) == [(ShardFault.CHANGED, "human.txt")]


@pytest.mark.parametrize("name", [".hidden", "a\nb", "HUMAN.TXT", "__pycache__", "human.txt~", ".DS_Store", "human.txt ", "-rf", "\u200b"])
def test_no_name_is_exempt(world: ClearedWorld, name: str) -> None:
    (world.data / name).write_bytes(b"x")
    problems = verify_shards(REGISTERED[world.folder], [world.data]).problems
    assert [(p.fault, Path(p.path).name) for p in problems] == [(ShardFault.UNREGISTERED, name)]
    assert str(problems[0]).isprintable()


def test_names_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "caf\u00e9.txt").write_bytes(b"x")
    (tmp_path / "Readme.txt").write_bytes(b"y")
    leaves = leaves_of(tmp_path)
    (tmp_path / "caf\u00e9.txt").rename(tmp_path / "cafe\u0301.txt")
    (tmp_path / "Readme.txt").rename(tmp_path / "README.txt")
    details = {p.detail for p in verify_shards(leaves, [tmp_path]).problems if p.fault is ShardFault.UNREGISTERED}
    start = "not among the files that were cleared: its name is that of a registered file, "
    assert details == {f"{start}in another Unicode form", f"{start}written with other capitals or in another Unicode form"}


def test_names_that_are_not_unicode_cannot_be_cleared(world: ClearedWorld) -> None:
    Path(os.fsdecode(os.fsencode(world.data) + b"/\xff\xfe.txt")).write_bytes(b"x")
    assert [fault for fault, _ in paths(world)] == [ShardFault.UNREGISTERED]


def test_a_file_that_grows_while_it_is_hashed_ends_the_reading(world: ClearedWorld) -> None:
    file, told = world.data / "human.txt", [0]
    leaf = next(leaf for leaf in REGISTERED[world.folder] if leaf.path == "human.txt")

    def grow(n_bytes: int) -> None:
        told.append(n_bytes)
        with file.open("ab") as stream:
            stream.write(b"more")

    found = verify_file(str(file), leaf, on_bytes=grow)
    assert isinstance(found, ShardProblem)
    assert found.fault is ShardFault.CHANGED
    assert sum(told) <= leaf.size_bytes + 1


def test_files_that_claim_to_be_empty_are_read(world: ClearedWorld) -> None:
    if not Path("/proc/version").is_file():
        pytest.skip("did not run: there is no /proc")
    assert Path("/proc/version").stat().st_size == 0
    found = verify_file("/proc/version", ShardLeaf(path="version", sha256=EMPTY, size_bytes=0))
    assert isinstance(found, ShardProblem)
    assert found.fault is ShardFault.CHANGED


def test_a_sparse_file_counts_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1 << 20))
    leaves = leaves_of(tmp_path)
    (tmp_path / "zeros").write_bytes(b"")
    os.truncate(tmp_path / "zeros", 1 << 20)
    assert verify_shards(leaves, [tmp_path]).problems == ()
    os.truncate(tmp_path / "zeros", 1 << 40)  # a terabyte by name: judged by its size, not read
    assert [p.fault for p in verify_shards(leaves, [tmp_path]).problems] == [ShardFault.CHANGED]


def test_a_link_to_another_file_system_leaves_the_roots_unless_it_is_a_root(world: ClearedWorld) -> None:
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or memory.stat().st_dev == world.data.stat().st_dev:
        pytest.skip("did not run: there is no second file system to write to")
    elsewhere = memory / f"provenance-test-{os.getpid()}"
    elsewhere.mkdir()
    try:
        (world.data / "human.txt").rename(world.folder / "kept")
        (elsewhere / "human.txt").write_bytes((world.folder / "kept").read_bytes())
        (world.data / "human.txt").symlink_to(elsewhere / "human.txt")
        assert (ShardFault.OUTSIDE, "human.txt") in paths(world)
        assert verify_shards(REGISTERED[world.folder], [world.data, elsewhere]).problems == ()
    finally:
        for file in elsewhere.iterdir():
            file.unlink()
        elsewhere.rmdir()


def test_a_result_that_is_lost_is_no_pass(monkeypatch: pytest.MonkeyPatch, world: ClearedWorld) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("inside the reading of a file")

    monkeypatch.setattr("provenance.clearance.shards.verify_file", broken)
    assert "the check itself failed: IndexError" in denied(world)


# Time


def test_a_clearance_that_expires_while_the_data_are_hashed(world: ClearedWorld) -> None:
    times = iter([NOW, "2027-01-01T00:00:00Z"])
    assert "expired at 2026-12-24T08:00:00Z" in denied(world, lambda: next(times))


def test_a_clock_set_back_before_and_during_the_check(world: ClearedWorld) -> None:
    assert "issued at 2026-11-24T08:00:00Z" in denied(world, lambda: "2026-11-24T07:00:00Z")
    times = iter([NOW, "2026-11-24T11:54:59Z"])
    assert "clock was set back during the check" in denied(world, lambda: next(times))
    times = iter([NOW, "2026-11-24T11:55:00Z"])  # 300 s are within what clocks may differ
    examine(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: next(times))


def test_a_clock_set_back_behind_the_revocation_list(world: ClearedWorld) -> None:
    world.trust.write_bytes(trust_bytes(sample_trust(revocation=RevocationSource(path="revoked.json", max_age_s=86400))))
    wire = {"format": "provenance.revocations", "version": 1, "issued": "2026-11-25T00:00:00Z", "keys": [], "clearances": []}
    (world.folder / "revoked.json").write_text(json.dumps(wire), encoding="utf-8")
    assert "lies in the future of this machine's clock" in denied(world)


# Documents


@pytest.mark.parametrize("which", ["clearance", "manifest", "trust"])
def test_fifos_and_devices_in_place_of_documents_do_not_keep_the_gate_waiting(world: ClearedWorld, which: str) -> None:
    file: Path = getattr(world, which)
    file.unlink()
    file.symlink_to("/dev/zero")
    assert denied(world)
    file.unlink()
    os.mkfifo(file)
    assert "not a regular file" in denied(world)


def test_a_fifo_in_place_of_the_revocation_list_does_not_keep_the_gate_waiting(world: ClearedWorld) -> None:
    world.trust.write_bytes(trust_bytes(sample_trust(revocation=RevocationSource(path="revoked.json", max_age_s=60))))
    os.mkfifo(world.folder / "revoked.json")
    assert "not a regular file" in denied(world)


def test_a_root_that_is_a_link_turned_to_other_data_while_it_is_hashed(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    other = world.folder / "other"
    other.mkdir()
    (other / "evil.txt").write_text("never cleared")
    link = world.folder / "current"
    link.symlink_to(world.data)
    true = shards.verify_file

    def turning(*arguments: Any, **options: Any) -> Any:
        fresh = world.folder / f"link-{threading.get_ident()}"
        fresh.symlink_to(other)
        fresh.replace(link)
        return true(*arguments, **options)

    monkeypatch.setattr(shards, "verify_file", turning)
    with pytest.raises(TrainingBlocked) as caught:
        examine(world.clearance, roots=[link], trust=world.trust, clock=lambda: NOW)
    assert any("turned to another folder" in reason for reason in caught.value.reasons)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_documents_of_100_mb_are_refused_with_little_memory(lasting: ClearedWorld) -> None:
    garbage = b'{"payload":"' + b"A" * (100 << 20) + b'"}'
    for file in (lasting.clearance, lasting.manifest, lasting.trust):
        kept = file.read_bytes()
        file.write_bytes(garbage)
        limit = (80 << 20) if file is not lasting.manifest else (350 << 20)
        code = (
            "from pathlib import Path\nfrom provenance.hooks.gate import TrainingBlocked, examine\n"
            f"try: examine({str(lasting.clearance)!r}, roots=[{str(lasting.data)!r}], trust={str(lasting.trust)!r})\n"
            "except TrainingBlocked: print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY)
        assert 1024 * int(done.stdout) < limit, file
        file.write_bytes(kept)


# Where denials are written


def test_a_denial_is_not_written_through_a_link_nor_below_a_data_root(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    precious = world.folder / "precious"
    precious.write_bytes(b"keep me")
    link = world.folder / "denial.json"
    link.symlink_to(precious)
    inside = world.data / "chat" / "denial.json"
    denial = TrainingBlocked(["because"])
    announce(denial, denial_json=link, roots=[world.data])
    assert "it is a link" in capsys.readouterr().err
    announce(denial, denial_json=inside, roots=[world.data])
    assert "it lies below a data root" in capsys.readouterr().err
    announce(denial, denial_json="a\0b", roots=[world.data])
    assert "could not be written" in capsys.readouterr().err
    announce(denial, denial_json=world.data, roots=[])
    assert "Is a directory" in capsys.readouterr().err
    assert precious.read_bytes() == b"keep me"
    assert not inside.exists()


# The environment


HOSTILE = {
    "PYTHONINSPECT": "1",
    "PYTHONSTARTUP": "/nowhere/startup.py",
    "PYTHONHASHSEED": "0",
    "PYTHONOPTIMIZE": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "ascii",
    "PYTHONBREAKPOINT": "0",
    "PYTHONFAULTHANDLER": "1",
    "LC_ALL": "C",
    "TZ": "Pacific/Kiritimati",
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "PROVENANCE_SKIP": "1",
    "PROVENANCE_DISABLE": "1",
    "PROVENANCE_TRUST": "/dev/null",
    "PROVENANCE_ALLOW": "all",
    "PROVENANCE_OBLIGATION": "/nowhere",
    "PROVENANCE_RANKS_VERIFY": "1",
    "CI": "true",
    "DEBUG": "1",
    "COLUMNS": "1",
    "TERM": "dumb",
}


@pytest.mark.parametrize("door", ["module", "command"])
def test_no_environment_switches_the_launcher_off(lasting: ClearedWorld, tmp_path: Path, door: str) -> None:
    environment = {**os.environ, **HOSTILE}
    marker = tmp_path / "started"
    program = ["-m", "provenance.hooks.launcher"] if door == "module" else ["-m", "provenance.cli.main", "exec"]

    def start() -> subprocess.CompletedProcess[str]:
        line = [sys.executable, *program, *options(lasting), "--", "touch", str(marker)]
        return subprocess.run(
            line, capture_output=True, text=True, check=False, timeout=60, cwd=REPOSITORY, env=environment, input="print('a prompt')\n"
        )

    (lasting.data / "extra").write_bytes(b"x")
    done = start()
    assert (done.returncode, done.stdout) == (77, ""), done.stderr
    assert "TRAINING BLOCKED" in done.stderr
    assert not marker.exists()
    (lasting.data / "extra").unlink()
    assert start().returncode == 0
    assert marker.exists()


def test_modules_of_the_jobs_folder_that_take_the_place_of_pythons_own_deny(lasting: ClearedWorld, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    # a whole working copy: what crashes on import would start nothing anyway
    library = Path(json.__file__).parents[1]
    (job / "secrets.py").write_text((library / "secrets.py").read_text(encoding="utf-8"), encoding="utf-8")
    (job / "base64.py").write_text((library / "base64.py").read_text(encoding="utf-8"), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = launch(*options(lasting), "--", "true", cwd=job, env=environment)
    assert done.returncode == 77
    assert f"Python's own module base64 ({job / 'base64.py'}) was taken from elsewhere" in done.stderr
    assert launch(*options(lasting), "--", "true", cwd=job, env={**environment, "PYTHONSAFEPATH": "1"}).returncode == 0


def test_nobody_to_read_the_denial_changes_nothing(lasting: ClearedWorld, tmp_path: Path) -> None:
    (lasting.data / "extra").write_bytes(b"x")
    line = " ".join([sys.executable, "-m", "provenance.hooks.launcher", *options(lasting), "--", "touch", str(tmp_path / "started")])
    for where in ("2>&-", "2>/dev/full", "2>&- >&- <&-", ">/dev/full"):
        done = subprocess.run(["sh", "-c", f"{line} {where}"], capture_output=True, check=False, timeout=60, cwd=REPOSITORY)
        assert done.returncode == 77, where
    assert not (tmp_path / "started").exists()


def test_except_exception_and_bare_returns_do_not_swallow_a_denial(world: ClearedWorld) -> None:
    (world.data / "extra").write_bytes(b"x")
    reached = []

    def careless() -> None:
        with contextlib.suppress(Exception):
            require_clearance(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW)
        reached.append(1)

    with pytest.raises(SystemExit) as caught:
        careless()
    assert (caught.value.code, reached) == (77, [])


class WritesOnly:
    """What people put in the place of ``sys.stderr`` to have it in their log."""

    def write(self, text: str) -> None:
        """Take text."""

    def flush(self) -> None:
        """Do nothing."""


class OnlyATerminal(WritesOnly):
    """Says that it is a terminal, and cannot say which."""

    def isatty(self) -> bool:
        """Tell so."""
        return True


class Broken:
    """Cannot even write."""


@pytest.mark.parametrize("stderr", [WritesOnly(), OnlyATerminal(), Broken()])
def test_no_stand_in_for_stderr_takes_the_denials_place(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch, stderr: object) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    (world.data / "extra").write_bytes(b"x")
    with pytest.raises(TrainingBlocked):
        require_clearance(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW)


# Processes


def test_the_command_gets_stdin_and_the_signals_python_ignores(lasting: ClearedWorld) -> None:
    line = [sys.executable, "-m", "provenance.hooks.launcher", *options(lasting), "--", "sh", "-c", "cat; grep SigIgn /proc/self/status"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60, cwd=REPOSITORY, input="hello\n")
    said, ignored = done.stdout.splitlines()
    assert said == "hello"
    if sys.platform == "linux":
        assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0


@pytest.mark.parametrize(("number", "code", "word"), [(signal.SIGINT, 130, "interrupted while checking"), (signal.SIGTERM, 143, "ended by SIGTERM")])
def test_a_check_that_is_interrupted_says_so_and_starts_nothing(tmp_path: Path, number: signal.Signals, code: int, word: str) -> None:
    started = tmp_path / "started"
    big = lasting_world(tmp_path)
    for name in ("big1", "big2", "big3"):
        (big.data / name).touch()
        os.truncate(big.data / name, 1 << 40)
    # sizes are right, so a terabyte is being hashed when the signal comes
    zeros = [ShardLeaf(path=name, sha256=EMPTY, size_bytes=1 << 40) for name in ("big1", "big2", "big3")]
    small = [_leaf(big.data, path) for path in big.data.rglob("*.*")]
    leaves = [*small, *zeros]
    big.manifest.write_bytes(manifest_bytes(leaves))
    big.clearance.write_bytes(issue_clearance(sample_clearance(merkle_root(leaves), **ALWAYS), rfc_key()))
    # What was started in the background ignores Ctrl-C by the shell's will, and its children too: this one shall hear it.
    heard = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    line = [sys.executable, "-c", heard, "-m", "provenance.hooks.launcher", *options(big), "--", "touch", str(started)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        time.sleep(1.0)
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()  # else leaving this block would wait for as long as a terabyte takes
    assert (process.returncode, word in err, "Traceback" in err) == (code, True, False), err
    assert not started.exists()


def _leaf(root: Path, path: Path) -> ShardLeaf:
    digest, size = hash_file(path)
    return ShardLeaf(path=path.relative_to(root).as_posix(), sha256=digest, size_bytes=size)


# The digest cache, through the launcher


def test_a_digest_cache_needs_leave_and_is_told_of(tmp_path: Path) -> None:
    cache = tmp_path / "private" / "cache.json"
    cache.parent.mkdir(mode=0o700)
    strict = lasting_world(tmp_path / "strict")
    done = launch(*options(strict), "--digest-cache", str(cache), "--", "true")
    assert done.returncode == 77
    assert "the clearance does not allow one" in done.stderr
    easy = lasting_world(tmp_path / "easy", gate=GateLeave(digest_cache=True))
    code = (
        "import sys\nfrom provenance.clearance import digest_cache\ndigest_cache.SETTLED_NS = -10**10\n"
        "from provenance.hooks import launcher\nlauncher.main()"
    )  # files of this test are younger than a minute
    line = [sys.executable, "-c", code, *options(easy), "--digest-cache", str(cache), "--", "true"]
    said = [subprocess.run(line, capture_output=True, text=True, check=True, timeout=60, cwd=REPOSITORY).stderr for _ in range(2)]
    assert "digest cache" not in said[0]
    assert "(3 of 3 file(s) known from the digest cache, not hashed now)" in said[1]
    inside = launch(*options(easy), "--digest-cache", str(easy.data / "cache.json"), "--", "true")
    assert (inside.returncode, "lies below a data root" in inside.stderr) == (77, True)
    cache.chmod(0o666)
    others = launch(*options(easy), "--digest-cache", str(cache), "--", "true")
    assert (others.returncode, "can be written by others" in others.stderr) == (77, True)
    cache.chmod(0o600)
    cache.write_bytes(b"{")
    damaged = launch(*options(easy), "--digest-cache", str(cache), "--", "true")
    assert (damaged.returncode, "is damaged and was not used" in damaged.stderr) == (0, True)
