"""Deadlines that passed while a district's settings were wrong: asked for once they are right.

A schedule of a district that is left out of the graph is none, and Dagster (1.13) makes up for
nothing of one that is new: nobody would hear what was missing or stale at that deadline.

For: the sensors, which look at the districts whose settings are right. Belongs here: which deadline
was missed, by the alarm that was open then. Does not belong here: deadlines that pass while the
daemon is down, which its scheduler makes up for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import dagster as dg
from sqlalchemy.engine import RowMapping

from connect_pipeline import alarms
from connect_pipeline.attendance.school_days import expects_attendance
from connect_pipeline.drop.deadlines import attendance_due_before, deadline_before
from connect_pipeline.ledger import Ledger, stamp
from connect_pipeline.orchestration import names
from connect_pipeline.orchestration.schedules import deadline_text
from connect_pipeline.settings import District

UNSEEN = timedelta(minutes=2)
"""From a slip in the settings, of which the graph hears within a minute, to its alarm."""


def missed_deadlines(
    ledger: Ledger,
    instance: dg.DagsterInstance,
    job: str,
    districts: Mapping[str, District],
    at: datetime,
) -> list[dg.RunRequest]:
    """A deadline's run of the job for each of these districts whose last one nobody asked for."""
    asked: dict[str, dg.RunRequest] = {}
    for row in alarms.about_settings(ledger, since=at - timedelta(days=1)):
        name = str(row["district"])
        due = _last_due(job, districts[name], at) if name in districts else None
        if due is None or not _was_open(row, due) or at < due + UNSEEN:
            continue
        moment = deadline_text(due)
        tags = {names.DEADLINE_TAG: moment}
        of_it = dg.RunsFilter(job_name=job, tags={names.DISTRICT_TAG: name, **tags})
        if not instance.get_runs(of_it, limit=1):
            asked[name] = dg.RunRequest(f"{name}:{moment}", partition_key=name, tags=tags)
    return list(asked.values())


def _was_open(alarm: RowMapping, due: datetime) -> bool:
    cleared = alarm["cleared_at"]
    return alarm["raised_at"] <= stamp(due + UNSEEN) and (cleared is None or cleared >= stamp(due))


def _last_due(job: str, district: District, at: datetime) -> datetime | None:
    if job == names.NIGHTLY_SYNC:
        return deadline_before(at, district)
    if not expects_attendance(district.day_of(at), district.attendance):
        return None
    return attendance_due_before(at, district)
