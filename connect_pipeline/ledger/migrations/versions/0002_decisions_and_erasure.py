"""Previews of holds, and who published, disclosed or erased what."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what issue 4 records. What was published before becomes the first publications."""
    op.add_column("holds", sa.Column("preview", sa.JSON))
    op.create_table(
        "publications",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("snapshot_id", sa.String, nullable=False),
        sa.Column("current_from", sa.String, nullable=False),
        sa.Column("rolled_back", sa.Boolean, nullable=False),
        sa.Column("by", sa.String),
    )
    op.create_table(
        "disclosures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("disclosed_at", sa.String, nullable=False),
        sa.Column("disclosed_by", sa.String, nullable=False),
        sa.Column("snapshot_id", sa.String, nullable=False),
        sa.Column("format", sa.String, nullable=False),
        sa.Column("folder", sa.String, nullable=False),
        sa.Column("tables", sa.JSON, nullable=False),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("subject_hash", sa.String, nullable=False),
        sa.Column("key_check", sa.String, nullable=False),
        sa.Column("erased_at", sa.String, nullable=False),
        sa.Column("erased_by", sa.String, nullable=False),
        sa.Column("completed_at", sa.String),
        sa.Column("lifted_at", sa.String),
        sa.Column("lifted_by", sa.String),
    )
    op.execute(
        "INSERT INTO publications (district, snapshot_id, current_from, rolled_back)"
        " SELECT district, snapshot_id, published_at, false FROM snapshots"
        " WHERE state = 'published' ORDER BY snapshot_id"
    )
