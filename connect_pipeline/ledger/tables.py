"""The ledger's tables, as SQLAlchemy has them.

Belongs here: columns and keys, as the newest migration leaves them. Does not belong here: how they
came to be so (`migrations/`), what is done with them (`runs.py`,
`receipts.py`, `publications.py`, `holds.py`, and the parts that own a table).
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

# All times are UTC, ISO 8601, to the second; both databases sort them as text.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("job", sa.String, nullable=False),
    sa.Column("started_at", sa.String, nullable=False),
    sa.Column("ended_at", sa.String),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("codes", sa.JSON, nullable=False),
    sa.Column("message", sa.String, nullable=False),
)
received = sa.Table(
    "received",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("export", sa.String, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("uploaded_at", sa.String, nullable=False),
    sa.Column("received_at", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("mtime", sa.BigInteger),  # as the server says
)
snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("snapshot_id", sa.String, primary_key=True),
    sa.Column("district", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),  # publishing, published
    sa.Column("published_at", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("set_sha256", sa.String, nullable=False),
    sa.Column("exports", sa.JSON, nullable=False),
    sa.Column("file_sha256", sa.String),  # of the file; NULL while it is replaced
)
current = sa.Table(
    "current",
    metadata,
    sa.Column("district", sa.String, primary_key=True),
    sa.Column("snapshot_id", sa.String, nullable=False),
    sa.Column("rolled_back", sa.Boolean, nullable=False),
)
holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("job", sa.String, nullable=False),  # core, attendance
    sa.Column("set_sha256", sa.String, nullable=False),
    # held, approved, published (approved, and used), discarded, superseded, expired
    sa.Column("state", sa.String, nullable=False),
    sa.Column("codes", sa.JSON, nullable=False),
    sa.Column("held_at", sa.String, nullable=False),
    sa.Column("decided_at", sa.String),
    sa.Column("decided_by", sa.String),  # a person; NULL when time or other files decided
    sa.Column("preview", sa.JSON),  # counts and sentences, never a name (roster/preview.py)
)
# Which snapshot consumers read from when on: one row is a publication or a rollback.
publications = sa.Table(
    "publications",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("snapshot_id", sa.String, nullable=False),
    sa.Column("current_from", sa.String, nullable=False),
    sa.Column("rolled_back", sa.Boolean, nullable=False),
    sa.Column("by", sa.String),  # a person; NULL when a run published
)
disclosures = sa.Table(
    "disclosures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("disclosed_at", sa.String, nullable=False),
    sa.Column("disclosed_by", sa.String, nullable=False),
    sa.Column("snapshot_id", sa.String, nullable=False),
    sa.Column("format", sa.String, nullable=False),
    sa.Column("folder", sa.String, nullable=False),
    sa.Column("tables", sa.JSON, nullable=False),  # {table: {"columns": [...], "rows": n}}
)
# `subject_hash` is a keyed hash of a student ID, or '' for the whole district; `key_check` shows
# whether the key is still the one that it was made with.
erasures = sa.Table(
    "erasures",
    metadata,
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
batches = sa.Table(
    "batches",
    metadata,
    sa.Column("batch_id", sa.String, primary_key=True),
    sa.Column("district", sa.String, nullable=False, index=True),
    sa.Column("date", sa.String, nullable=False),
    sa.Column("listed_at", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("file_sha256", sa.String, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
)
listed = sa.Table(
    "listed",
    metadata,
    sa.Column("district", sa.String, primary_key=True),
    sa.Column("date", sa.String, primary_key=True),
    sa.Column("student_id", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("channel", sa.String, primary_key=True),
    sa.Column("destination_hash", sa.String, primary_key=True),
    sa.Column("batch_id", sa.String, nullable=False, index=True),
)
alarms = sa.Table(
    "alarms",
    metadata,
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
alarm_notices = sa.Table(
    "alarm_notices",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alarm_id", sa.Integer, nullable=False, index=True),
    sa.Column("event", sa.String, nullable=False),  # alarm, all_clear
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_try_at", sa.String, nullable=False),
    sa.Column("delivered_at", sa.String),
)

# One row: a text's hash, which tells the key that all hashes here were made with from others.
ledger_key = sa.Table(
    "ledger_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key_check", sa.String, nullable=False),
)
