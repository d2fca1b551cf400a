"""The job `retention` and its daily schedule: what is over its age goes, Dagster's runs too.

Belongs here: the job, its schedule, Dagster's own old runs. Does not belong here: ages and files
(`run/retention.py`).
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import dagster as dg
import sqlalchemy as sa
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from connect_pipeline import alarms
from connect_pipeline.alarms.words import RETENTION_JOB, Cause
from connect_pipeline.errors import ConnectError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import now, open_ledger
from connect_pipeline.orchestration import names
from connect_pipeline.process.locks import locked, under_way
from connect_pipeline.run.retention import purge
from connect_pipeline.settings import Keep, Settings

log = logging.getLogger(__name__)

RUNS_AT_ONCE = 500

EVERYBODYS = "all districts"
"""Whose fault it is, when it is no single district's: what is old stays."""

# Early in the morning in all of the United States, after every district's night.
DAILY = "0 10 * * *"


def retention_job(home: Home, settings: Settings) -> dg.JobDefinition:
    """Purge every district. One whose disk refuses does not keep the others waiting."""

    @dg.op(description="Removes received files, snapshots, reports, lists and rows that are old.")
    def purge_districts(context: dg.OpExecutionContext) -> None:
        faults: dict[str, ConnectError] = {}
        try:
            with under_way(home.job_lock(names.RETENTION)):
                purge_all(context, faults)
        except Exception as error:
            faults[EVERYBODYS] = as_our_error(error)
        for name in settings.districts:
            _tell(home, settings, name, faults.get(name) or faults.get(EVERYBODYS))
        if faults:
            says = "; ".join(f"{whose}: {fault}" for whose, fault in faults.items())
            raise dg.Failure(says, allow_retries=False)

    def purge_all(context: dg.OpExecutionContext, faults: dict[str, ConnectError]) -> None:
        for name, district in settings.districts.items():
            try:
                with locked(home, name), closing(open_ledger(home)) as ledger:
                    gone = purge(home, ledger, name, district, now())
            except Exception as error:
                faults[name] = as_our_error(error)
                continue
            context.log.info(f"{name}: {', '.join(f'{what} {n}' for what, n in gone.items())}")
        context.log.info(f"dagster_runs {_remove_runs(context.instance, settings)}")

    @dg.job(
        name=names.RETENTION,
        description="Remove what is over its age (settings: keep).",
    )
    def retention() -> None:
        purge_districts()

    return retention


def _tell(home: Home, settings: Settings, name: str, fault: ConnectError | None) -> None:
    """Raise an alarm, or end it: what is over its age, and stays, is a breach that nobody sees."""
    try:
        with closing(open_ledger(home)) as ledger:
            if fault is None:
                alarms.clear(ledger, name, RETENTION_JOB, [Cause.FAILED])
            else:
                codes = {fault.kind: 1}
                alarms.raise_alarm(ledger, settings, name, RETENTION_JOB, Cause.FAILED, codes)
    except ConnectError as error:
        log.error("%s: no alarm could be raised: %s", name, error)


def retention_schedule() -> dg.ScheduleDefinition:
    """Once a day."""
    return dg.ScheduleDefinition(
        name=f"{names.RETENTION}_daily",
        job_name=names.RETENTION,
        cron_schedule=DAILY,
        execution_timezone="UTC",
        description="What is over its age goes, by each district's settings (`keep`).",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


def _remove_runs(instance: dg.DagsterInstance, settings: Settings) -> int:
    """Dagster's record of old runs, how many: 1.13 has no retention for runs itself.

    What is of no district, or of one that left the settings, stays as long as is usual.
    """
    moment, usual = now(), Keep().ledger_days
    days = {name: district.keep.ledger_days for name, district in settings.districts.items()}
    old: list[str] = []
    for kept in {*days.values()}:
        tags = {names.DISTRICT_TAG: [name for name in days if days[name] == kept]}
        old += (run.run_id for run in _runs_before(instance, moment - timedelta(days=kept), tags))
    old += (
        run.run_id
        for run in _runs_before(instance, moment - timedelta(days=usual), {})
        if run.tags.get(names.DISTRICT_TAG) not in days
    )
    for run_id in old:
        instance.delete_run(run_id)
    _remove_check_executions(instance, old)
    return len(old)


def _runs_before(
    instance: dg.DagsterInstance, moment: datetime, tags: dict[str, list[str]]
) -> Iterator[dg.DagsterRun]:
    """Runs that ended and were made before then, newest first, read some at a time."""
    old = dg.RunsFilter(statuses=FINISHED_STATUSES, created_before=moment, tags=tags)
    cursor = None
    while runs := instance.get_runs(old, cursor=cursor, limit=RUNS_AT_ONCE):
        yield from runs
        cursor = runs[-1].run_id


def _remove_check_executions(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """What these runs evaluated, but for the last of each check, which its page shows.

    `delete_run` (1.13) leaves them, some thirty for each night.
    """
    storage, table = instance.event_log_storage, AssetCheckExecutionsTable
    if not isinstance(storage, SqlEventLogStorage):
        return
    last = sa.select(sa.func.max(table.c.id)).group_by(
        table.c.asset_key, table.c.check_name, table.c.partition
    )
    for start in range(0, len(run_ids), RUNS_AT_ONCE):
        some = table.c.run_id.in_(run_ids[start : start + RUNS_AT_ONCE])
        with storage.index_connection() as connection:
            connection.execute(sa.delete(table).where(some, table.c.id.not_in(last)))
