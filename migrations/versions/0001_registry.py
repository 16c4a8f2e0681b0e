"""Make the registry: dataset versions with their facts and shards, scans, audits, the hash-chained log.

Data effects: none upwards. Downwards everything that was registered is removed; take a copy of the database first.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

POSTGRES_REFUSE = """CREATE OR REPLACE FUNCTION provenance_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation';
END $$"""
POSTGRES_LINK = """CREATE OR REPLACE FUNCTION provenance_check_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_log)
     OR NEW.prev_hash <> COALESCE((SELECT entry_hash FROM audit_log WHERE seq = NEW.seq - 1), 'sha256:0000000000000000000000000000000000000000000000000000000000000000') THEN
    RAISE EXCEPTION USING MESSAGE = 'audit_log row does not follow the last one', ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$"""
SQLITE_LINK = """CREATE TRIGGER audit_log_link BEFORE INSERT ON audit_log
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_log)
  OR NEW.prev_hash <> COALESCE((SELECT entry_hash FROM audit_log WHERE seq = NEW.seq - 1), 'sha256:0000000000000000000000000000000000000000000000000000000000000000')
BEGIN SELECT RAISE(ABORT, 'audit_log row does not follow the last one'); END"""

LISTS = ("dataset_terms", "dataset_languages", "derivations", "dataset_tags")
TABLES = ("dataset_versions", "licenses", "generators", *LISTS, "shards", "scans", "scan_indexes", "scan_problems", "audits", "audit_log")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRES_REFUSE)
        op.execute(POSTGRES_LINK)
    _make_versions()
    _make_facts()
    _make_shards()
    _make_scans()
    _make_audits()
    for table in TABLES:
        _guard(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION provenance_check_link()")
        op.execute("DROP FUNCTION provenance_refuse_change()")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _big(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _part(key: str, parent: str) -> sa.Column[int]:
    return sa.Column(key, BIG, sa.ForeignKey(parent), primary_key=True, autoincrement=False, nullable=False)


def _position(name: str = "position") -> sa.Column[int]:
    return sa.Column(name, BIG, primary_key=True, autoincrement=False, nullable=False)


def _make_versions() -> None:
    facts = ("title", "source_kind", "source_url", "collected_from", "collected_to", "collector", "obtained", "synthetic", "domain", "owner")
    op.create_table(
        "dataset_versions",
        sa.Column("id", BIG, primary_key=True, nullable=False),
        *_text("name", "root_digest", "facts_digest", "created", *facts),
        sa.Column("text_field", sa.Text(), nullable=True),
        sa.CheckConstraint("name <> ''", name="named"),
        sa.CheckConstraint("synthetic IN ('YES', 'NO', 'UNKNOWN')", name="tri_state"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dataset_versions_name_id", "dataset_versions", ["name", "id"])
    op.create_index("ix_dataset_versions_root_digest", "dataset_versions", ["root_digest"])


def _make_facts() -> None:
    op.create_table(
        "licenses",
        _part("version_id", "dataset_versions.id"),
        sa.Column("standing", sa.Text(), primary_key=True, nullable=False),
        *_text("value", "original", "claimed_by", "evidence_url", "evidence_fetched_at", "evidence_sha256", "evidence_snapshot"),
        sa.CheckConstraint("standing IN ('declared', 'detected', 'concluded')", name="standing"),
    )
    op.create_index("ix_licenses_value", "licenses", ["value"])
    op.create_table(
        "generators",
        _part("version_id", "dataset_versions.id"),
        _position(),
        *_text("provider", "model", "channel", "region", "generated_from", "generated_to", "role", "prompt_source"),
    )
    op.create_index("ix_generators_provider_model", "generators", ["provider", "model"])
    for table in LISTS:
        op.create_table(table, _part("version_id", "dataset_versions.id"), _position(), *_text("value"))
        op.create_index(f"ix_{table}_value", table, ["value"])


def _make_shards() -> None:
    op.create_table(
        "shards",
        _part("version_id", "dataset_versions.id"),
        _position(),
        *_text("path", "root", "sha256"),
        *_big("size_bytes"),
        *_big("records", "words", nullable=True),
        *_text("format"),
        *_big("unread_records"),
        sa.CheckConstraint("size_bytes >= 0", name="size"),
        sa.CheckConstraint("unread_records >= 0", name="unread"),
    )
    op.create_index("ix_shards_sha256", "shards", ["sha256"])
    op.create_index("ix_shards_path", "shards", ["path"])


def _make_scans() -> None:
    op.create_table(
        "scans",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_text("id", "result_digest", "evidence", "path", "shard", "scheme"),
        *_big("records", "documents", "words", "text_bytes", "matches", "alarms", "dropped_seeds"),
        *_text("finished"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_scans_id_number", "scans", ["id", "number"])
    op.create_index("ix_scans_shard", "scans", ["shard"])
    op.create_table("scan_indexes", _part("scan_number", "scans.number"), _position(), *_text("digest"))
    op.create_index("ix_scan_indexes_digest", "scan_indexes", ["digest"])
    op.create_table(
        "scan_problems", _part("scan_number", "scans.number"), _position(), *_text("path"), *_big("line", "record", nullable=True), *_text("message")
    )


def _make_audits() -> None:
    op.create_table(
        "audits",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_text("id", "created", "model", "verdict", "record_digest"),
        sa.CheckConstraint("verdict IN ('CLEARED', 'REVIEW', 'BLOCKED')", name="verdict"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audits_id", "audits", ["id"])
    op.create_table(
        "audit_log",
        _position("seq"),
        *_text("prev_hash", "at", "actor", "action", "reason", "payload", "entry_hash"),
        sa.UniqueConstraint("prev_hash"),
        sa.UniqueConstraint("entry_hash"),
    )


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}\nBEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
        if table == "audit_log":
            op.execute(SQLITE_LINK)
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
    if table == "audit_log":
        op.execute("CREATE TRIGGER audit_log_link BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION provenance_check_link()")
