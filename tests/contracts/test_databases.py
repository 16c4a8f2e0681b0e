"""What only databases do, the same on SQLite and PostgreSQL: append-only tables, the log's chain under many writers, schema versions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from provenance.errors import ConflictError, LogChainError, SchemaVersionError
from provenance.model.dataset import Dataset
from provenance.registry.catalog import VersionTotals
from provenance.registry.drift import check_drift, find_drift
from provenance.registry.engine import open_engine, transaction
from provenance.registry.guards import GENESIS
from provenance.registry.integrity import verify_registry
from provenance.registry.log import verify_log
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.tables import Base
from provenance.registry.upgrade import REVISIONS, UpgradeNote, check, downgrade, upgrade
from tests.fakes import values
from tests.fakes.clock import TickingClock
from tests.fakes.postgres import fresh_database


@pytest.fixture
def units(database: str) -> Iterator[SqlUnitOfWork]:
    upgrade(database)
    sql = SqlUnitOfWork(database, TickingClock())
    yield sql
    sql.close()


@pytest.fixture
def filled(units: SqlUnitOfWork) -> SqlUnitOfWork:
    """A registry with a row in every table and four log rows."""
    for count in (3, 5):
        with units.begin(actor="tester", action="register", reason="why") as registry:
            registry.add_version(values.full_version(count=count))
    with units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(values.scan(), values.digest(9))
    with units.begin(actor="tester", action="audit") as registry:
        registry.save_audit(values.audit(), values.digest(10))
        registry.add_derivation(values.derivation())
        registry.add_demand(values.demand())
        registry.withdraw_demand(values.demand().id, values.withdrawal())
        registry.save_record_index(values.record_index())
        registry.add_waiver(values.waiver())
        registry.withdraw_waiver(values.waiver().waiver.id, values.withdrawal())
        registry.add_review(values.review())
        registry.add_run(values.training_run())
    return units


def tamper(database: str, *statements: str) -> None:
    """Do what somebody with the rights of the owner can do."""
    engine = open_engine(database)
    with transaction(engine, write=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
        else:
            for name in list(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars()):
                connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_no_table_lets_rows_be_changed_or_removed(database: str, filled: SqlUnitOfWork, table: str) -> None:
    engine = open_engine(database)
    column = next(c.name for c in Base.metadata.tables[table].columns if c.name not in {"id", "seq"})
    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises((ConflictError, SQLAlchemyError), match="append-only"), transaction(engine, write=True) as connection:
            connection.execute(text(statement))
    engine.dispose()
    with filled.read() as registry:
        verify_registry(registry)


@pytest.mark.parametrize("seq", [1, 4, 6])
def test_a_log_row_that_does_not_follow_is_refused_by_the_database(database: str, filled: SqlUnitOfWork, seq: int) -> None:
    engine = open_engine(database)
    row = f"({seq}, '{values.digest(1)}', 'a', 'b', 'c', 'd', '{{}}', '{values.digest(2)}')"
    with pytest.raises((ConflictError, SQLAlchemyError), match="does not follow"), transaction(engine, write=True) as connection:
        connection.execute(text(f"INSERT INTO audit_log VALUES {row}"))
    engine.dispose()


def test_a_unit_leaves_one_row_that_says_who_what_why_and_when(filled: SqlUnitOfWork) -> None:
    with filled.read() as registry:
        entries = list(registry.log_entries())
        assert registry.log_head == entries[-1].entry_hash == verify_log(entries)
    assert [(e.seq, e.actor, e.action, e.reason, e.at) for e in entries][:3] == [
        (1, "tester", "register", "why", "2026-03-01T12:00:00Z"),
        (2, "tester", "register", "why", "2026-03-01T12:00:01Z"),
        (3, "tester", "scan", "", "2026-03-01T12:00:02Z"),
    ]
    assert entries[0].prev_hash == GENESIS
    version = values.full_version(count=3)
    assert entries[0].details["versions"][0]["root_digest"] == version.root_digest
    assert entries[2].details["scans"][0]["evidence"] == values.digest(9)


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("UPDATE audit_log SET actor = 'mallory' WHERE seq = 2", 2),
        ("DELETE FROM audit_log WHERE seq = 3", 3),
        ("UPDATE audit_log SET seq = 99 WHERE seq = 1", 1),
    ],
)
def test_the_first_broken_log_row_is_named(database: str, filled: SqlUnitOfWork, statement: str, seq: int) -> None:
    tamper(database, statement)
    with filled.read() as registry, pytest.raises(LogChainError) as caught:
        verify_registry(registry)
    assert caught.value.context["seq"] == str(seq)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE shards SET unread_records = 0 WHERE version_id = 2",
        "UPDATE shards SET size_bytes = size_bytes + 1 WHERE version_id = 2 AND position = 0",
        "UPDATE licenses SET value = 'MIT' WHERE standing = 'declared'",
        "UPDATE dataset_versions SET synthetic = 'NO'",
        "UPDATE dataset_versions SET facts_digest = 'x' WHERE id = 1",
        "UPDATE dataset_versions SET created = '2020-01-01T00:00:00Z' WHERE id = 1",
        "DELETE FROM shards",
        "DELETE FROM generators WHERE position = 1",
        "UPDATE scans SET alarms = 0",
        "UPDATE scans SET evidence = 'x'",
        "DELETE FROM scan_problems",
        "UPDATE audits SET verdict = 'CLEARED'",
        "DELETE FROM audits",
        "UPDATE derivation_steps SET transform = 'copy'",
        "UPDATE derivation_inputs SET dataset = 'clean'",
        "UPDATE derivation_inputs SET root_digest = 'UNKNOWN'",
        "DELETE FROM derivation_shards WHERE side = 0",
        "DELETE FROM derivation_shards WHERE side = 1",
        "UPDATE derivation_steps SET actor = 'mallory'",
        "DELETE FROM derivation_inputs WHERE position = 1",
        "INSERT INTO derivation_inputs (step_number, position, dataset, root_digest) VALUES (1, 2, 'clean', 'UNKNOWN')",
        "UPDATE version_totals SET words = words + 1 WHERE version_id = 1",
        "DELETE FROM version_totals",
        "UPDATE search_terms SET value = 'CC0-1.0' WHERE facet = 'license' AND value = 'CC-BY-4.0'",
        "DELETE FROM search_terms WHERE facet = 'word.name'",
        "UPDATE exclusions SET value = 'harmless.example'",
        "UPDATE exclusions SET basis = 'other'",
        "DELETE FROM exclusion_withdrawals",
        "UPDATE exclusion_withdrawals SET reason = 'none'",
        "UPDATE record_indexes SET unread = 0",
        "UPDATE record_indexes SET evidence = 'x'",
        "DELETE FROM record_indexes",
        "INSERT INTO audits (id, created, model, verdict, record_digest) VALUES ('x', 'y', 'z', 'CLEARED', 'd')",
    ],
)
def test_facts_changed_behind_the_log_are_found(database: str, filled: SqlUnitOfWork, statement: str) -> None:
    with filled.begin(actor="tester", action="register") as registry:  # a version whose shards have unread records
        registry.add_version(values.version(Dataset(name="e"), values.shards(4)))
    with filled.read() as registry:
        verify_registry(registry)
    tamper(database, statement.replace("unread_records = 0 WHERE version_id = 2", "unread_records = 0 WHERE version_id = 3"))
    with filled.read() as registry, pytest.raises(ConflictError, match="log"):
        verify_registry(registry)


def test_removing_the_last_log_row_and_its_facts_needs_a_known_head(database: str, filled: SqlUnitOfWork) -> None:
    with filled.read() as registry:
        head = registry.log_head
    late = (
        *("derivation_shards", "derivation_inputs", "derivation_steps", "exclusion_withdrawals", "exclusions", "record_indexes"),
        *("waiver_withdrawals", "waivers", "reviews", "training_reads", "training_runs"),
    )
    tamper(database, "DELETE FROM audit_log WHERE seq = 4", "DELETE FROM audits", *(f"DELETE FROM {table}" for table in late))
    with filled.read() as registry:
        verify_registry(registry)
        with pytest.raises(LogChainError, match="without the expected head"):
            verify_registry(registry, expected_head=head)


def test_many_writers_do_not_fork_the_chain(database: str, units: SqlUnitOfWork, loops: int) -> None:
    writers, rounds = 8, 3 * loops
    failures: list[Exception] = []

    def write(number: int) -> None:
        own = SqlUnitOfWork(database, TickingClock())
        try:
            for i in range(rounds):
                with own.begin(actor=f"writer-{number}", action="register") as registry:
                    registry.add_version(values.version(Dataset(name=f"d{number}"), values.shards(i + 1)))
        except ConflictError as err:
            failures.append(err)
        finally:
            own.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with units.read() as registry:
        verify_registry(registry)
        assert sum(1 for _ in registry.log_entries()) == writers * rounds
        assert [len(registry.versions(f"d{n}")) for n in range(writers)] == [rounds] * writers


def test_a_reader_sees_one_state_while_a_writer_commits(database: str, filled: SqlUnitOfWork) -> None:
    with filled.read() as reader:
        before = (reader.revision, reader.log_head)
        with filled.begin(actor="tester", action="register") as registry:
            registry.add_version(values.full_version("other"))
        assert (reader.revision, reader.log_head) == before
    with filled.read() as reader:
        assert reader.log_head != before[1]


def test_a_writer_that_waits_too_long_says_so(database: str, units: SqlUnitOfWork) -> None:
    impatient = SqlUnitOfWork(database, TickingClock(), lock_timeout_s=0.05)
    with (
        units.begin(actor="tester", action="register"),
        pytest.raises(ConflictError, match="another process"),
        impatient.begin(actor="b", action="c"),
    ):
        pass
    impatient.close()


def test_shards_are_found_by_digest_and_path_in_the_newest_versions(filled: SqlUnitOfWork) -> None:
    with filled.read() as registry:
        files = values.full_version(count=5).shards
        assert registry.find_shards(sha256=files[1].sha256) == [("chat-distilled", files[1])]
        assert registry.find_shards(path=files[4].path) == [("chat-distilled", files[4])]
        assert registry.find_shards(path="nowhere") == []


def test_totals_count_what_is_known_and_what_is_not(units: SqlUnitOfWork) -> None:
    files = values.shards(4)
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name="d"), files))
    known = sum(s.words for s in files if s.words is not None)
    with units.read() as registry:
        assert registry.totals() == {
            "d": VersionTotals(
                shards=4,
                size_bytes=sum(s.size_bytes for s in files),
                records=0 + 1 + 2 + 3,
                words=known,
                uncounted=sum(s.words is None for s in files),
                unread_records=sum(s.unread_records for s in files),
            )
        }


def test_facts_digests_tell_recordings_apart(units: SqlUnitOfWork) -> None:
    version = values.full_version()
    other = replace(version, dataset=replace(version.dataset, owner="UNKNOWN"))
    for item in (version, other, version):
        with units.begin(actor="tester", action="register") as registry:
            registry.add_version(item)
    with units.read() as registry:
        (root_a, facts_a), (root_b, facts_b), again = registry.version_digests("chat-distilled")
    assert root_a == root_b
    assert facts_a != facts_b
    assert again == (root_a, facts_a)


def test_a_thousand_shards_are_recorded_and_read(units: SqlUnitOfWork) -> None:
    version = values.full_version(count=1000)
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(version)
    with units.read() as registry:
        assert registry.dataset_version("chat-distilled") == version


def test_a_schema_goes_up_down_and_up_again(database: str) -> None:
    upgrade(database)
    check(database)
    upgrade(database)
    downgrade(database, "base")
    with pytest.raises(SchemaVersionError, match="no registry"):
        check(database)
    upgrade(database)
    check(database)


def test_a_database_of_a_newer_version_is_left_alone(database: str, filled: SqlUnitOfWork) -> None:
    tamper(database, "UPDATE alembic_version SET version_num = '9999'")
    fresh = SqlUnitOfWork(database, TickingClock())
    for attempt in (lambda: check(database), lambda: upgrade(database), lambda: fresh.read().__enter__()):
        with pytest.raises(SchemaVersionError, match="does not know") as caught:
            attempt()
        assert "newer" in str(caught.value.hint)
    fresh.close()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_released_schema_is_brought_up_and_back_and_ends_as_declared(database: str, revision: str) -> None:
    upgrade(database, revision)
    upgrade(database)
    assert find_drift(database) == []
    downgrade(database, revision)
    upgrade(database)
    assert find_drift(database) == []


def test_looking_for_drift_leaves_nothing_behind(database: str) -> None:
    upgrade(database)
    assert [find_drift(database), find_drift(database)] == [[], []]
    check_drift(database)


DRIFTS = [
    ("sqlite", "DROP TRIGGER shards_no_update", "trigger shards_no_update is missing"),
    ("sqlite", "CREATE TABLE extra (x)", "table extra is not declared"),
    ("sqlite", "DROP INDEX ix_shards_sha256", "index ix_shards_sha256 is missing"),
    ("sqlite", "ALTER TABLE shards ADD COLUMN more TEXT", "table shards differs"),
    ("postgresql", "DROP TRIGGER shards_no_change ON shards", "trigger shards.shards_no_change is missing"),
    ("postgresql", "ALTER TABLE shards DISABLE TRIGGER shards_no_change", "trigger shards.shards_no_change differs"),
    ("postgresql", "ALTER TABLE shards DROP CONSTRAINT ck_shards_size", "constraint shards.ck_shards_size is missing"),
    ("postgresql", "ALTER TABLE shards ALTER COLUMN path DROP NOT NULL", "column shards.path differs"),
    ("postgresql", "DROP INDEX ix_shards_sha256", "index ix_shards_sha256 is missing"),
    (
        "postgresql",
        "CREATE OR REPLACE FUNCTION provenance_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "function provenance_refuse_change differs",
    ),
]


@pytest.mark.parametrize(("kind", "statement", "difference"), DRIFTS)
def test_a_schema_changed_behind_the_tool_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, statement: str, difference: str
) -> None:
    database = f"sqlite:///{tmp_path}/r.db" if kind == "sqlite" else fresh_database(request.getfixturevalue("postgres"))
    upgrade(database)
    engine = open_engine(database)
    with transaction(engine, write=True) as connection:
        connection.exec_driver_sql(statement)
    assert [d for d in find_drift(database) if d.startswith(difference)]
    with pytest.raises(SchemaVersionError, match="not as this version makes it"):
        check_drift(database)


@pytest.mark.parametrize("revision", REVISIONS)
def test_facts_that_an_older_schema_can_hold_survive_the_way_down_and_up_and_the_log_says_so(database: str, revision: str) -> None:
    upgrade(database)
    units = SqlUnitOfWork(database, TickingClock())
    version = values.version(Dataset(name="d"), values.shards(3))
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(version)
        registry.save_audit(values.audit(), values.digest(10))
    downgrade(database, revision)
    assert upgrade(database, note=UpgradeNote(at="2026-04-01T00:00:00Z", actor="admin", reason="ticket 7")) == revision
    assert find_drift(database) == []
    with units.read() as registry:
        verify_registry(registry, kept_head=units.kept_head())
        assert registry.dataset_version("d") == version
        log = [(e.actor, e.action, e.reason) for e in registry.log_entries()]
    told = [("admin", "upgrade", f"schema {revision} to {REVISIONS[-1]} · ticket 7")] if revision != REVISIONS[-1] else []
    assert log == [("tester", "register", ""), *told]
    units.close()
