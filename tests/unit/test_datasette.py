"""The metadata for Datasette are of this schema."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from provenance.registry.tables import Base
from provenance.registry.upgrade import upgrade
from provenance.registry.views import VIEWS

METADATA = json.loads((Path(__file__).parents[2] / "docs" / "datasette.json").read_text())["databases"]["registry"]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    upgrade(f"sqlite:///{tmp_path}/registry.db")
    return tmp_path / "registry.db"


def test_datasette_is_told_of_every_view_and_of_real_columns(registry: Path) -> None:
    told = {name: about for name, about in METADATA["tables"].items() if not about.get("hidden")}
    assert told.keys() == VIEWS.keys()
    with closing(sqlite3.connect(registry)) as connection:
        for name, about in told.items():
            columns = {c[0] for c in connection.execute(f"SELECT * FROM {name}").description}
            assert {*about.get("columns", ()), *about.get("facets", ())} <= columns, name


def test_the_tables_behind_the_views_are_hidden(registry: Path) -> None:
    hidden = {name for name, about in METADATA["tables"].items() if about.get("hidden")}
    with closing(sqlite3.connect(registry)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'")}
    assert hidden == tables
    assert tables >= Base.metadata.tables.keys()


@pytest.mark.parametrize("name", sorted(METADATA["queries"]))
def test_every_question_that_is_proposed_answers(registry: Path, name: str) -> None:
    with closing(sqlite3.connect(registry)) as connection:
        assert connection.execute(METADATA["queries"][name]["sql"], {"dataset": "x"}).fetchall() == []
