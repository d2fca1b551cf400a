"""School days and send times: what the calendar and the clock say about a batch.

For: days without school, the age of a roster in school days, and whether a list is late.
Belongs here: dates and times, from the settings. Does not belong here: the dates of absences
(`sql/absences.sql`), and alarms about a file that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from connect_pipeline.drop.deadlines import sendings_on
from connect_pipeline.settings import Attendance, District

SATURDAY = 5
OLD_ROSTER_SCHOOL_DAYS = 3


def is_school_day(day: date, attendance: Attendance) -> bool:
    """Whether the district's calendar has school on `day`.

    A file for a Saturday is believed: there is Saturday school. Only `no_school` says no.
    """
    return not any(first <= day <= last for first, last in attendance.no_school)


def expects_attendance(day: date, attendance: Attendance) -> bool:
    """Whether a file that is not there on `day` is missed: a weekday that is a school day."""
    return day.weekday() < SATURDAY and is_school_day(day, attendance)


def roster_is_old(uploaded_at: datetime, today: date, district: District) -> bool:
    """Whether more than three school days have begun since the roster's files were uploaded."""
    day = district.day_of(uploaded_at)
    school_days = 0
    while day < today and school_days <= OLD_ROSTER_SCHOOL_DAYS:
        day += timedelta(days=1)
        school_days += expects_attendance(day, district.attendance)
    return school_days > OLD_ROSTER_SCHOOL_DAYS


def missed_send_time(
    listed_at: datetime, earlier: Iterable[datetime], district: District
) -> time | None:
    """The send time that a batch comes too late for, or None.

    That is the last send time before the batch: if none comes after it today, and else unless an
    earlier batch of the day (`earlier`) came in time, after the send time before that.
    """
    moments = sendings_on(district.day_of(listed_at), district)
    passed = [moment for moment in moments if moment < listed_at]
    if not passed:
        return None
    since = passed[-2] if len(passed) > 1 else None
    came_in_time = any(
        moment <= passed[-1] and (since is None or moment > since) for moment in earlier
    )
    if came_in_time and len(passed) < len(moments):
        return None
    return passed[-1].astimezone(district.zone).time()
