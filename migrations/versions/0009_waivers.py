"""Record waivers, their withdrawals, and what reviewers decide of audits.

Data effects: none upwards; waivers in files stay there. Downwards recorded waivers, withdrawals and reviews are removed, so that findings they covered count again
and released audits need a release anew; the log keeps its rows.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("waivers", "waiver_withdrawals", "reviews")


def upgrade() -> None:
    op.create_table(
        "waivers",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_texts("id", "rule", "subject_kind", "subject_id", "subject_digest", "reason", "comment", "requested_by", "approved_by", "created"),
        *_texts("expires", "keyid", "sig", "dataset", "at", "actor"),
        sa.CheckConstraint("subject_kind IN ('shard', 'dataset', 'domain', 'run', 'match', 'waiver')", name=op.f("ck_waivers_subject_kind")),
        sa.CheckConstraint("id <> '' AND rule <> '' AND subject_id <> ''", name=op.f("ck_waivers_named")),
        sa.CheckConstraint("subject_digest <> ''", name=op.f("ck_waivers_bound")),
        sa.CheckConstraint("length(expires) = 10", name=op.f("ck_waivers_ending")),
        sa.CheckConstraint("requested_by <> approved_by", name=op.f("ck_waivers_two_people")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_waivers_id", "waivers", ["id"])
    op.create_table(
        "waiver_withdrawals",
        sa.Column("waiver_number", BIG, sa.ForeignKey("waivers.number"), primary_key=True, autoincrement=False, nullable=False),
        *_texts("reason", "at", "actor"),
    )
    op.create_table(
        "reviews",
        sa.Column("number", BIG, primary_key=True, nullable=False),
        *_texts("record_digest", "decision", "reviewer", "comment", "envelope", "at", "actor"),
        sa.CheckConstraint("decision IN ('released', 'rejected')", name=op.f("ck_reviews_decision")),
        sa.CheckConstraint("(decision = 'released') = (envelope <> '')", name=op.f("ck_reviews_signed")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reviews_record_digest", "reviews", ["record_digest"])
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
