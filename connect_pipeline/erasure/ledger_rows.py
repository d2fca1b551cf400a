"""What the ledger forgets in an erasure: a student's rows, or a district's.

Belongs here: the removal. Does not belong here: who is erased, which the ledger must never forget
(`erased/records.py`), files.
"""

from __future__ import annotations

import sqlalchemy as sa

from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.ledger import Ledger
from connect_pipeline.ledger.tables import (
    alarm_notices,
    alarms,
    erasures,
    listed,
    metadata,
    snapshots,
)


def forget_settings(ledger: Ledger, district: str, snapshot_id: str) -> None:
    """The snapshot is no longer what its files and settings come to.

    Else the erasure's lift would give back the very settings that it was published under, and the
    next run would find nothing to do.
    """
    of_snapshot = sa.and_(snapshots.c.district == district, snapshots.c.snapshot_id == snapshot_id)
    with ledger.transaction() as connection:
        exports = connection.execute(sa.select(snapshots.c.exports).where(of_snapshot)).scalar()
        if exports and exports.pop("settings", None) is not None:
            connection.execute(sa.update(snapshots).where(of_snapshot).values(exports=exports))


def forget_student(ledger: Ledger, district: str, student_id: str) -> int:
    """Remove who was listed; returns how many rows went."""
    with ledger.transaction() as connection:
        gone = connection.execute(
            sa.delete(listed).where(
                listed.c.district == district, listed.c.student_id == student_id
            )
        )
        return int(gone.rowcount)


def forget_district(ledger: Ledger, district: str) -> dict[str, int]:
    """Remove every row of the district but its erasures; returns how many went, by table."""
    counts: dict[str, int] = {}
    with ledger.transaction() as connection:
        of_district = sa.select(alarms.c.id).where(alarms.c.district == district)
        connection.execute(
            sa.delete(alarm_notices).where(alarm_notices.c.alarm_id.in_(of_district))
        )
        for table in metadata.sorted_tables:
            if table is erasures or "district" not in table.c:
                continue
            gone = connection.execute(sa.delete(table).where(table.c.district == district))
            if gone.rowcount:
                counts[table.name] = int(gone.rowcount)
    return counts


def rewrite_ledger(ledger: Ledger) -> None:
    """Rewrite an SQLite ledger, so that no page of it holds a deleted row.

    Postgres does that by itself in time; its backups are its operator's.
    """
    if ledger.engine.dialect.name != "sqlite":
        return
    try:
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
    except sa.exc.DBAPIError as error:
        raise EnvironmentFault(
            f"The ledger could not be rewritten ({type(error.orig).__name__}). Free disk space,"
            " then run the same command again."
        ) from None
