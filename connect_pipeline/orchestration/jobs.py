"""The two jobs that work on files. A run is one job for one district.

Belongs here: which assets a job selects. Does not belong here: in how many processes it runs
(`definitions.py`), and when (`schedules.py`, `sensors.py`).
"""

from __future__ import annotations

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from connect_pipeline.orchestration import names

# When Dagster tries a run again whose process died, then all of it: a run is a whole one.
ALL_STEPS = {names.RETRY_STRATEGY_TAG: "ALL_STEPS"}


def jobs(
    nightly: list[dg.AssetsDefinition], attendance: list[dg.AssetsDefinition]
) -> list[UnresolvedAssetJobDefinition]:
    """`nightly_sync` and `attendance_alerts`."""
    return [
        dg.define_asset_job(
            names.NIGHTLY_SYNC,
            selection=dg.AssetSelection.assets(*nightly),
            description="Fetch, check and publish a district's core set.",
            tags=ALL_STEPS,
        ),
        dg.define_asset_job(
            names.ATTENDANCE_ALERTS,
            selection=dg.AssetSelection.assets(*attendance),
            description="Fetch a district's absences and list who must be told.",
            tags={names.PRIORITY_TAG: names.ATTENDANCE_PRIORITY, **ALL_STEPS},
        ),
    ]
