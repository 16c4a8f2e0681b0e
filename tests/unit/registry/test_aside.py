"""What is written aside is gone unless it was kept, whoever ends, and a sweep takes nothing that is still being written."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provenance.registry import aside as aside_module
from provenance.registry.aside import sweep_aside, writing_aside
from tests.conftest import ROOT

WRITER = """
import sys
from pathlib import Path
from provenance.registry.aside import writing_aside
with writing_aside(Path(sys.argv[1])) as aside:
    aside.file.write(b"half")
    aside.file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_what_was_kept_has_its_name_and_what_was_not_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with writing_aside(folder) as aside:
        aside.file.write(b"whole")
        aside.file.flush()
        aside.keep(folder / "name")
    with pytest.raises(KeyboardInterrupt), writing_aside(folder) as aside:
        raise KeyboardInterrupt
    assert left(folder) == ["name"]
    assert (folder / "name").read_bytes() == b"whole"


def test_a_sweep_removes_what_a_killed_process_left_and_nothing_that_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"evidence")
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        sweep_aside(tmp_path)
        assert len(left(tmp_path)) == 2
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert len(left(tmp_path)) == 2
        sweep_aside(tmp_path)
    assert left(tmp_path) == ["kept"]


def test_a_sweep_of_a_folder_that_is_not_there_is_nothing(tmp_path: Path) -> None:
    sweep_aside(tmp_path / "none")
    assert left(tmp_path) == []


def test_a_file_that_a_sweep_took_before_it_was_locked_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sweep comes between the making of the file and its lock.
    swept: list[str] = []
    lock = aside_module._is_locked

    def late(aside: aside_module.Aside) -> bool:
        if not swept:
            swept.append(aside.path.name)
            sweep_aside(tmp_path)
        return lock(aside)

    monkeypatch.setattr(aside_module, "_is_locked", late)
    with writing_aside(tmp_path) as aside:
        assert aside.path.name not in swept
        assert left(tmp_path) == [aside.path.name]


def test_sweeps_and_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            sweep_aside(tmp_path)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        for i in range(300):
            with writing_aside(tmp_path) as aside:
                aside.file.write(b"%d" % i)
                aside.file.flush()
                aside.keep(tmp_path / f"kept-{i}")
    finally:
        stop.set()
        sweeper.join()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {f"kept-{i}": b"%d" % i for i in range(300)}
