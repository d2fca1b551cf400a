"""Dagster's event log in one SQLite file, over connections that stay open.

For: start-up. Dagster's own SQLite logs open a connection anew, with an engine that has compiled
nothing yet, for each of the 140 events of a nightly run: about a second (docs/decisions.md).
`dagster.yaml` names this class.
Belongs here: how connections are made, and how news is found. Does not belong here: what is stored,
which is Dagster's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from dagster._core.event_api import EventHandlerFn
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._serdes import ConfigurableClassData

LOCK_SECONDS = 60


class EventLog(ConsolidatedSqliteEventLogStorage):
    """The log at `<DAGSTER_HOME>/events`."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No options."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """As Dagster makes it from `dagster.yaml`."""
        return cls(str(Path(os.environ["DAGSTER_HOME"]) / "events"), inst_data=inst_data)

    @cached_property
    def _engine(self) -> sa.Engine:
        engine = sa.create_engine(
            self._conn_string,
            max_overflow=-1,  # as many connections as the web server has threads
            connect_args={"timeout": LOCK_SECONDS},
        )
        # A power cut may take the last events from the UI; what counts is in our own ledger.
        sa.event.listen(
            engine, "connect", lambda made, _: made.execute("PRAGMA synchronous = NORMAL")
        )
        return engine

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            yield connection

    @cached_property
    def _watcher(self) -> SqlPollingEventWatcher:
        return SqlPollingEventWatcher(self)

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Tell `callback` of a run's events as they come: the run's page in the UI.

        By asking, as on Postgres: a file that has connections open does not show that it changed.
        """
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: EventHandlerFn) -> None:
        """Tell it no more."""
        self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        """Close the connections."""
        self._watcher.close()
        self._engine.dispose()
