"""Alarms (who was told of what, what is to be delivered), and the hash of each snapshot's file."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create `alarms` and `alarm_notices`; older snapshots stay without a hash."""
    op.add_column("snapshots", sa.Column("file_sha256", sa.String))
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
