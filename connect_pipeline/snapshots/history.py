"""History: who was in what on a day, from the snapshot that people read on that day.

For: `history`. Belongs here: which snapshot a day had, and the questions that it answers. Does not
belong here: how long snapshots are kept (`run/retention.py`), and printing (`status/as_text.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from connect_pipeline.databases import count_rows
from connect_pipeline.errors import EnvironmentFault, UsageError
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.published import open_published

Row = dict[str, Any]


@dataclass(frozen=True)
class Night:
    """The snapshot that was current at the end of a day."""

    snapshot_id: str
    current_from: str
    path: Path


def night_on(home: Home, ledger: Ledger, district: str, day: date, zone: ZoneInfo) -> Night:
    """What was published last on or before the end of `day` in the district's zone.

    A rollback counts from when it was made. Raises `UsageError` when there was nothing yet, or it
    is no longer kept.
    """
    # In UTC, for where clocks are put back at midnight the last hour of the day comes twice.
    next_day = datetime.combine(day + timedelta(days=1), time(), zone)
    end = next_day.astimezone(UTC) - timedelta(seconds=1)
    publications = ledger.publications_of(district, until=end)
    if not publications:
        raise UsageError(f"Nothing of {district} had been published by the end of {day}.")
    snapshot_id = str(publications[0]["snapshot_id"])
    path = home.snapshot(district, snapshot_id)
    if not path.exists():
        known = [str(row["snapshot_id"]) for row in ledger.snapshots_of(district)]
        kept = [one for one in known if home.snapshot(district, one).exists()]
        oldest = f" The oldest that is kept is {kept[-1]}." if kept else ""
        raise UsageError(
            f"On {day}, {snapshot_id} was published for {district}; it is no longer kept"
            f" (keep.snapshots in the settings), or was damaged.{oldest}"
        )
    return Night(snapshot_id, str(publications[0]["current_from"]), path)


@contextmanager
def _opened(night: Night) -> Iterator[duckdb.DuckDBPyConnection]:
    """The night's file. Raises `EnvironmentFault` when it cannot be read."""
    try:
        with open_published(night.path) as connection:
            yield connection
    except duckdb.Error as error:
        raise EnvironmentFault(
            f"Snapshot {night.snapshot_id} cannot be read ({type(error).__name__}). Choose another"
            " day; `status` lists the snapshots."
        ) from None


def student_on(night: Night, student_id: str) -> Row:
    """The student, with sites, classes and groups as they were.

    Raises `UsageError` when nobody had the ID.
    """
    with _opened(night) as connection:
        found = _rows(
            connection,
            "SELECT student_id, first_name, last_name, grade FROM connect.students"
            " WHERE student_id = $key",
            student_id,
        )
        if not found:
            raise UsageError(f"No student had this ID in snapshot {night.snapshot_id}.")
        return {
            **found[0],
            "sites": _rows(
                connection,
                "SELECT school, site_id, name FROM connect.student_sites"
                " JOIN connect.sites USING (site_id) WHERE student_id = $key ORDER BY school",
                student_id,
            ),
            "classes": _rows(
                connection,
                "SELECT class_id, school, period, course_name, teacher_name FROM connect.rosters"
                " WHERE student_id = $key ORDER BY school, period, class_id",
                student_id,
            ),
            "groups": _rows(
                connection,
                "SELECT group_id, kind, name FROM connect.group_members"
                " JOIN connect.groups USING (group_id)"
                " WHERE person_id = $key AND audience = 'students' ORDER BY kind, group_id",
                student_id,
            ),
        }


def group_on(night: Night, group_id: str) -> Row:
    """The group with its members as they were. Raises `UsageError` when there was no such group."""
    with _opened(night) as connection:
        found = _rows(
            connection,
            "SELECT group_id, audience, kind, name, member_count FROM connect.groups"
            " WHERE group_id = $key",
            group_id,
        )
        if not found:
            raise UsageError(f"There was no such group in snapshot {night.snapshot_id}.")
        people, key = ("staff", "staff_id")
        if found[0]["audience"] == "students":
            people, key = ("students", "student_id")
        members = _rows(
            connection,
            f"SELECT {key} AS id, first_name, last_name FROM connect.group_members"
            f" JOIN connect.{people} ON {key} = person_id WHERE group_id = $key ORDER BY 3, 2, 1",
            group_id,
        )
        return {**found[0], "members": members}


def summary_of(night: Night) -> Row:
    """How many students, staff, classes and groups there were, and what the night had changed."""
    tables = ("students", "staff", "classes", "groups")
    with _opened(night) as connection:
        counts = {table: count_rows(connection, f"connect.{table}") for table in tables}
        changes = connection.execute(
            "SELECT entity || ' ' || change, count(*) FROM connect.changes"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    return {**counts, "changes": dict(changes)}


def _rows(connection: duckdb.DuckDBPyConnection, query: str, key: str) -> list[Row]:
    result = connection.execute(query, {"key": key})
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
