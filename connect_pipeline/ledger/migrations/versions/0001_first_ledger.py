"""The first ledger: runs, received, snapshots, current, holds, batches, listed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables. A migration is history: it does not follow later changes of tables.py."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("ended_at", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("codes", sa.JSON, nullable=False),
        sa.Column("message", sa.String, nullable=False),
    )
    op.create_table(
        "received",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("export", sa.String, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("uploaded_at", sa.String, nullable=False),
        sa.Column("received_at", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
    )
    op.create_table(
        "snapshots",
        sa.Column("snapshot_id", sa.String, primary_key=True),
        sa.Column("district", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("published_at", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("set_sha256", sa.String, nullable=False),
        sa.Column("exports", sa.JSON, nullable=False),
    )
    op.create_table(
        "current",
        sa.Column("district", sa.String, primary_key=True),
        sa.Column("snapshot_id", sa.String, nullable=False),
        sa.Column("rolled_back", sa.Boolean, nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("set_sha256", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("codes", sa.JSON, nullable=False),
        sa.Column("held_at", sa.String, nullable=False),
        sa.Column("decided_at", sa.String),
        sa.Column("decided_by", sa.String),
    )
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("date", sa.String, nullable=False),
        sa.Column("listed_at", sa.String, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("file_sha256", sa.String, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
    )
    op.create_table(
        "listed",
        sa.Column("district", sa.String, primary_key=True),
        sa.Column("date", sa.String, primary_key=True),
        sa.Column("student_id", sa.String, primary_key=True),
        sa.Column("period", sa.String, primary_key=True),
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("destination_hash", sa.String, primary_key=True),
        sa.Column("batch_id", sa.String, nullable=False, index=True),
    )
