"""A batch as data: its counts, its warnings, its manifest.

For: what people, Dagster and the sender are told about a batch. Counts only, never a value.
Belongs here: facts read from what was built in the scratch. Does not belong here: building it
(`day.py`), files (`files.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from connect_pipeline.attendance import school_days
from connect_pipeline.attendance.new_batch import NewBatch
from connect_pipeline.attendance.roster_state import RosterState
from connect_pipeline.attendance.statements import counts
from connect_pipeline.databases import count_rows
from connect_pipeline.ledger import stamp
from connect_pipeline.settings import District


@dataclass(frozen=True)
class Batch:
    """A batch that was listed. `recipients` counts destinations per channel.

    `missed_send_time` is the send time that the list came too late for. `warnings` are
    `roster_is_old` and `roster_is_held`.
    """

    batch_id: str
    recipients: dict[str, int]
    students: int
    missed_send_time: str | None
    warnings: tuple[str, ...]


def describe_batch(
    connection: duckdb.DuckDBPyConnection,
    district: District,
    new: NewBatch,
    *,
    now: datetime,
    earlier: Iterable[datetime],
    roster: RosterState,
) -> Batch:
    """The batch that was built; `earlier` are the times of today's earlier ones.

    It is listed later than `now` where that had to be later than an earlier batch.
    """
    missed = school_days.missed_send_time(now, earlier, district)
    _snapshot_id, published_at = roster_facts(connection)
    is_old = school_days.roster_is_old(roster.uploaded_at or published_at, new.day, district)
    warnings = {"roster_is_old": is_old, "roster_is_held": roster.is_held}
    return Batch(
        batch_id=new.batch_id,
        recipients=recipients_per_channel(connection),
        students=students_listed(connection),
        missed_send_time=missed.strftime("%H:%M") if missed else None,
        warnings=tuple(code for code, applies in warnings.items() if applies),
    )


def manifest_facts(
    connection: duckdb.DuckDBPyConnection, new: NewBatch, batch: Batch
) -> dict[str, Any]:
    """The manifest of a list of absences, less what is known of the file itself."""
    return {
        **common_facts(connection, new),
        "missed_send_time": batch.missed_send_time,
        "quarantined_rows": count_rows(connection, "attendance.kept_out"),
        "warnings": list(batch.warnings),
    }


def common_facts(connection: duckdb.DuckDBPyConnection, new: NewBatch) -> dict[str, Any]:
    """What the manifest of any list of recipients says, less what is known of the file itself."""
    snapshot_id, published_at = roster_facts(connection)
    return {
        **new.facts,
        "rows": count_rows(connection, "attendance.entries"),
        "recipients": recipients_per_channel(connection),
        "students": students_listed(connection),
        "recipients_with_mixed_languages": count_rows(
            connection, "attendance.recipients WHERE has_mixed_languages"
        ),
        "accounting": accounted(connection),
        "roster": {"snapshot_id": snapshot_id, "published_at": stamp(published_at)},
    }


def roster_facts(connection: duckdb.DuckDBPyConnection) -> tuple[str, datetime]:
    """The snapshot that the roster is, and when it was published."""
    snapshot_id, seconds = connection.execute(
        "SELECT snapshot_id, published_at FROM attendance.roster_facts"
    ).fetchone() or ("", 0)
    return snapshot_id, datetime.fromtimestamp(seconds, UTC)


def recipients_per_channel(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Destinations to be listed."""
    return counts(
        connection, "SELECT channel, count(*) FROM attendance.recipients GROUP BY 1 ORDER BY 1"
    )


def students_listed(connection: duckdb.DuckDBPyConnection) -> int:
    """Students whose family is to be told now."""
    return accounted(connection).get("listed", 0)


def accounted(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Absent students (by date) that are `listed`, and suppressed ones by their reason."""
    return counts(
        connection,
        "SELECT coalesce(reason, status), count(*) FROM attendance.accounting"
        " GROUP BY 1 ORDER BY 1",
    )
