"""Dagster's own SQLite storage, also below a path with a `%`.

For: finding its databases. Dagster (1.13) pastes paths into database URLs, where `%41` is an A.
`dagster.yaml` names this module, so that the commands, the web server and the daemon all look in
the same place.
Belongs here: that one repair. Does not belong here: what Dagster stores.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

__all__ = ["DagsterSqliteStorage"]


def database_url(base_dir: str, db_name: str) -> str:
    """The URL of a SQLite database, with its path escaped."""
    path = Path(base_dir).absolute() / f"{db_name}.db"
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


for _module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
    _module.create_db_conn_string = database_url  # type: ignore[attr-defined]
