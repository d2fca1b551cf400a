"""What begins by itself in Dagster: whether somebody turned it off, and when the daemon was seen.

For: `doctor`. A sensor that was turned off in the UI fetches nothing and says nothing.
Belongs here: what Dagster's instance knows of our sensors and schedules. Does not belong here: what
they do (`sensors.py`, `schedules.py`, `watch.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime

from connect_pipeline.definitions import build_defs
from connect_pipeline.errors import SettingsError
from connect_pipeline.home import Home
from connect_pipeline.ledger import now, stamp
from connect_pipeline.orchestration.instance import dagster_home, is_new
from connect_pipeline.orchestration.launch import dagster_instance

SENSORS = "SENSOR"
"""Of Dagster's daemons the one that looks for files."""


def examine_automation(home: Home) -> str:
    """Say when the daemon was last seen. Raises `SettingsError` when anything is turned off."""
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
    seen = datetime.fromtimestamp(heartbeat.timestamp, UTC)
    return f"all are on; the daemon was last seen {stamp(min(seen, now()))}"
