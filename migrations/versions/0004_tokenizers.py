"""Record the tokenizer that reads a dataset's token ids.

Data effects: none upwards; earlier versions name none. Downwards what versions say of their tokenizers is removed, and their facts digests no longer hold.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "dataset_tokenizers"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("version_id", BIG, sa.ForeignKey("dataset_versions.id"), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
    )
    op.create_index("ix_dataset_tokenizers_sha256", TABLE, ["sha256"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE}\nBEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END")
        return
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    op.execute(f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW {refuse}")
    op.execute(f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT {refuse}")


def downgrade() -> None:
    op.drop_table(TABLE)
