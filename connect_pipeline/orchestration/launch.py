"""Running a job for a district in this process, on the instance where every run shows in the UI.

For: the commands. Belongs here: the instance, and what a finished run tells. Does not belong
here: what a run does (`run/district_run.py`).
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from connect_pipeline.definitions import build_defs
from connect_pipeline.disk import remove_tree
from connect_pipeline.errors import ConnectError, EnvironmentFault
from connect_pipeline.home import Home
from connect_pipeline.ledger import open_ledger
from connect_pipeline.orchestration.instance import dagster_home
from connect_pipeline.outcomes import failed, outcome_exit_code
from connect_pipeline.process.locks import file_locked

DATABASES = ("history", "schedules", "events")
"""Folders of an instance's databases on SQLite."""

STOPPED = (dg.DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__)
"""What Dagster's events call it when somebody stopped a run."""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# When the files are the same as published, all later steps are skipped, and Dagster (1.13)
# warns once for each of their blocking checks that nothing gates the step behind it: skipped, too.
logging.getLogger("dagster._core.execution.plan.active").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Finished:
    """A run that has ended: what became of it, in one word and one sentence."""

    district: str
    run_id: str
    outcome: str
    message: str
    codes: dict[str, int]
    is_stopped: bool = False
    """Somebody stopped it, as by Ctrl-C, who wants no other run instead."""

    @property
    def exit_code(self) -> int:
        """The command's exit code (DESIGN section 8)."""
        return outcome_exit_code(self.outcome)


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


def run_job(home: Home, job: str, district: str) -> Finished:
    """Run `job` for a district of the settings and wait. Never raises for what the run came to."""
    defs = build_defs(home)
    with dagster_instance(home) as instance:
        result = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            partition_key=district,
            raise_on_error=False,
            run_config=QUIET,
        )
    with closing(open_ledger(home)) as ledger:
        row = ledger.run(result.run_id)
    is_stopped = any(error.cls_name in STOPPED for error in _errors(result))
    if row is None:  # the run could not begin: its lock or its settings, or it was stopped before
        says = _first_error(result)
        if is_stopped:
            says = f"{district}: stopped before it began. What is published stays."
        return Finished(district, result.run_id, failed(), says, {}, is_stopped)
    message = str(row["message"])
    if not result.success and not message:
        stopped = f"{district}: stopped when all was done."
        message = stopped if is_stopped else _first_error(result)
    outcome, codes = str(row["outcome"]), dict(row["codes"])
    return Finished(district, result.run_id, outcome, message, codes, is_stopped)


def _first_error(result: dg.ExecuteInProcessResult) -> str:
    """The sentence of the first failure: ours where there is one, else only its kind."""
    ours = {kind.__name__ for kind in _kinds(ConnectError)}
    for error in _errors(result):
        if error.cls_name in ours:
            return str(error.message).split(": ", 1)[-1].strip()
    return (
        "The run ended without a word: it was stopped, or could not begin."
        " Dagster's log of the run has the steps."
    )


def _errors(result: dg.ExecuteInProcessResult) -> Iterator[Any]:
    """The errors of a run's events (Dagster's `SerializableErrorInfo`), each before its cause."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        while error is not None:
            yield error
            error = error.cause


def _kinds(kind: type[ConnectError]) -> list[type[ConnectError]]:
    return [kind, *(more for sub in kind.__subclasses__() for more in _kinds(sub))]
