"""The time that a server gave each received file, which may be one to come."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add `received.mtime`; nobody knows it of what was received before."""
    op.add_column("received", sa.Column("mtime", sa.BigInteger))
