"""Retention: what is over its age goes, by the district's settings (`keep`).

For: the daily job `retention`. Belongs here: what is old in each place, and what stays whatever its
age, because the current state was made from it. Does not belong here: when it runs
(`orchestration/retention.py`), and removing a person (`erasure/`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from connect_pipeline import landing, snapshots
from connect_pipeline.attendance.day_file import empty_day_before
from connect_pipeline.contract import SCHOOLS
from connect_pipeline.decisions import expire_undecided
from connect_pipeline.disk import disk_fault, files_below
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger, stamp
from connect_pipeline.ledger.tables import batches, holds, listed, received, runs
from connect_pipeline.settings import District


def purge(
    home: Home, ledger: Ledger, name: str, district: District, now: datetime
) -> dict[str, int]:
    """Remove what is over its age; returns how many things went, by place.

    The caller holds the district's lock. Raises `EnvironmentFault` when the disk refuses.
    """
    keep = district.keep
    today = district.day_of(now)
    try:
        return {
            "holds": expire_undecided(ledger, name, district, now),
            "landing": landing.prune(home, name, files_of_current(ledger, name), keep.landing_days),
            "snapshots": snapshots.prune(home, ledger, name, keep.snapshots),
            "reports": _remove_older(home.reports(name), now - timedelta(days=keep.report_days)),
            "outbox": _remove_older(home.outbox(name), now - timedelta(days=keep.outbox_days)),
            "attendance": _remove_days(home, name, today - timedelta(days=keep.attendance_days)),
            "ledger": _forget(home, ledger, name, now - timedelta(days=keep.ledger_days)),
        }
    except OSError as error:
        raise disk_fault(error, f"remove what is old of {name}") from None


def files_of_current(ledger: Ledger, name: str) -> set[str]:
    """Received files that the current snapshot was made from: it is rebuilt from them at need."""
    current = ledger.current_snapshot(name)
    exports = current["exports"].values() if current is not None else ()
    keep = {str(one["sha256"]) for one in exports if isinstance(one, dict) and "sha256" in one}
    school = ledger.last_received(name, SCHOOLS.file_name)
    return keep | ({str(school["sha256"])} if school is not None else set())


def _remove_older(folder: Path, limit: datetime) -> int:
    old = [path for path in files_below(folder) if path.stat().st_mtime < limit.timestamp()]
    for path in old:
        path.unlink()
    return len(old)


def _remove_days(home: Home, name: str, limit: date) -> int:
    """Days of absences; the last one loses its rows, for its place is the next one's."""
    old = [
        path
        for path in files_below(home.attendance_days(name))
        if path.suffix == ".duckdb" and path.stem < limit.isoformat()
    ]
    for path in old:
        path.unlink()
    return len(old) + empty_day_before(home, name, limit)


def _forget(home: Home, ledger: Ledger, name: str, limit: datetime) -> int:
    """Old rows, but neither the last receipt of each export nor a batch whose list is still there.

    Nor the last hold of each job: what was discarded, and lies in the drop still, would be
    published as soon as that is forgotten. Disclosures, publications and erasures stay: they are
    what an inspection asks for.
    """
    moment, day = stamp(limit), limit.date().isoformat()
    there = [path.stem for path in files_below(home.outbox(name)) if path.suffix == ".json"]
    last = sa.select(sa.func.max(received.c.id)).where(received.c.district == name)
    last_hold = sa.select(sa.func.max(holds.c.id)).where(holds.c.district == name)
    old = (
        (runs, runs.c.started_at < moment),
        (
            received,
            sa.and_(
                received.c.received_at < moment,
                received.c.id.not_in(last.group_by(received.c.export)),
            ),
        ),
        (
            holds,
            sa.and_(
                holds.c.held_at < moment,
                holds.c.state != "held",
                holds.c.id.not_in(last_hold.group_by(holds.c.job)),
            ),
        ),
        (listed, sa.and_(listed.c.date < day, listed.c.batch_id.not_in(there))),
        (batches, sa.and_(batches.c.date < day, batches.c.batch_id.not_in(there))),
    )
    gone = 0
    with ledger.transaction() as connection:
        for table, is_old in old:
            deleted = connection.execute(sa.delete(table).where(table.c.district == name, is_old))
            gone += int(deleted.rowcount)
    return gone
