"""Record what else is known of datasets, what each place says of their licences, and licences of single records.

Data effects: none upwards; of earlier versions none of this is known. Downwards it is removed, and the facts digests of versions that had some no longer hold.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("dataset_details", "stated_licenses", "shard_licenses")


def upgrade() -> None:
    op.create_table(
        "dataset_details",
        _version(),
        *_texts("details", "license_expires", "digests"),
        sa.CheckConstraint("digests IN ('read', 'declared')", name=op.f("ck_dataset_details_digests")),
    )
    evidence = ("evidence_url", "evidence_fetched_at", "evidence_sha256", "evidence_snapshot")
    op.create_table("stated_licenses", _version(), _position("position"), *_texts("value", "original", "claimed_by", *evidence))
    op.create_index("ix_stated_licenses_value", "stated_licenses", ["value"])
    op.create_table(
        "shard_licenses",
        _version(),
        _position("shard"),
        _position("position"),
        *_texts("value", "original"),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("records >= 0", name=op.f("ck_shard_licenses_records")),
    )
    op.create_index("ix_shard_licenses_value", "shard_licenses", ["value"])
    for table in TABLES:
        _guard(table)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _version() -> sa.Column[int]:
    return sa.Column("version_id", BIG, sa.ForeignKey("dataset_versions.id"), primary_key=True, autoincrement=False, nullable=False)


def _position(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, primary_key=True, autoincrement=False, nullable=False)


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
