"""The schedules: what is due when, per district and in its time zone.

For: a nightly run at the deadline with what is there, and an attendance run when the file is due:
even when one came in time, for nobody knows here whether a sensor could look since then. Both runs
know by a tag that they are a deadline's, and say what is missing or stale.
Belongs here: asking for these runs. Does not belong here: the times (`drop/deadlines.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from connect_pipeline.attendance.school_days import expects_attendance
from connect_pipeline.drop.deadlines import attendance_due
from connect_pipeline.orchestration import names
from connect_pipeline.settings import District, Settings


def deadline_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The deadline of each district, and when its attendance file is due."""
    schedules = []
    for name, district in settings.districts.items():
        schedules.append(_deadline(name, district))
        if district.attendance.enabled and district.attendance.send_at:
            schedules.append(_attendance_due(name, district))
    return schedules


def _deadline(name: str, district: District) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"deadline_{_safe(name)}",
        job_name=names.NIGHTLY_SYNC,
        cron_schedule=f"{district.deadline.minute} {district.deadline.hour} * * *",
        execution_timezone=district.timezone,
        description=f"The nightly run of {name} at its deadline, with what is there.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def deadline(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return _request(name, context.scheduled_execution_time)

    return deadline


def _attendance_due(name: str, district: District) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"attendance_due_{_safe(name)}",
        job_name=names.ATTENDANCE_ALERTS,
        cron_schedule=[f"{due.minute} {due.hour} * * *" for due in attendance_due(district)],
        execution_timezone=district.timezone,
        description=f"Half an hour before {name} sends, on its school days: is the attendance file"
        " there?",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        if not expects_attendance(district.day_of(moment), district.attendance):
            return dg.SkipReason("No school today.")
        return _request(name, moment)

    return due


def _request(name: str, due: datetime) -> dg.RunRequest:
    moment = deadline_text(due)
    return dg.RunRequest(
        run_key=moment,
        partition_key=name,
        tags={names.DEADLINE_TAG: moment},
    )


def deadline_text(due: datetime) -> str:
    """A deadline as its runs are tagged with it, by which they are found again (`missed.py`)."""
    return due.astimezone(UTC).isoformat()


def _safe(name: str) -> str:
    """A district's name as Dagster allows it in the name of a schedule."""
    return name.replace("-", "_")
