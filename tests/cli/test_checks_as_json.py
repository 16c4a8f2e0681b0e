"""What checks of the registry find is printed as JSON too, whole or not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run


def checked(work: Path, capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["-C", str(work), *command, "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def test_checks_print_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("some words")
    assert run(["-C", str(tmp_path), "-q", "register", "data/a.txt", "--dataset", "notes"]) == 0
    code, found = checked(tmp_path, capsys, "log", "verify")
    assert (code, found["whole"]) == (0, True)
    assert found["head"].startswith("sha256:")
    assert checked(tmp_path, capsys, "db", "check")[1]["whole"] is True
    with sqlite3.connect(tmp_path / ".provenance" / "registry.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE shards SET words = 7")
    database.close()
    for command in (("log", "verify"), ("db", "check")):
        code, found = checked(tmp_path, capsys, *command)
        assert (code, found["whole"]) == (1, False)
        assert found["fault"]


def test_a_head_that_is_none_is_a_slip_and_no_sign_of_tampering(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    assert run(["-C", str(tmp_path), "log", "verify", "--expected-head", "sha256:00"]) == 2
    assert "is no head" in capsys.readouterr().err
    assert run(["-C", str(tmp_path), "log", "verify", "--expected-head", "sha256:" + "0" * 63 + "1"]) == 1
    assert "without the expected head" in capsys.readouterr().err
