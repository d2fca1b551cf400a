"""Deadlines: when the files of a night, and of a day, are due.

For: the schedules, and the run that must know what is stale. Instants are computed from the wall
clock of the district's zone, so that a night with a change of the clocks has one deadline.
Belongs here: dates and times. Does not belong here: what a run does about a late file
(`run/nightly_steps.py`), and asking for it (`orchestration/schedules.py`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from connect_pipeline.settings import DUE_BEFORE_SENDING, District

_SMALL_HOURS = (1, 2, 3)
"""In which a skipped time is the end of the gap for Dagster's schedules (its
`DAYLIGHT_SAVINGS_HOURS`); near midnight, where other countries set clocks, it is not."""


def deadline_on(day: date, district: District) -> datetime:
    """The deadline of that day."""
    return _scheduled(day, district.deadline, district)


def deadline_before(moment: datetime, district: District) -> datetime:
    """The last deadline before `moment`; of a deadline, the one before it."""
    today = district.day_of(moment)
    passed = (deadline_on(today - timedelta(days=back), district) for back in range(3))
    return next(deadline for deadline in passed if deadline < moment)


def attendance_due(district: District) -> list[time]:
    """When the attendance file is due: half an hour before each time of sending."""
    any_day = date(2000, 1, 3)
    moments = (datetime.combine(any_day, clock) for clock in district.attendance.send_at)
    return sorted({(moment - DUE_BEFORE_SENDING).time() for moment in moments})


def attendance_due_before(moment: datetime, district: District) -> datetime | None:
    """When the file was last due that day, at `moment` or before; None when it was not yet."""
    day = district.day_of(moment)
    due = (_scheduled(day, clock, district) for clock in attendance_due(district))
    return max((instant for instant in due if instant <= moment), default=None)


def sendings_on(day: date, district: District) -> list[datetime]:
    """The times of sending of that day, in their order."""
    return sorted({_scheduled(day, clock, district) for clock in district.attendance.send_at})


def attendance_wanted_since(moment: datetime, district: District) -> datetime:
    """Since when the file that is due at `moment` should have been uploaded.

    That is the time of sending before it on that day, or the day's beginning. A file is due for the
    next sending at the very time of one that is half an hour earlier, and has been in time for it.
    """
    day = district.day_of(moment)
    midnight = datetime.combine(day, time.min, district.zone).astimezone(UTC)
    passed = (instant for instant in sendings_on(day, district) if instant < moment)
    return max(passed, default=midnight)


def _scheduled(day: date, clock: time, district: District) -> datetime:
    """The moment of that day at which the district's clock shows this time.

    When the clock shows it twice it is the second time. When it is skipped it is the moment of
    Dagster's schedule, or a file could come between the two, in time for neither: the end of the
    gap; outside the small hours, when a clock that was not set forward would show it.
    """
    moment = datetime.combine(day, clock, district.zone)
    first, second = (moment.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second or clock.hour not in _SMALL_HOURS:
        return max(first, second)
    set_forward = first.astimezone(district.zone).utcoffset()
    minutes = (second.replace(second=0) + timedelta(minutes=n) for n in count())
    return next(one for one in minutes if one.astimezone(district.zone).utcoffset() == set_forward)
