"""Dead runs: those whose process is gone, and those that ended without a word.

For: the sensors of `watch.py`. Dagster is told that a run whose process is gone has failed, and
somebody of a run that could not say its end itself.
Belongs here: telling such a run from one that is at work. Does not belong here: what a run says of
its own end (`run/telling.py`).
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

import dagster as dg

from connect_pipeline import alarms
from connect_pipeline.alarms.words import RETENTION_JOB, Cause
from connect_pipeline.home import Home
from connect_pipeline.ledger import Ledger
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.resources import is_refused
from connect_pipeline.outcomes import failed
from connect_pipeline.process.locks import is_held
from connect_pipeline.settings import DISTRICT_NAME, Settings

log = logging.getLogger(__name__)

# A run takes its lock in its first seconds and tells Dagster its end in the last ones.
GONE_AFTER_SECONDS = 60
STARTS_WITHIN_SECONDS = 120
"""Loading takes a process some ten seconds, and longer where many begin at once. One that comes
later still sees that its run has ended, and leaves it."""
TOLD_WITHIN_HOURS = 24
RUNS_LOOKED_AT, RUNS_OF_A_DISTRICT = 100, 4
"""How many that failed lately: the newest, and as many as when a server loses all at once."""

CUT_OFF = "The run's process is gone: it was killed, or the machine went down."


def tell_of_dead_run(
    ledger: Ledger, settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    """Raise an alarm for a run that has no end in the ledger. Others told it themselves.

    One whose steps said what they failed with did not die: the ledger took no more, as on a full
    disk. If not even its beginning is in the ledger, which comes before its first step, that row
    was lost since, and with it what was told of it.
    """
    name = run.tags.get(names.DISTRICT_TAG, "")
    job = names.JOB_KINDS.get(run.job_name)
    if job is None or name not in settings.districts or is_refused(run):
        return
    row = ledger.run(run.run_id)
    if row is not None and row["outcome"] != "running":
        return
    had_begun = row is not None or _has_events(instance, run, dg.DagsterEventType.STEP_START)
    if row is None:
        if had_begun and _has_events(instance, run, dg.DagsterEventType.STEP_FAILURE):
            return
        ledger.start_run(run.run_id, name, job)  # noted, so that it is told of once
    if not had_begun:
        kind, says = "did_not_begin", f"{name}: the run could not begin."
    else:
        kind, says = _fault_of(instance, run) or ("died", f"{name}: the run was cut off.")
    ledger.end_run(run.run_id, failed(), {}, says)
    alarms.raise_alarm(ledger, settings, name, job, Cause.FAILED, {kind: 1}, run_id=run.run_id)


def _has_events(
    instance: dg.DagsterInstance, run: dg.DagsterRun, of_type: dg.DagsterEventType
) -> bool:
    """Whether Dagster keeps an event of this type of the run."""
    return bool(instance.get_records_for_run(run.run_id, of_type=of_type, limit=1).records)


def _fault_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, str] | None:
    """What a step of the run said that it failed with: the kind of fault, and the sentence."""
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.get_dagster_event()
        said = event.step_failure_data.user_failure_data if event is not None else None
        fault = said.metadata.get("kind") if said is not None else None
        if said is not None and fault is not None:
            return str(fault.value), said.description or ""
    return None


def tell_of_dead_runs(
    home: Home, ledger: Ledger, instance: dg.DagsterInstance, settings: Settings
) -> None:
    """Tell of those that `runs_that_died` could not tell of: Dagster asks it once for each run.

    One that has just failed may still be saying so itself, and one that was marked as cancelled may
    still be at work.
    """
    lately = datetime.now(UTC) - timedelta(hours=TOLD_WITHIN_HOURS)
    # Whoever cancels a run in the queue may not know whose absences it would have listed.
    ended = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    unfinished = dg.RunsFilter(statuses=ended, updated_after=lately)
    limit = max(RUNS_LOOKED_AT, RUNS_OF_A_DISTRICT * len(settings.districts))
    for record in instance.get_run_records(unfinished, limit=limit):
        run = record.dagster_run
        if not (_is_recent(record.update_timestamp.timestamp()) or _is_district_at_work(home, run)):
            tell_of_dead_run(ledger, settings, instance, run)


def end_dead_runs(
    home: Home, ledger: Ledger, instance: dg.DagsterInstance, settings: Settings
) -> list[str]:
    """Tell Dagster of runs whose process is gone; their IDs.

    Otherwise they count as under way for ever: the queue lets no other run of their district begin,
    and with a few of them none at all, so those of districts that left the settings end, too.
    Dagster's default launcher (1.13) notices a dead process only while the server that
    started it lives, and a command's never. A launcher that can tell by itself is left to it.
    """
    if instance.run_launcher.supports_check_run_worker_health:
        return []
    ended = []
    under_way = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    for record in instance.get_run_records(dg.RunsFilter(statuses=under_way)):
        run = record.dagster_run
        if run.job_name not in (*names.JOB_KINDS, *names.LOCKED_JOBS):
            continue
        if _is_gone(home, ledger, record):
            name = run.tags.get(names.DISTRICT_TAG, "")
            if run.job_name in names.JOB_KINDS and name not in settings.districts:
                # Another try could only fail.
                instance.add_run_tags(run.run_id, {names.MAX_RETRIES_TAG: "0"})
            instance.report_run_failed(run, CUT_OFF)
            if run.job_name == names.RETENTION:
                _tell_of_dead_retention(ledger, settings, "died")
            log.warning("%s: run %s is gone", name or run.job_name, run.run_id)
            ended.append(run.run_id)
    return ended


def tell_of_unbegun_retention(
    ledger: Ledger, settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    """Tell of a retention run that never began: one that did tells of its faults itself."""
    if run.job_name != names.RETENTION:
        return
    record = instance.get_run_record_by_id(run.run_id)
    if record is not None and record.start_time is None:
        _tell_of_dead_retention(ledger, settings, "did_not_begin")


def _tell_of_dead_retention(ledger: Ledger, settings: Settings, code: str) -> None:
    """What is over its age, and stays, is everybody's, and nobody sees it."""
    for district in settings.districts:
        alarms.raise_alarm(ledger, settings, district, RETENTION_JOB, Cause.FAILED, {code: 1})


def _is_gone(home: Home, ledger: Ledger, record: dg.RunRecord) -> bool:
    """Whether a run that was begun or launched a while ago has no process: nobody has its lock."""
    run = record.dagster_run
    if record.start_time is None:
        if run.status is dg.DagsterRunStatus.CANCELING:  # Dagster's to end: it is not tried again
            return False
        launched_at = record.update_timestamp.timestamp()
        if _is_recent(launched_at, STARTS_WITHIN_SECONDS):
            return False
    elif _is_recent(record.start_time):
        return False
    if run.job_name in names.LOCKED_JOBS:
        path = home.job_lock(run.job_name)
        # It is touched when the work is over, and telling Dagster takes a moment.
        return not is_held(path) and not (path.exists() and _is_recent(path.stat().st_mtime))
    row = ledger.run(run.run_id)
    ended_at = row["ended_at"] if row is not None and row["outcome"] != "running" else None
    if ended_at is not None and _is_recent(datetime.fromisoformat(ended_at).timestamp()):
        return False
    # One that has ended hands its report back, which takes minutes when that server is slow.
    return not _is_district_at_work(home, run)


def _is_district_at_work(home: Home, run: dg.DagsterRun) -> bool:
    """Whether this run, or another of its district, has a process: it has the lock."""
    name = run.tags.get(names.DISTRICT_TAG, "")
    return DISTRICT_NAME.fullmatch(name) is not None and is_held(home.lock(name))


def _is_recent(moment: float, seconds: float = GONE_AFTER_SECONDS) -> bool:
    """Whether that was a moment ago. What is far ahead was long ago: the clock was set back."""
    return abs(time.time() - moment) < seconds
