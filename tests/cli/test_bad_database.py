"""Databases that cannot be used: each is one sentence with advice that fits, exit code 1, and nothing of it is changed or lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from provenance.cli.main import run
from tests.conftest import ROOT
from tests.fakes.modes import bound_by_modes
from tests.fakes.postgres import fresh_database

READ = (("datasets", "list"), ("log", "verify"), ("db", "check"), ("sql", "SELECT 1 AS one"))
WRITE = (("register", "data/a.jsonl", "--dataset", "y", "--license", "MIT", "--synthetic", "no"), ("import", "m.csv"))
MAKE = (("db", "upgrade"), ("init",))
ROWS = 300


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "work"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.jsonl").write_text('{"id": "a", "text": "Minutes of the meeting, as agreed by everybody."}\n')
    rows = "".join(f"set-{i % 3},d/{i:05}.jsonl,{i:064x},{i},MIT\n" for i in range(ROWS))
    (folder / "m.csv").write_text("dataset,path,sha256,size_bytes,license\n" + rows)
    for command in (("init",), ("register", "data/a.jsonl", "--dataset", "x", "--license", "MIT", "--synthetic", "no")):
        assert run(["-C", str(folder), "-q", *command]) == 0
    with closing(sqlite3.connect(database_of(folder))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return folder


@pytest.fixture
def work(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "work")
    return tmp_path / "work"


def database_of(folder: Path) -> Path:
    return folder / ".provenance" / "registry.db"


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def command(folder: Path, *arguments: str) -> Said:
        capsys.readouterr()
        code = run(["-C", str(folder), "-q", *arguments])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return command


def check_refused(said: Said, sentence: str, hint: str) -> None:
    assert said.code == 1
    lines = said.err.splitlines()
    assert len(lines) == 2
    assert sentence in lines[0]
    assert hint in lines[1]
    assert "internal error" not in said.err
    assert said.out == ""


def put_random_bytes(file: Path) -> None:
    file.write_bytes(random.Random(5).randbytes(9000))


def cut_in_half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def break_schema(file: Path) -> None:
    """Spoil the text of the schema, so that it is no text any more."""
    raw = file.read_bytes()
    file.write_bytes(raw.replace(b"CREATE TABLE dataset_versions", b"CREATE \xff\xfe\xc7LE datas\xc3t_ve\xffsions"))


def put_other_tables(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE invoices (x)")
        connection.commit()


def put_other_alembic(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0007')")  # a number that we use too
        connection.commit()


def put_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def put_newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


FAULTS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "no database": (put_random_bytes, "not a database", "no SQLite file"),
    "cut in half": (cut_in_half, "malformed", "restore a backup"),
    "schema that is no text": (break_schema, "malformed", "restore a backup"),
    "tables of something else": (put_other_tables, "belongs to something else ('invoices')", "nothing was changed"),
    "schema of another tool": (put_other_alembic, "belongs to something else", "nothing was changed"),
    "a folder": (put_folder, "is no file", "--db"),
    "a newer revision": (put_newer, "9999, which this version does not know", "upgrade the package"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_that_cannot_be_used_is_one_sentence_and_left_as_it_is(work: Path, say: Callable[..., Said], fault: str) -> None:
    spoil, sentence, hint = FAULTS[fault]
    file = database_of(work)
    spoil(file)
    before = file.read_bytes() if file.is_file() else b""
    for command in (*READ, *WRITE, *MAKE):
        check_refused(say(work, *command), sentence, hint)
    assert (file.read_bytes() if file.is_file() else b"") == before


def test_a_lost_or_empty_registry_is_not_made_again_in_silence(work: Path, say: Callable[..., Said]) -> None:
    database_of(work).write_bytes(b"")
    for command in (*READ, *WRITE):
        check_refused(say(work, *command), "holds no registry", "provenance init")
    database_of(work).unlink()
    for command in (*READ, *WRITE):
        check_refused(say(work, *command), "there is no registry", "provenance init")
    made = say(work, "init")
    assert made.code == 0
    assert "made an empty one; if there was one before, restore it from a backup" in made.err
    assert "ends before the entry that was written last" in say(work, "log", "verify").err


@pytest.mark.parametrize("seed", range(12))
def test_flipped_bytes_are_never_an_internal_error(work: Path, say: Callable[..., Said], seed: int, loops: int) -> None:
    good = database_of(work).read_bytes()
    for round_ in range(loops):
        chance = random.Random(seed * 1000 + round_)
        raw = bytearray(good)
        for _ in range(chance.choice((1, 5, 50, 500))):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        database_of(work).write_bytes(raw)
        for command in READ[:3]:
            said = say(work, *command)
            assert said.code in {0, 1}
            assert "internal error" not in said.err
            assert len(said.err.splitlines()) <= 12
        for beside in ("-wal", "-shm"):
            database_of(work).with_name(f"registry.db{beside}").unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["ix_shards_sha256", "ix_dataset_versions_name_id"])
def test_an_index_that_misses_rows_is_found_by_db_check(work: Path, say: Callable[..., Said], name: str) -> None:
    with closing(sqlite3.connect(database_of(work), isolation_level=None)) as connection:
        other = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_audits_id'").fetchone()[0]
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = ?", (other, name))  # an index without rows
    said = say(work, "db", "check")
    assert said.code == 1
    assert "the file is damaged" in said.err


def test_a_write_ahead_log_that_was_cut_short_leaves_a_whole_registry_and_log_verify_says_that_its_end_is_gone(
    work: Path, say: Callable[..., Said], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    with closing(sqlite3.connect(database_of(work))) as reader:
        reader.execute("SELECT * FROM audit_log").fetchall()  # while somebody has it open the log of writes is not folded in
        for name in ("b", "c", "d"):
            assert say(work, "register", "data/a.jsonl", "--dataset", name, "--license", "MIT", "--synthetic", "no").code == 0
        shutil.copytree(work, copy)
    database_of(copy).with_name("registry.db-shm").unlink()
    raw = database_of(copy).with_name("registry.db-wal").read_bytes()
    assert len(raw) > 10_000
    for share in (1.0, 0.9, 0.5, 0.1, 0.0):
        folder = tmp_path / str(share)
        shutil.copytree(copy, folder)
        database_of(folder).with_name("registry.db-wal").write_bytes(raw[: int(len(raw) * share)])
        assert say(folder, "datasets", "list").code == 0
        assert say(folder, "db", "check").code == 0
        said = say(folder, "log", "verify")
        if share == 1.0:
            assert said.code == 0
        else:
            check_refused(said, "ends before the entry that was written last", "restore a newer copy")
        database_of(folder).with_name("registry.db-head").unlink()
        assert say(folder, "log", "verify").code == 0  # what is left is whole


def test_a_copy_that_is_meant_verifies_once_the_note_of_the_last_head_is_gone(work: Path, say: Callable[..., Said]) -> None:
    older = database_of(work).read_bytes()
    assert say(work, *WRITE[0]).code == 0
    assert say(work, "log", "verify").code == 0
    for beside in ("-wal", "-shm"):
        database_of(work).with_name(f"registry.db{beside}").unlink(missing_ok=True)
    database_of(work).write_bytes(older)
    check_refused(say(work, "log", "verify"), "an older copy was put back", "remove the file beside it")
    database_of(work).with_name("registry.db-head").unlink()
    assert say(work, "log", "verify").code == 0


def protected(folder: Path, *arguments: str) -> Said:
    """Run a command as a user whom file modes bind: root without its right to pass them by."""
    command = [*bound_by_modes(), sys.executable, "-m", "provenance.cli.main", "-C", str(folder), "-q", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def modes(*changed: tuple[Path, int]) -> Iterator[None]:
    before = [(path, path.stat().st_mode) for path, _ in changed]
    try:
        for path, mode in changed:
            path.chmod(mode)
        yield
    finally:
        for path, mode in before:
            path.chmod(mode)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_write_protected_registry_is_read_and_says_that_it_cannot_be_written(work: Path, what: str) -> None:
    file = database_of(work)
    before = file.read_bytes()
    with modes((file, 0o444), (file.parent, 0o555 if what == "folder" else 0o755)):
        assert "x " in protected(work, "datasets", "list").out
        assert protected(work, "log", "verify").code == 0
        check_refused(protected(work, *WRITE[0]), "readonly database", f"{'the folder' if what == 'folder' else 'the file'}")
        if what == "folder":  # evidence lies in it too, and is kept before what it backs is recorded
            check_refused(protected(work, *WRITE[1]), "evidence cannot be stored", "check the evidence folder")
    assert file.read_bytes() == before


def test_a_registry_that_may_not_be_read_says_so(work: Path) -> None:
    with modes((database_of(work), 0o000)):
        check_refused(protected(work, "datasets", "list"), "unable to open database file", "may not read the file")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of one megabyte; the test says that it did not run where that is not allowed."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"did not run: a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_a_rerun_goes_on_where_it_stopped(work: Path, tmp_path: Path, say: Callable[..., Said]) -> None:
    with small_disk(tmp_path) as disk:
        shutil.copytree(work, disk / "work")
        folder = disk / "work"
        filler = disk / "filler"
        assert say(folder, *WRITE[0]).code == 0  # with the log of writes grown, only some datasets fit
        with closing(sqlite3.connect(database_of(folder))) as reader:
            reader.execute("SELECT * FROM audit_log").fetchall()
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            filler.write_bytes(bytes(max(free - 220_000, 0)))
            check_refused(say(folder, "import", "m.csv"), "database or disk is full", "what was recorded before stays")
            verified = say(folder, "log", "verify")
            assert verified.code == 0
            listed = say(folder, "datasets", "list").out
            assert "x " in listed
            assert "y " in listed
            assert "set-2" not in listed
        filler.unlink()
        assert say(folder, "import", "m.csv").code == 0
        assert say(folder, "log", "verify").code == 0
        assert all(f"set-{i}" in say(folder, "datasets", "list").out for i in range(3))


def test_files_that_may_not_grow_lose_nothing_that_was_recorded(work: Path, say: Callable[..., Said]) -> None:
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2); from provenance.cli.main import main; main()"
    )
    rows = "".join(f"large-{i % 3},d/{i:05}.jsonl,{i:064x},{i},MIT\n" for i in range(5000))
    (work / "large.csv").write_text("dataset,path,sha256,size_bytes,license\n" + rows)
    limit = max(database_of(work).stat().st_size, (work / "large.csv").stat().st_size) + 50_000  # the manifest can be kept, its shards cannot
    command = [sys.executable, "-c", script, str(limit), "-C", str(work), "-q", "import", "large.csv"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    check_refused(Said(done.returncode, done.stdout, done.stderr), "the registry cannot be used", "run the same command again")
    assert say(work, "log", "verify").code == 0
    assert say(work, "import", "large.csv").code == 0
    assert say(work, "log", "verify").code == 0


@pytest.fixture(scope="module")
def server(postgres: str) -> str:
    """A database with a registry, and a role that may only read it."""
    url = fresh_database(postgres)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    assert run(["--db", url, "-C", "/", "db", "upgrade"]) == 0
    with engine.connect() as connection:
        connection.execute(text("DROP ROLE IF EXISTS reader"))
        connection.execute(text("CREATE ROLE reader LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    engine.dispose()
    return url


class TestPostgreSQL:
    """What a server refuses, and where passwords may not stand."""

    @pytest.mark.parametrize(
        ("old", "new", "sentence", "hint"),
        [
            ("test@", "reader@", "permission denied for table audit_log", "INSERT on all"),
            ("?host", "?options=-cdefault_transaction_read_only%3Don&host", "read-only transactions alone", "primary server"),
        ],
    )
    def test_who_may_only_read_reads_and_is_told_before_the_work_begins(
        self, work: Path, server: str, say: Callable[..., Said], old: str, new: str, sentence: str, hint: str
    ) -> None:
        url = server.replace(old, new)
        for command in (*READ[:2], READ[3]):
            assert say(work, "--db", url, *command).code == 0
        for arguments in WRITE:
            check_refused(say(work, "--db", url, *arguments), sentence, hint)

    @pytest.mark.parametrize(
        ("old", "new", "sentence", "hint"),
        [
            ("/registry", "/nowhere", "does not exist", "createdb"),
            ("test@", "stranger@", 'role "stranger" does not exist', "ROLE@HOST"),
            ("host=", "host=/nowhere", "No such file or directory", "is the server running"),
            ("?host", "?nonsense=1&host", 'invalid connection option "nonsense"', "mend the address"),
            ("?host", "?service=nosuch&host", "nosuch", "is the server running"),
        ],
    )
    def test_a_server_that_cannot_be_used_is_one_sentence(
        self, work: Path, server: str, say: Callable[..., Said], old: str, new: str, sentence: str, hint: str
    ) -> None:
        for command in (READ[0], WRITE[0], MAKE[0]):
            check_refused(say(work, "--db", server.replace(old, new), *command), sentence, hint)

    def test_tables_of_something_else_are_left_alone(self, work: Path, postgres: str, say: Callable[..., Said]) -> None:
        url = fresh_database(postgres)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE TABLE invoices (x INT)"))
            connection.execute(text("CREATE SCHEMA audits"))
        for command in (*READ, *WRITE, *MAKE):
            check_refused(say(work, "--db", url, *command), "belongs to something else ('invoices')", "another schema of it")
        beside = url.replace("?", "?options=-csearch_path%3Daudits&")
        assert [say(work, "--db", beside, *command).code for command in MAKE] == [0, 0]
        assert [say(work, "--db", beside, *command).code for command in (*WRITE, *READ)] == [0] * 6
        with engine.connect() as connection:
            assert connection.execute(text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")).scalars().all() == [
                "invoices"
            ]
        engine.dispose()

    @pytest.mark.parametrize("url", ["postgresql://me:hunter22@localhost/x", "postgresql://me@localhost/x?password=hunter22"])
    def test_a_password_in_an_address_is_refused_and_not_repeated(self, work: Path, say: Callable[..., Said], url: str) -> None:
        check_refused(say(work, "--db", url, "datasets", "list"), "holds an address with", "PGPASSWORD")
        (work / "provenance.toml").write_text(f'database = "{url}"\n')
        said = say(work, "datasets", "list")
        check_refused(said, "the database URL holds", "PGPASSWORD")
        assert "hunter22" not in said.err
