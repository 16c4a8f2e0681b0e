"""Record demands that something be kept out of training data, their withdrawals, and the indexes of records by which it is looked for.

Data effects: none upwards; no demand is recorded yet. Downwards demands, withdrawals and what was found of records are removed; the log keeps its rows.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("exclusions", "exclusion_withdrawals", "record_indexes")


def upgrade() -> None:
    op.create_table(
        "exclusions",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_texts("id", "kind", "value", "given", "dataset", "demanded_by", "received", "basis", "ticket", "evidence_url", "evidence_sha256"),
        *_texts("comment", "at", "actor"),
        sa.CheckConstraint("kind IN ('domain', 'url', 'work', 'author', 'record-id', 'digest')", name=op.f("ck_exclusions_kind")),
        sa.CheckConstraint("basis IN ('opt-out', 'copyright', 'erasure', 'contract', 'court-order', 'other')", name=op.f("ck_exclusions_basis")),
        sa.CheckConstraint("value <> ''", name=op.f("ck_exclusions_valued")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_exclusions_id", "exclusions", ["id"])
    op.create_table(
        "exclusion_withdrawals",
        sa.Column("exclusion_number", BIG, sa.ForeignKey("exclusions.number"), primary_key=True, autoincrement=False, nullable=False),
        *_texts("reason", "at", "actor"),
    )
    op.create_table(
        "record_indexes",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_texts("key", "shard", "evidence"),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("records", "unread", "with_host", "with_page", "with_id", "with_author", "with_text")
        ),
        *_texts("at"),
        sa.CheckConstraint("records >= 0 AND unread >= 0", name=op.f("ck_record_indexes_counts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_record_indexes_key", "record_indexes", ["key"])
    op.create_index("ix_record_indexes_shard", "record_indexes", ["shard"])
    for table in TABLES:
        _guard(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _guard(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}\nBEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
