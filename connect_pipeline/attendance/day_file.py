"""The published day, `attendance.duckdb`: what its readers have, and what the next file goes by.

For: attaching it, asking of which day it is and whether its files had dates, writing it anew.
Belongs here: that file and those of earlier days. Does not belong here: what is in it
(`sql/day.sql`), lists (`files.py`), when a file gets its final name (`staging.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import duckdb

from connect_pipeline.attendance import staging
from connect_pipeline.attendance.new_batch import NewBatch
from connect_pipeline.attendance.statements import bind_batch
from connect_pipeline.databases import (
    attach,
    count_rows,
    in_memory,
    published_options,
    statement,
    tables_in,
)
from connect_pipeline.disk import PRIVATE_FILE, disk_fault, private_folder, sync_file
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.findings import Findings
from connect_pipeline.home import Home
from connect_pipeline.published import ATTENDANCE_QUALITY, ATTENDANCE_TABLES, create_empty
from connect_pipeline.published.quality_rows import fill_findings, fill_quarantine

DATED = "from the file"
"""What a published day says of its dates: they are not only those of the upload."""
DAY_ROW_GROUP = 20_480
"""Rows that the day's file is written by. What does not fill one is written twice, first into
memory; so they are small."""


@contextmanager
def earlier_today(
    connection: duckdb.DuckDBPyConnection, home: Home, name: str, today: date
) -> Iterator[None]:
    """Attach what is published of today as `earlier`; empty tables when nothing is.

    A file of an earlier day gets its lasting name first. Raises `EnvironmentFault` when the
    published file is damaged.
    """
    path = home.attendance(name)
    day = _attach_published(connection, path) if path.exists() else None
    if day is not None and day != today.isoformat():
        connection.execute("DETACH earlier")
        staging.keep_earlier_day(home, name, day)
    if day != today.isoformat():
        kept = home.attendance_day(name, today.isoformat())
        if kept.exists():  # the clock went back over midnight, and forth again
            _attach_published(connection, kept)
        else:
            _attach_empty(connection)
    try:
        yield
    finally:
        connection.execute("DETACH earlier")


@contextmanager
def day_before(
    connection: duckdb.DuckDBPyConnection, home: Home, name: str, today: date
) -> Iterator[bool]:
    """Attach the last published day before today as `other`; whether there is one to be read."""
    kept = sorted(home.attendance_days(name).glob("*.duckdb"), reverse=True)
    is_there = any(
        _is_of_before(connection, path, today) for path in (home.attendance(name), *kept)
    )
    try:
        yield is_there
    finally:
        connection.execute("DETACH DATABASE IF EXISTS other")


def had_dates(connection: duckdb.DuckDBPyConnection, home: Home, name: str) -> bool:
    """Whether the files published so far had them, as the published day says."""
    path = home.attendance(name)
    if not path.exists():
        return False
    try:
        _attach_published(connection, path)
        return _is_dated(connection)
    finally:
        connection.execute("DETACH DATABASE IF EXISTS earlier")


def published_day(home: Home, name: str) -> str:
    """The day that the published absences are of, in ISO; empty without any.

    Raises `EnvironmentFault` when they cannot be read.
    """
    path = home.attendance(name)
    if not path.exists():
        return ""
    with in_memory() as connection:
        return _attach_published(connection, path)


def empty_day_before(home: Home, name: str, limit: date) -> bool:
    """Take its rows from the published day when it is of before `limit`; whether it had some.

    The file stays, with what it says of its dates: a later one that has lost them is held. Nothing
    is done about a damaged one. Raises `EnvironmentFault` when the disk refuses.
    """
    path = home.attendance(name)
    if not path.exists():
        return False
    emptied = staging.staged(path, "emptied")
    with in_memory() as connection:
        try:
            day = _attach_published(connection, path)
        except EnvironmentFault:
            return False
        tables = tables_in(connection, "earlier")
        rows = sum(count_rows(connection, f"earlier.{table}") for table in tables)
        if not rows or not "" < day < limit.isoformat():
            return False
        emptied.unlink(missing_ok=True)
        attach(connection, emptied, "day", options=published_options(0))
        emptied.chmod(PRIVATE_FILE)
        create_empty(connection, "day", ATTENDANCE_TABLES)
        _say_day(connection, day, is_dated=_is_dated(connection))
        connection.execute("DETACH day")
    _sync(emptied)
    staging.replace(emptied, path)
    return True


def _is_dated(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the published day that is attached as `earlier` says so of its files."""
    row = connection.execute(
        "SELECT 1 FROM duckdb_columns() WHERE database_name = 'earlier' AND comment = $dated",
        {"dated": DATED},
    ).fetchone()
    return row is not None


def _say_day(connection: duckdb.DuckDBPyConnection, day: str, *, is_dated: bool) -> None:
    """Say in `day` which one it is, for no table does when nobody was absent."""
    connection.execute(f"COMMENT ON TABLE day.attendance.accounting IS '{day}'")
    # A later file without dates says nothing of the day that it is of.
    if is_dated:
        connection.execute(f"COMMENT ON COLUMN day.attendance.absences.date IS '{DATED}'")
    connection.execute("CHECKPOINT day")


def _is_of_before(connection: duckdb.DuckDBPyConnection, path: Path, today: date) -> bool:
    """Attach a published day as `other`, if it is of before today."""
    if not path.exists():
        return False
    with suppress(duckdb.Error):  # a damaged one says nothing
        attach(connection, path, "other", read_only=True)
        if "" < _day_of(connection, "other") < today.isoformat():
            return True
    connection.execute("DETACH DATABASE IF EXISTS other")
    return False


def _attach_published(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Attach `attendance.duckdb` as `earlier` and return the day that it is of."""
    try:
        attach(connection, path, "earlier", read_only=True)
    except duckdb.Error as error:
        raise EnvironmentFault(
            f"{path} cannot be read ({type(error).__name__}). Move it away, then run again: the"
            " ledger knows who was listed."
        ) from None
    return _day_of(connection, "earlier")


def _day_of(connection: duckdb.DuckDBPyConnection, catalog: str) -> str:
    """The day that an attached published file is of, in ISO."""
    row = connection.execute(
        "SELECT comment FROM duckdb_tables()"
        " WHERE database_name = $catalog AND table_name = 'accounting'",
        {"catalog": catalog},
    ).fetchone()
    return str(row[0]) if row else ""


def _attach_empty(connection: duckdb.DuckDBPyConnection) -> None:
    attach(connection, None, "earlier")
    create_empty(connection, "earlier", ATTENDANCE_TABLES)


def write_day(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    today: date,
    batch: NewBatch | None = None,
    *,
    is_dated: bool,
    sources: Iterable[Findings],
) -> None:
    """Write `attendance.duckdb`: the whole day so far, and what its last file had wrong.

    `earlier` is attached; `sources` are what was found of that file.
    """
    private_folder(path.parent)
    path.unlink(missing_ok=True)
    with connection.cursor() as own:
        bind_batch(own, today, batch)
        rows = count_rows(own, "attendance.absences")
        options = f"ROW_GROUP_SIZE {DAY_ROW_GROUP}, {published_options(rows)}"
        attach(own, path, "day", options=options)
        try:
            path.chmod(PRIVATE_FILE)
            own.execute(statement(__package__, "day"))
            create_empty(own, "day", ATTENDANCE_QUALITY)
            fill_quarantine(own, "day")
            fill_findings(own, "day", sources)
            _say_day(own, today.isoformat(), is_dated=is_dated)
        finally:
            own.execute("DETACH day")
    _sync(path)


def _sync(path: Path) -> None:
    try:
        sync_file(path)
    except OSError as error:
        raise disk_fault(error, f"write {path.name}") from None
