"""The whole graph in one screen: what Dagster loads.

`build_defs` returns fresh definitions, so that tests and commands give their own home without
patching anything.

Belongs here: the assembly. Does not belong here: any part of it (`orchestration/`).
"""

from __future__ import annotations

import dagster as dg

from connect_pipeline.errors import SettingsError
from connect_pipeline.home import Home
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.absences import attendance_assets
from connect_pipeline.orchestration.decide_hold import decide_hold_job
from connect_pipeline.orchestration.instance import warn_of_defaults
from connect_pipeline.orchestration.jobs import jobs
from connect_pipeline.orchestration.lunch import lunch_assets
from connect_pipeline.orchestration.nightly import nightly_assets
from connect_pipeline.orchestration.resources import DistrictRuns
from connect_pipeline.orchestration.retention import retention_job, retention_schedule
from connect_pipeline.orchestration.schedules import deadline_schedules
from connect_pipeline.orchestration.sensors import arrival_sensors
from connect_pipeline.orchestration.watch import settings_alarm, watch_sensors
from connect_pipeline.process.private import keep_private
from connect_pipeline.settings_file import load_sound_districts


def build_defs(home: Home) -> dg.Definitions:
    """The definitions for the districts of `home`. Raises `SettingsError` when it has none.

    A district whose section of the settings is wrong is left out; `night_watch` tells of it.
    """
    sound = load_sound_districts(home.settings_file)
    settings = sound.settings
    districts = dg.StaticPartitionsDefinition(sorted(settings.districts))
    nightly = [*nightly_assets(districts), *lunch_assets(districts)]
    attendance = attendance_assets(districts)
    parts = {names.NIGHTLY_SYNC: nightly, names.ATTENDANCE_ALERTS: attendance}
    runs = DistrictRuns(
        home=str(home.root),
        assets={
            job: [key.to_user_string() for asset in assets for key in asset.keys]
            for job, assets in parts.items()
        },
        steps={job: [asset.op.name for asset in assets] for job, assets in parts.items()},
    )
    return dg.Definitions(
        assets=[*nightly, *attendance],
        jobs=[
            *jobs(nightly, attendance),
            decide_hold_job(home, districts),
            retention_job(home, settings),
        ],
        schedules=[*deadline_schedules(settings), retention_schedule()],
        sensors=[*arrival_sensors(home, settings), *watch_sensors(home, sound)],
        resources={"run": runs},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions for CONNECT_HOME, as Dagster's own processes load them."""
    keep_private()
    warn_of_defaults()
    home = Home.from_environment()
    try:
        return build_defs(home)
    except SettingsError as error:
        alarm = settings_alarm(home, error)
        if alarm is None:
            raise
        return dg.Definitions(sensors=[alarm])
