"""Our Dagster instance, opened: its databases are made whole, or not at all.

For: the commands. Belongs here: that two of them never make the same databases, and what a kill
left of those is made anew. Does not belong here: where the instance is (`instance.py`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import dagster as dg

from connect_pipeline.disk import remove_tree
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.orchestration.instance import dagster_home
from connect_pipeline.process.locks import file_locked

DATABASES = ("history", "schedules", "events")
"""Folders of an instance's databases on SQLite."""


def dagster_instance(home: Home) -> dg.DagsterInstance:
    """Our Dagster instance. Two processes that make its databases at once would both fill them.

    Raises `EnvironmentFault` when its `dagster.yaml` is wrong or its database cannot be reached.
    """
    folder = dagster_home(home)
    lock = folder / "connect.lock"
    with (
        file_locked(lock, f"Another process has held {lock} for too long. Wait for it to end."),
        _made_whole(folder),
    ):
        try:
            instance = dg.DagsterInstance.get()
            # Nothing looks into this one before a run's first event.
            instance.event_log_storage.get_maximum_record_id()
            return instance
        except Exception as error:
            # What Dagster says of it may quote a password.
            raise EnvironmentFault(
                f"Dagster's instance in {folder} cannot be opened ({type(error).__name__}). Check"
                " its dagster.yaml, the database that this names, and the disk. `dagster instance"
                " info` says why."
            ) from None


@contextmanager
def _made_whole(folder: Path) -> Iterator[None]:
    """See to it that Dagster's databases are made as a whole: it does not finish half-made ones.

    While they are made, a file says so. Where a kill left that file, or Dagster refuses, what there
    is of them goes, unless somebody has made them whole since and there are runs in them.
    """
    being_made = folder / "being_made"
    if being_made.exists() and not _has_runs(folder):
        _remove_databases(folder)
    is_new = not any((folder / name).exists() for name in DATABASES)
    if is_new:
        being_made.touch()
    try:
        yield
    except BaseException:
        if is_new:
            _remove_databases(folder)
            being_made.unlink(missing_ok=True)
        raise
    being_made.unlink(missing_ok=True)


def _remove_databases(folder: Path) -> None:
    for name in DATABASES:
        remove_tree(folder / name)


def _has_runs(folder: Path) -> bool:
    database = folder / "history" / "runs.db"
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
    except sqlite3.Error:  # there is no such file or table
        return False
