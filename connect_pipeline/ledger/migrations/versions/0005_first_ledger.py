"""The first ledger: all tables. Its number is of before anything was released."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
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
        sa.Column("mtime", sa.BigInteger),
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
        sa.Column("file_sha256", sa.String),
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
        sa.Column("preview", sa.JSON),
    )
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
    op.create_table(
        "alarms",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("district", sa.String, nullable=False, index=True),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("night", sa.String, nullable=False),
        sa.Column("codes", sa.JSON, nullable=False),
        sa.Column("run_id", sa.String),
        sa.Column("raised_at", sa.String, nullable=False),
        sa.Column("cleared_at", sa.String),
    )
    op.create_table(
        "alarm_notices",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("alarm_id", sa.Integer, nullable=False, index=True),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.String, nullable=False),
        sa.Column("delivered_at", sa.String),
    )
    op.create_table(
        "ledger_key",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key_check", sa.String, nullable=False),
    )
