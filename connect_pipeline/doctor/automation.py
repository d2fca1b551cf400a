"""What begins by itself in Dagster: whether somebody turned it off, and when the daemon was seen.

For: `doctor`. A sensor that was turned off in the UI fetches nothing and says nothing.
Belongs here: what Dagster's instance knows of our sensors and schedules. Does not belong here: what
they do (`orchestration/`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connect_pipeline.definitions import build_defs
from connect_pipeline.errors import EnvironmentFault, SettingsError
from connect_pipeline.home import Home
from connect_pipeline.ledger import now, stamp
from connect_pipeline.orchestration.instance import dagster_home, is_new
from connect_pipeline.orchestration.open_instance import dagster_instance

SENSORS = "SENSOR"
"""Of Dagster's daemons the one that looks for files."""
SEEN_WITHIN = timedelta(minutes=10)
"""It says each half minute that it is there, but not while a sensor is at work: each of ours has a
minute. Dagster itself (1.13) waits for half an hour, in which a day's absences come and go."""


def examine_automation(home: Home) -> str:
    """Say when the daemon was last seen.

    Raises `SettingsError` when anything is turned off, `EnvironmentFault` when the daemon is down.
    Where none ever ran it is not missed: commands by cron need none.
    """
    if is_new(dagster_home(home)):
        return "Dagster has not run here yet"
    defs = build_defs(home)
    ours = {one.name for one in (*(defs.schedules or ()), *(defs.sensors or ()))}
    with dagster_instance(home) as instance:
        off = sorted(
            {
                state.instigator_name
                for state in instance.all_instigator_state()
                if state.status.name == "STOPPED"
            }
            & ours
        )
        heartbeat = instance.get_daemon_heartbeats().get(SENSORS)
    if off:
        raise SettingsError(
            f"turned off in Dagster: {', '.join(off)}. What they look for, or tell of, nobody does"
            " until somebody turns them on: in the UI, under Automation."
        )
    if heartbeat is None:
        return "all are on; no daemon has run here, and without one none of them begins"
    moment = now()
    seen = min(datetime.fromtimestamp(heartbeat.timestamp, UTC), moment)
    if moment - seen > SEEN_WITHIN:
        raise EnvironmentFault(
            f"Dagster's daemon is down: it was last seen {stamp(seen)}. Nothing begins by itself,"
            " and no alarm is raised, until it is started again. Where it is to stay away, forget"
            " it by `dagster-daemon wipe`."
        )
    return f"all are on; the daemon was last seen {stamp(seen)}"
