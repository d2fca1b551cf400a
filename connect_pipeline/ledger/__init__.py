"""The ledger: small facts that must never be lost, in a transactional database.

For: what was received and what became of it, holds and what was decided, snapshots, batches and
who was listed, what was disclosed and erased. SQLite below the home by default, Postgres by
`CONNECT_LEDGER_URL`.
Belongs here: the tables (`tables.py`), their methods (`facts.py`), opening (`opening.py`). Does not
belong here: why something is held or listed (`roster/`, `attendance/`).
"""

from connect_pipeline.ledger.facts import (
    ATTENDANCE_JOB,
    CORE_JOB,
    PREVIEW_JOB,
    Ledger,
    adds_reason,
    set_sha256,
)
from connect_pipeline.ledger.opening import has_ledger, open_ledger, refuse_gone
from connect_pipeline.ledger.times import compact, from_compact, now, rising, stamp

__all__ = [
    "ATTENDANCE_JOB",
    "CORE_JOB",
    "PREVIEW_JOB",
    "Ledger",
    "adds_reason",
    "compact",
    "from_compact",
    "has_ledger",
    "now",
    "open_ledger",
    "refuse_gone",
    "rising",
    "set_sha256",
    "stamp",
]
