"""``--db`` and ``--reason`` before any command, and where the registry is when a settings file names it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from provenance.cli.main import run
from provenance.config import load_settings
from provenance.errors import ConfigError
from tests.fakes.postgres import fresh_database

REGISTER = ("register", "data/a.jsonl", "--dataset", "x", "--license", "MIT", "--synthetic", "no")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a database that is not there yet, or empty."""
    return "sqlite:///elsewhere/my registry.db" if request.param == "sqlite" else fresh_database(request.getfixturevalue("postgres"))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "Minutes of the meeting."}\n')
    return tmp_path


def test_init_with_an_address_makes_a_workspace_that_keeps_to_it(work: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(work)
    assert run(["-C", folder, "-q", "--db", url, "init"]) == 0
    assert set(tomllib.loads((work / "provenance.toml").read_text())) == {"database", "roots"}
    assert run(["-C", folder, "-q", "--reason", "ticket 7", *REGISTER]) == 0
    capsys.readouterr()
    assert run(["-C", folder, "-q", "--db", url, "log", "show", "-f", "json"]) == 0
    assert [(e["action"], e["reason"]) for e in json.loads(capsys.readouterr().out)] == [("register", "x · ticket 7")]
    assert run(["-C", str(work / "data"), "-q", "log", "verify"]) == 0
    assert not (work / ".provenance" / "registry.db").exists()


def test_an_address_is_used_for_one_command_and_needs_no_settings(work: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(work)
    assert run(["-C", folder, "-q", "--db", url, "db", "upgrade"]) == 0
    assert run(["-C", folder, "-q", "--db", url, *REGISTER]) == 0
    assert not (work / "provenance.toml").exists()
    assert run(["-C", folder, "-q", "init"]) == 0
    capsys.readouterr()
    for given, names in ((["--db", url], ["x"]), ([], [])):
        assert run(["-C", folder, "-q", *given, "datasets", "list", "-f", "json"]) == 0
        assert [v["dataset"]["name"] for v in json.loads(capsys.readouterr().out)] == names


def test_check_says_that_it_has_a_registry_of_its_own(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), "--db", "sqlite:///x.db", "check", "data"]) == 2
    assert "registry of its own" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sqlite:///state/r.db", "sqlite:///{folder}/state/r.db"),
        ("sqlite:///r.db?timeout=5", "sqlite:///{folder}/r.db?timeout=5"),
        ("sqlite+pysqlite:///r.db", "sqlite+pysqlite:///{folder}/r.db"),
        ("sqlite:////var/r.db", "sqlite:////var/r.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql:///x?service=audits", "postgresql:///x?service=audits"),
        ("postgresql://me@host/x", "postgresql://me@host/x"),
    ],
)
def test_a_relative_file_lies_beside_the_settings_wherever_the_command_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, meant: str
) -> None:
    (tmp_path / "provenance.toml").write_text(f'database = "{given}"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir("/")
    assert load_settings(tmp_path / "below").database == meant.format(folder=tmp_path)


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter22@host/x", "postgresql://me@host/x?password=hunter22", "postgresql+psycopg://:hunter22@host/x"]
)
def test_a_password_in_the_settings_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    (tmp_path / "provenance.toml").write_text(f'database = "{url}"\n')
    with pytest.raises(ConfigError, match="the database URL holds") as caught:
        load_settings(tmp_path)
    assert "hunter22" not in f"{caught.value} {caught.value.hint}"
    assert "PGPASSWORD" in str(caught.value.hint)


def test_init_warns_of_a_lost_registry_only_where_there_was_one(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "provenance.toml").write_text('[roots]\ndata = "data"\n')
    assert run(["-C", str(work), "init"]) == 0
    assert "made its registry\n" in capsys.readouterr().err
    assert run(["-C", str(work), "-q", *REGISTER]) == 0
    (work / ".provenance" / "registry.db").unlink()
    assert run(["-C", str(work), "init"]) == 0
    assert "if there was one before, restore it from a backup" in capsys.readouterr().err
