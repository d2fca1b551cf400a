"""The watch: what nobody asked for and somebody must see.

For: `night_watch`, which ends runs whose process is gone, delivers alarms that could not be
delivered before, and is red while a drop cannot be looked at or a district's settings are wrong;
and `runs_that_died`, which raises an alarm for a run that could not say its end itself.
Belongs here: these two sensors, and alarms of wrong settings. Does not belong here: which runs are
dead (`dead_runs.py`) or could not say their end (`untold.py`), what an alarm is (`alarms/`), and
looking at drops (`sensors.py`).
"""

from __future__ import annotations

import logging
from contextlib import closing

import dagster as dg

from connect_pipeline import alarms
from connect_pipeline.alarms.delivery import deliver
from connect_pipeline.alarms.words import Cause
from connect_pipeline.disk import partials_of, private_folder, replacing
from connect_pipeline.errors import ConnectError, SettingsError
from connect_pipeline.foreign_errors import as_our_error
from connect_pipeline.home import Home
from connect_pipeline.ledger import ATTENDANCE_JOB, CORE_JOB, Ledger, open_ledger
from connect_pipeline.orchestration.dead_runs import (
    end_dead_runs,
    tell_of_dead_run,
    tell_of_dead_runs,
    tell_of_unbegun_retention,
)
from connect_pipeline.orchestration.short_list import NAMES_SHOWN, short_list
from connect_pipeline.orchestration.untold import tell_of_untold_ends
from connect_pipeline.settings_file import SoundSettings, load_sound_districts

log = logging.getLogger(__name__)

WATCH_SECONDS = 30
DELIVERY_SECONDS = 15
"""With a mail that was begun by then, within the minute that Dagster gives a sensor."""


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
            tell_of_untold_ends(home, ledger, told)
            deliver(ledger, told, seconds=DELIVERY_SECONDS)
            end_alarms_of_nobody(ledger, sound)
            # One that left the settings has not passed: it is there again when the district is.
            found = [row for row in alarms.open_alarms(ledger) if row["district"] in told.districts]
            undelivered = sum(row["messages"] for row in alarms.undelivered(ledger))
        closed = [str(row["district"]) for row in found if row["cause"] == Cause.NO_ACCESS.value]
        reds = [_wrong_settings(sound.wrong)] if sound.wrong else []
        if closed:
            reds.append(
                f"The drop of {short_list(closed)} cannot be looked at, for a reason that does not"
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
            tell_of_unbegun_retention(ledger, told, context.instance, context.dagster_run)

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


def end_alarms_of_nobody(ledger: Ledger, sound: SoundSettings) -> None:
    """End the alarms that no run can end: their district takes no absences any more.

    What a district with wrong settings takes, nobody can read.
    """
    for row in alarms.open_alarms(ledger):
        name = str(row["district"])
        district = sound.told.districts.get(name)
        if row["job"] != ATTENDANCE_JOB or district is None or name in sound.wrong:
            continue
        if not district.attendance.enabled:
            alarms.clear(ledger, name, ATTENDANCE_JOB, list(Cause))


def _wrong_settings(wrong: dict[str, str]) -> str:
    """Which districts have wrong settings, and where, in one sentence."""
    districts = sorted(wrong)
    places = " ".join(line for name in districts[:NAMES_SHOWN] for line in wrong[name].splitlines())
    return f"Nothing runs for {short_list(districts)} while their settings are wrong: {places}"


def tell_of_wrong_settings(ledger: Ledger, sound: SoundSettings) -> None:
    """Raise an alarm for each district that is left out, and end it when it is not any more."""
    for name, says in sound.wrong.items():
        codes = {"mistakes": len(says.splitlines())}
        alarms.raise_alarm(ledger, sound.told, name, CORE_JOB, Cause.SETTINGS, codes)
    for row in alarms.open_alarms(ledger, cause=Cause.SETTINGS):
        if row["district"] not in sound.wrong:
            alarms.clear(ledger, row["district"], CORE_JOB, [Cause.SETTINGS])
