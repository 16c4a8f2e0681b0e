"""The migrations make exactly the schema that the code declares."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from provenance.config import shipped
from provenance.errors import ConfigError, RegistryError, SchemaVersionError
from provenance.registry.engine import open_engine, transaction
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.tables import Base
from provenance.registry.upgrade import HEAD, REVISIONS, check, downgrade, upgrade
from tests.conftest import ROOT
from tests.fakes.clock import FixedClock


def schema(file: Path) -> dict[str, str]:
    """Return every table, index and trigger with its SQL, white space aside."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: _ordered(sql) for name, sql in rows if "alembic_version" not in name}


def _ordered(sql: str) -> str:
    # Constraints of a table are a set: CREATE TABLE lists them in the order they were named.
    parts = [" ".join(line.split()).rstrip(",") for line in sql.splitlines()]
    return "\n".join(sorted(parts)) if sql.startswith("CREATE TABLE") else "\n".join(parts)


def test_upgrading_from_empty_makes_what_the_tables_declare(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/migrated.db")
    engine = open_engine(f"sqlite:///{tmp_path}/declared.db")
    with transaction(engine, write=True) as connection:
        Base.metadata.create_all(connection)
    migrated, declared = schema(tmp_path / "migrated.db"), schema(tmp_path / "declared.db")
    assert migrated.keys() == declared.keys()
    assert migrated == declared
    assert len([n for n in migrated if n.startswith("trigger ")]) == 2 * len(Base.metadata.tables) + 1


def test_autogenerate_finds_nothing_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    upgrade(url)
    with transaction(open_engine(url), write=False) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_there_is_one_head_and_the_code_knows_every_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert tuple(r.revision for r in reversed(list(script.walk_revisions()))) == REVISIONS


def test_downgrading_leaves_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    upgrade(url)
    downgrade(url, "base")
    assert set(schema(tmp_path / "registry.db")) <= {"table sqlite_sequence"}


def test_an_upgrade_that_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    upgrade(f"sqlite:///{file}", "0006")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE derivation_shards (mine TEXT)")  # stands in the way late in the next migration
        connection.commit()
    before = schema(file)
    with pytest.raises(RegistryError, match="already exists"):
        upgrade(f"sqlite:///{file}")
    assert schema(file) == before
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0006",)]


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path}/a/b/registry.db")
    with closing(sqlite3.connect(tmp_path / "a/b/registry.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_missing_registry_is_not_made_by_looking(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    for look in (lambda: check(url), lambda: SqlUnitOfWork(url, FixedClock()).read().__enter__()):
        with pytest.raises(SchemaVersionError, match="there is no registry") as caught:
            look()
        assert caught.value.hint == "run: provenance init"
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_somebody_else_is_no_registry(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE mine (x)")
    before = (tmp_path / "other.db").read_bytes()
    for use in (check, upgrade):
        with pytest.raises(SchemaVersionError, match="belongs to something else"):
            use(f"sqlite:///{tmp_path}/other.db")
    assert (tmp_path / "other.db").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["other.db"]


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    file.write_bytes(b"not a database" * 100)
    for use in (check, upgrade):
        with pytest.raises(RegistryError, match=r"registry\.db.*not a database"):
            use(f"sqlite:///{file}")
    assert file.read_bytes() == b"not a database" * 100


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "sqlite+nodriver:///x.db"])
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        upgrade(url)


def test_a_password_is_not_shown() -> None:
    with pytest.raises((ConfigError, RegistryError)) as caught:
        check("postgresql+psycopg://me:secret@localhost:1/none")
    assert "secret" not in str(caught.value)


def test_looking_at_a_registry_does_not_load_alembic() -> None:
    code = "import sys, provenance.registry.session; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_an_installed_package_upgrades_from_the_migrations_it_ships(tmp_path: Path) -> None:
    package = tmp_path / "site" / "provenance"
    shutil.copytree(ROOT / "provenance", package, ignore=shutil.ignore_patterns("__pycache__", "_shipped"))
    shutil.copytree(ROOT / "migrations", package / "_shipped" / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import sys, provenance; from provenance.registry.upgrade import check, upgrade; "
        "assert provenance.__file__.startswith(sys.argv[1]); upgrade(sys.argv[2]); check(sys.argv[2])"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path), f"sqlite:///{tmp_path}/registry.db"]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    assert done.returncode == 0
