"""Record runs that were made, and what each read of which dataset version.

Data effects: none upwards. Downwards what is known of runs is removed, so that nothing tells any more when a dataset was first used; the log keeps its rows, and the
records stay in the evidence folder.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("training_runs", "training_reads")


def upgrade() -> None:
    op.create_table(
        "training_runs",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_texts("id", "model", "clearance", "audit", "audit_id", "verdict", "run_digest", "manifest_root", "framework", "began", "ended", "ended_as"),
        *_numbers("steps", "size_bytes", "covered_bytes"),
        *_texts("unseen", "signed_by", "keyid", "content_digest", "file_digest", "at", "actor"),
        sa.CheckConstraint("id <> ''", name=op.f("ck_training_runs_named")),
        sa.CheckConstraint("ended_as IN ('completed', 'stopped', 'failed', 'denied', 'UNKNOWN')", name=op.f("ck_training_runs_ended_as")),
        sa.CheckConstraint("unseen IN ('YES', 'NO', 'UNKNOWN')", name=op.f("ck_training_runs_unseen")),
        sa.CheckConstraint("(signed_by = '') = (keyid = '')", name=op.f("ck_training_runs_signed")),
        sa.CheckConstraint("steps >= 0 AND size_bytes >= 0 AND covered_bytes >= 0", name=op.f("ck_training_runs_counts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_training_runs_id", "training_runs", ["id"])
    op.create_index("ix_training_runs_audit", "training_runs", ["audit"])
    op.create_table(
        "training_reads",
        sa.Column("run_number", BIG, sa.ForeignKey("training_runs.number"), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("position", BIG, primary_key=True, autoincrement=False, nullable=False),
        *_texts("dataset", "root_digest"),
        *_numbers("shards", "shards_read", "size_bytes", "bytes_read"),
        *_texts("first_read", "last_read"),
        sa.CheckConstraint("dataset <> ''", name=op.f("ck_training_reads_named")),
        sa.CheckConstraint("shards >= 0 AND shards_read >= 0 AND size_bytes >= 0 AND bytes_read >= 0", name=op.f("ck_training_reads_counts")),
    )
    op.create_index("ix_training_reads_dataset_root_digest", "training_reads", ["dataset", "root_digest"])
    for table in TABLES:
        _guard(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}\nBEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
