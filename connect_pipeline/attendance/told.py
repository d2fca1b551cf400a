"""What the ledger knows of batches: who was told, and by which batch.

For: the one transaction in which it is decided who is listed: its lock, what it reads and what
it writes. Belongs here: the ledger's `batches` and `listed` as this package uses them. Does not
belong here: the ledger's own facts (`ledger/`), the decision (`sql/entries.sql`).

One row of `listed` is a student in a batch. A student is told of several lessons at several
destinations, so `period` has a line per lesson (school and period), `channel` names the channels
and `destination_hash` has a `channel:hash` per destination. A row for each combination would be
20 times as many, and a large district's list would be late for the sake of its ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connect_pipeline.attendance.new_batch import NewBatch
from connect_pipeline.attendance.statements import run
from connect_pipeline.erased.keep_out import leave_out_erased
from connect_pipeline.ledger.tables import batches, listed

ROWS_AT_ONCE = 10_000
CLEARED = "cleared"
LOW_LUNCH_BALANCE = "low_lunch_balance"
"""Lists that are not of absences, as `channel` of `listed` and in the counts of `batches`."""
ABSENT_AGAIN = "absent_again"
"""In a list of cleared absences, what stands again."""
NO_LONGER_ALERTS = "no_longer_alerts"
"""There, what is still in the file, with a code that is none to alert for: late, or excused."""


@dataclass(frozen=True)
class EarlierBatch:
    """A batch of today's absences that the ledger has committed."""

    batch_id: str
    listed_at: datetime
    is_cleared_list: bool


def lock_district(transaction: Connection, district: str) -> None:
    """Let nobody else decide about this district until the transaction ends.

    SQLite's own lock, taken when the transaction began, is enough there.
    """
    if transaction.dialect.name == "postgresql":
        digest = hashlib.sha256(f"attendance {district}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def batches_of(transaction: Connection, district: str, day: date) -> list[EarlierBatch]:
    """The committed batches of a day's absences, oldest first."""
    found = transaction.execute(
        sa.select(batches.c.batch_id, batches.c.listed_at, batches.c.counts)
        .where(batches.c.district == district, batches.c.date == day.isoformat())
        .order_by(batches.c.batch_id)
    )
    return [
        EarlierBatch(row.batch_id, datetime.fromisoformat(row.listed_at), CLEARED in row.counts)
        for row in found
        if LOW_LUNCH_BALANCE not in row.counts
    ]


def known_batches(transaction: Connection, batch_ids: Iterable[str]) -> set[str]:
    """Those of `batch_ids` that the ledger has committed."""
    found = transaction.execute(
        sa.select(batches.c.batch_id).where(batches.c.batch_id.in_(list(batch_ids)))
    )
    return {row.batch_id for row in found}


def load_told(
    connection: duckdb.DuckDBPyConnection,
    transaction: Connection,
    district: str,
    day: date,
    policy: str,
) -> None:
    """Fill `attendance.told` and `attendance.said` from the ledger, with all rows at once.

    Not of erased students: the ledger has them while an erasure is cut short, and the file, from
    which their rows are kept out, would seem to say that they have come.
    """
    columns = {
        "student_ids": listed.c.student_id,
        "lessons": listed.c.period,
        "channels": listed.c.channel,
        "destinations": listed.c.destination_hash,
        "batch_ids": listed.c.batch_id,
    }
    rows = transaction.execute(
        sa.select(*columns.values()).where(
            listed.c.district == district,
            listed.c.date == day.isoformat(),
            listed.c.channel != LOW_LUNCH_BALANCE,
        )
    ).all()
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    run(connection, "ledger_today", **dict(zip(columns, values, strict=True)))
    leave_out_erased(connection, "attendance.ledger_today")
    run(connection, "told")
    run(connection, "said", policy=policy)


def told_of_balance(transaction: Connection, district: str, first_day: date) -> list[str]:
    """The students of whose lunch balance a family was told on `first_day` or later."""
    found = transaction.execute(
        sa.select(listed.c.student_id)
        .distinct()
        .where(
            listed.c.district == district,
            listed.c.date >= first_day.isoformat(),
            listed.c.channel == LOW_LUNCH_BALANCE,
        )
    )
    return [row.student_id for row in found]


def record_batch(
    connection: duckdb.DuckDBPyConnection,
    transaction: Connection,
    query: str,
    batch: NewBatch,
    *,
    run_id: str,
    file_sha256: str,
    counts: dict[str, int],
) -> None:
    """Write the batch and everyone in it, whom `sql/<query>.sql` gives.

    It is so from the moment the transaction commits.
    """
    transaction.execute(
        sa.insert(batches).values(
            **batch.facts,
            run_id=run_id,
            file_sha256=file_sha256,
            counts=counts,
        )
    )
    key = {"district": batch.district, "date": batch.day.isoformat(), "batch_id": batch.batch_id}
    rows = run(connection, query, **key)
    columns = [column.name for column in listed.columns]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows[start : start + ROWS_AT_ONCE]
        if transaction.dialect.name == "sqlite":
            # SQLAlchemy makes a dictionary of each row and a tuple of each dictionary, which
            # takes three times as long as the insertion itself.
            insertion = sa.insert(listed).compile(dialect=transaction.dialect)
            transaction.exec_driver_sql(str(insertion), some)
        else:
            transaction.execute(
                sa.insert(listed), [dict(zip(columns, row, strict=True)) for row in some]
            )
