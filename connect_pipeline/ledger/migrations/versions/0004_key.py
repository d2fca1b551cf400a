"""Which key the hashes of the ledger were made with."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create `ledger_key`; the key that is in use at the next opening is taken for the one."""
    op.create_table(
        "ledger_key",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key_check", sa.String, nullable=False),
    )
