"""Record which fields with long text a scan did not read.

Data effects: none upwards; earlier scans tell of no such field. Downwards what scans told of them is removed, and their result digests no longer hold.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "scan_left_out"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("scan_number", BIG, sa.ForeignKey("scans.number"), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("position", BIG, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE}\nBEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END")
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT {refuse}")


def downgrade() -> None:
    op.drop_table(TABLE)
