"""The watch: what nobody asked for and somebody must see.

For: `night_watch`, which ends runs whose process is gone, delivers alarms that could not be
delivered before, and is red while a drop cannot be looked at or a district's settings are wrong;
and `runs_that_died`, which raises an alarm for a run that could not say its end itself.
Belongs here: these two sensors. Does not belong here: what an alarm is (`alarms/`), and looking
at drops (`sensors.py`).
"""

from __future__ import annotations

import logging
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg
from sqlalchemy.engine import RowMapping

from connect_pipeline import alarms
from connect_pipeline.alarms.delivery import deliver
from connect_pipeline.alarms.words import RETENTION_JOB, Cause
from connect_pipeline.errors import ConnectError, SettingsError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home, partials_of, private_folder, replacing
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, Ledger, open_ledger
from connect_pipeline.locks import is_held
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.resources import is_refused
from connect_pipeline.outcomes import failed
from connect_pipeline.settings import DISTRICT_NAME, Settings
from connect_pipeline.settings_file import SoundSettings, load_sound_districts

log = logging.getLogger(__name__)

WATCH_SECONDS = 30
# A run takes its lock in its first seconds and tells Dagster its end in the last ones.
GONE_AFTER_SECONDS = 60
DELIVERY_SECONDS = 15
"""With a mail that was begun by then, within the minute that Dagster gives a sensor."""
NAMES_SHOWN = 10
TOLD_WITHIN_HOURS = 24
RUNS_LOOKED_AT, RUNS_OF_A_DISTRICT = 100, 4
"""How many that failed lately: the newest, and as many as when a server loses all at once."""

CUT_OFF = "The run's process is gone: it was killed, or the machine went down."


def watch_sensors(home: Home, sound: SoundSettings) -> list[dg.SensorDefinition]:
    """`night_watch` and `runs_that_died`."""
    told = sound.told

    @dg.sensor(
        name="night_watch",
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Red while a drop or settings cannot be read. Delivers alarms, ends dead runs.",
    )
    def night_watch(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        keep_readable_settings(home)
        with closing(open_ledger(home)) as ledger:
            ended = end_dead_runs(home, ledger, context.instance, sound.settings)
            tell_of_wrong_settings(ledger, sound)
            tell_of_dead_runs(home, ledger, context.instance, told)
            deliver(ledger, told, seconds=DELIVERY_SECONDS)
            for row in alarms.open_alarms(ledger):
                if row["district"] not in sound.wrong and _nobody_looks(told, row):
                    alarms.clear(ledger, row["district"], row["job"], list(Cause))
            # One that left the settings has not passed: it is there again when the district is.
            found = [row for row in alarms.open_alarms(ledger) if row["district"] in told.districts]
            undelivered = sum(row["messages"] for row in alarms.undelivered(ledger))
        closed = [str(row["district"]) for row in found if row["cause"] == Cause.NO_ACCESS.value]
        reds = [_wrong_settings(sound.wrong)] if sound.wrong else []
        if closed:
            reds.append(
                f"The drop of {_named(closed)} cannot be looked at, for a reason that does not"
                " pass by itself: `connect-pipeline doctor` says which."
            )
        if reds:
            raise dg.Failure(" ".join(reds), allow_retries=False)
        return dg.SkipReason(
            f"{len(found)} alarms are open, {undelivered} messages could not be delivered,"
            f" {len(ended)} dead runs were ended."
        )

    @dg.run_failure_sensor(
        name="runs_that_died",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="An alarm for a run that was killed, or could not even begin.",
    )
    def runs_that_died(context: dg.RunFailureSensorContext) -> None:
        with closing(open_ledger(home)) as ledger:
            tell_of_dead_run(ledger, told, context.instance, context.dagster_run)
            if _is_unbegun_retention(context.instance, context.dagster_run):
                _tell_of_dead_retention(ledger, told, "did_not_begin")

    return [night_watch, runs_that_died]


def settings_alarm(home: Home, error: SettingsError) -> dg.SensorDefinition | None:
    """`night_watch` while no settings can be read: it tells everybody whom the last ones named.

    None when none could be read before.
    """
    try:
        told = load_sound_districts(home.readable_settings_file).told
    except SettingsError:
        return None

    @dg.sensor(
        name="night_watch",
        minimum_interval_seconds=WATCH_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Red: districts.yaml cannot be read, so nothing runs for any district.",
    )
    def night_watch() -> dg.SkipReason:
        with closing(open_ledger(home)) as ledger:
            for name in told.districts:
                alarms.raise_alarm(ledger, told, name, CORE_JOB, Cause.SETTINGS, {"mistakes": 1})
            deliver(ledger, told, seconds=DELIVERY_SECONDS)
        raise dg.Failure(f"Nothing runs for any district. {error}", allow_retries=False)

    return night_watch


def keep_readable_settings(home: Home) -> None:
    """Keep a copy of settings that can be read, for the day on which a slip spoils them.

    The graph at hand may be of before that slip, so what is there now is read first.
    """
    copy = home.readable_settings_file
    try:
        content = home.settings_file.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            load_sound_districts(home.settings_file)
            private_folder(copy.parent)
            for left in partials_of(copy):
                left.unlink(missing_ok=True)  # of one that was killed
            with replacing(copy) as file:
                file.write(content)
    except (OSError, ConnectError) as error:
        log.warning("The settings could not be kept: %s", as_our_error(error))


def _nobody_looks(settings: Settings, alarm: RowMapping) -> bool:
    """Whether no run can end the alarm: its district takes no absences any more.

    Not to be asked of one whose settings are wrong: what it takes, nobody can read.
    """
    district = settings.districts.get(str(alarm["district"]))
    if district is None or alarm["job"] != ATTENDANCE_JOB:
        return False
    return not district.attendance.enabled


def _named(districts: list[str]) -> str:
    """The first of these districts by name, and how many more there are."""
    more = len(districts) - NAMES_SHOWN
    return ", ".join(districts[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _wrong_settings(wrong: dict[str, str]) -> str:
    """Which districts have wrong settings, and where, in one sentence."""
    districts = sorted(wrong)
    places = " ".join(line for name in districts[:NAMES_SHOWN] for line in wrong[name].splitlines())
    return f"Nothing runs for {_named(districts)} while their settings are wrong: {places}"


def tell_of_wrong_settings(ledger: Ledger, sound: SoundSettings) -> None:
    """Raise an alarm for each district that is left out, and end it when it is not any more."""
    for name, says in sound.wrong.items():
        codes = {"mistakes": len(says.splitlines())}
        alarms.raise_alarm(ledger, sound.told, name, CORE_JOB, Cause.SETTINGS, codes)
    for row in alarms.open_alarms(ledger):
        if row["cause"] == Cause.SETTINGS.value and row["district"] not in sound.wrong:
            alarms.clear(ledger, row["district"], CORE_JOB, [Cause.SETTINGS])


def tell_of_dead_run(
    ledger: Ledger, settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun
) -> None:
    """Raise an alarm for a run that has no end in the ledger. Others told it themselves.

    One whose steps said what they failed with did not die: the ledger took no more, as on a full
    disk.
    """
    name = run.tags.get(names.DISTRICT_TAG, "")
    job = names.JOB_KINDS.get(run.job_name)
    if job is None or name not in settings.districts or is_refused(run):
        return
    row = ledger.run(run.run_id)
    if row is not None and row["outcome"] != "running":
        return
    if row is None:  # noted, so that it is told of once
        ledger.start_run(run.run_id, name, job)
        kind, says = "did_not_begin", f"{name}: the run could not begin."
    else:
        kind, says = _fault_of(instance, run) or ("died", f"{name}: the run was cut off.")
    ledger.end_run(run.run_id, failed(), {}, says)
    alarms.raise_alarm(ledger, settings, name, job, Cause.FAILED, {kind: 1}, run_id=run.run_id)


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
    under_way = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for record in instance.get_run_records(dg.RunsFilter(statuses=under_way)):
        run = record.dagster_run
        if run.job_name not in (*names.JOB_KINDS, *names.LOCKED_JOBS):
            continue
        if _is_gone(home, ledger, record):
            name = run.tags.get(names.DISTRICT_TAG, "")
            if run.job_name in names.JOB_KINDS and name not in settings.districts:
                instance.add_run_tags(
                    run.run_id, {names.MAX_RETRIES_TAG: "0"}
                )  # it could only fail
            instance.report_run_failed(run, CUT_OFF)
            if run.job_name == names.RETENTION:
                _tell_of_dead_retention(ledger, settings, "died")
            log.warning("%s: run %s is gone", name or run.job_name, run.run_id)
            ended.append(run.run_id)
    return ended


def _is_unbegun_retention(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether this is a retention run that never began: one that did tells of its faults itself."""
    record = instance.get_run_record_by_id(run.run_id)
    return run.job_name == names.RETENTION and record is not None and record.start_time is None


def _tell_of_dead_retention(ledger: Ledger, settings: Settings, code: str) -> None:
    """What is over its age, and stays, is everybody's, and nobody sees it."""
    for district in settings.districts:
        alarms.raise_alarm(ledger, settings, district, RETENTION_JOB, Cause.FAILED, {code: 1})


def _is_gone(home: Home, ledger: Ledger, record: dg.RunRecord) -> bool:
    """Whether a run that was begun a while ago has no process: nobody has its lock."""
    run = record.dagster_run
    if _is_recent(record.start_time or time.time()):
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


def _is_recent(moment: float) -> bool:
    """Whether that was a moment ago. What is far ahead was long ago: the clock was set back."""
    return abs(time.time() - moment) < GONE_AFTER_SECONDS
