"""The ledger: small facts that must never be lost, in a transactional database.

For: what was received and what became of it, holds and what was decided, snapshots, batches and
who was listed, what was disclosed and erased. SQLite below the home by default, Postgres by
`CONNECT_LEDGER_URL`.
Belongs here: the tables (`tables.py`), what is kept and asked of them (`runs.py`, `receipts.py`,
`publications.py`, `holds.py`, all in `Ledger`), opening (`opening.py`). Does not belong here: why
something is held or listed (`roster/`, `attendance/`), and any destination in clear text: those are
keyed hashes. Alarms, batches, disclosures and erasures are written by the parts that own them, in a
`transaction`.
"""

from connect_pipeline.ledger.holds import adds_reason, set_sha256
from connect_pipeline.ledger.ledger import Ledger
from connect_pipeline.ledger.opening import has_ledger, open_ledger, refuse_gone
from connect_pipeline.ledger.runs import ATTENDANCE_JOB, CORE_JOB, PREVIEW_JOB
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
