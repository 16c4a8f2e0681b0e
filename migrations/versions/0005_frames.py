"""Record what a later scan needs to rest on an earlier one.

Data effects: none upwards; no scan rests on those made before. Downwards what scans kept for later ones is removed, and their result digests no longer hold.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "scan_frames"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("scan_number", BIG, sa.ForeignKey("scans.number"), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("frame", sa.Text(), nullable=False),
        sa.Column("segments", sa.Text(), nullable=False),
        sa.Column("touched", sa.Text(), nullable=False),
    )
    op.create_index("ix_scan_frames_frame", TABLE, ["frame"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE}\nBEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END")
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT {refuse}")


def downgrade() -> None:
    op.drop_table(TABLE)
