"""When files are due, also on the nights on which the clocks change."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._utils.schedules import cron_string_iterator

from connect_pipeline.attendance.school_days import expects_attendance
from connect_pipeline.drop.deadlines import (
    attendance_due,
    attendance_due_before,
    attendance_wanted_since,
    deadline_before,
    deadline_on,
)
from connect_pipeline.orchestration.schedules import deadline_schedules
from connect_pipeline.settings import Attendance, District, Settings
from connect_pipeline_tests.small_district import DISTRICT

NIGHTS = [
    pytest.param("America/Los_Angeles", date(2027, 3, 14), id="set forward"),
    pytest.param("America/Los_Angeles", date(2027, 11, 7), id="set back"),
    pytest.param("America/Phoenix", date(2027, 3, 14), id="no change there"),
    pytest.param("America/St_Johns", date(2027, 11, 7), id="half an hour off"),
    pytest.param("Australia/Lord_Howe", date(2027, 4, 4), id="a change of half an hour"),
    pytest.param("Australia/Lord_Howe", date(2027, 10, 3), id="half an hour is skipped"),
    pytest.param("America/Havana", date(2027, 3, 14), id="midnight is skipped"),
]
CLOCKS = [time(0, 0), time(0, 30), time(1, 30), time(2, 0), time(2, 30), time(3, 0), time(23, 30)]


def district(**changes: Any) -> District:
    return DISTRICT.model_copy(update=changes)


@pytest.mark.parametrize("clock", CLOCKS, ids=str)
@pytest.mark.parametrize(("zone", "night"), NIGHTS)
def test_each_night_has_one_deadline_which_dagster_finds_too(
    zone: str, night: date, clock: time
) -> None:
    school = district(timezone=zone, deadline=clock)
    start = datetime.combine(night - timedelta(days=2), time(0), school.zone).timestamp()
    ticks = cron_string_iterator(start, f"{clock.minute} {clock.hour} * * *", zone)
    due = [next(ticks).astimezone(UTC) for _ in range(5)]
    days = [moment.astimezone(school.zone).date() for moment in due]
    assert days == [night + timedelta(days=n) for n in range(-2, 3)]
    for earlier, later in itertools.pairwise(due):
        before = deadline_before(later, school)
        assert before == earlier
        assert timedelta(hours=22) <= later - before <= timedelta(hours=26)
        # What came in the evening is never taken for older than that night's deadline.
        assert before < later - timedelta(hours=12)


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        (date(2027, 3, 14), time(2, 30), "2027-03-14T10:00:00+00:00"),  # no clock shows it
        (date(2027, 11, 7), time(1, 30), "2027-11-07T09:30:00+00:00"),  # the second time
        (date(2027, 11, 7), time(23, 30), "2027-11-08T07:30:00+00:00"),
    ],
)
def test_a_deadline_is_one_moment(day: date, clock: time, expected: str) -> None:
    assert deadline_on(day, district(deadline=clock)).isoformat() == expected


def test_the_last_deadline_is_the_one_that_has_passed() -> None:
    school = district(deadline=time(23, 30))
    noon = datetime(2026, 10, 6, 19, 0, tzinfo=UTC)
    assert deadline_before(noon, school) == datetime(2026, 10, 6, 6, 30, tzinfo=UTC)
    late = datetime(2026, 10, 7, 6, 45, tzinfo=UTC)  # 23:45 there
    assert deadline_before(late, school) == datetime(2026, 10, 7, 6, 30, tzinfo=UTC)
    itself = datetime(2026, 10, 7, 6, 30, tzinfo=UTC)
    assert deadline_before(itself, school) == datetime(2026, 10, 6, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "deadline", "moment", "expected"),
    [
        pytest.param(
            *("Pacific/Guam", time(5), "2026-10-05T20:00:00", "2026-10-05T19:00:00"),
            id="a day that is still another one in UTC",
        ),
        pytest.param(
            *("America/Nuuk", time(23, 30), "2027-03-28T01:15:00", "2027-03-27T01:30:00"),
            id="a quarter past midnight, before a deadline that the clock skipped",
        ),
        pytest.param(
            *("America/Nuuk", time(23, 30), "2027-03-28T01:31:00", "2027-03-28T01:30:00"),
            id="after it",
        ),
        pytest.param(
            *("America/Havana", time(0), "2027-03-14T05:01:00", "2027-03-14T05:00:00"),
            id="a midnight that the clock skips",
        ),
        pytest.param(
            *("America/Havana", time(0, 30), "2027-11-07T05:00:00", "2027-11-06T04:30:00"),
            id="between the two times that the clock shows it",
        ),
    ],
)
def test_the_last_deadline_in_other_zones(
    zone: str, deadline: time, moment: str, expected: str
) -> None:
    school = district(timezone=zone, deadline=deadline)
    before = deadline_before(datetime.fromisoformat(moment).replace(tzinfo=UTC), school)
    assert before == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_the_attendance_file_is_due_half_an_hour_before_each_sending() -> None:
    times = Attendance(send_at=(time(17, 30), time(10, 0), time(0, 30)))
    assert attendance_due(district(attendance=times)) == [time(0), time(9, 30), time(17, 0)]
    holidays = Attendance(no_school=("2026-11-26 to 2026-11-27",))
    expected = {
        day: expects_attendance(date(2026, 11, day), district(attendance=holidays).attendance)
        for day in range(24, 31)
    }
    assert expected == {24: True, 25: True, 26: False, 27: False, 28: False, 29: False, 30: True}


@pytest.mark.parametrize(
    ("due", "since"),
    [
        (time(0), time(0)),
        (time(9, 30), time(0)),
        (time(10), time(0)),  # for a sending at 10:30, when there is one
        (time(17), time(10)),
        (time(18), time(17, 30)),
    ],
)
def test_a_file_is_wanted_since_the_last_sending_of_its_day(due: time, since: time) -> None:
    school = district(attendance=Attendance(send_at=(time(10), time(17, 30))))
    day = date(2026, 11, 24)
    wanted = attendance_wanted_since(datetime.combine(day, due, school.zone), school)
    assert wanted == datetime.combine(day, since, school.zone)


def test_a_file_is_due_from_its_very_minute() -> None:
    school = district(attendance=Attendance(send_at=(time(10), time(17, 30))))
    due = datetime(2026, 11, 24, 9, 30, tzinfo=school.zone)
    assert attendance_due_before(due, school) == due
    assert attendance_due_before(due - timedelta(seconds=1), school) is None


def test_a_file_that_is_due_in_a_skipped_hour_is_due_at_its_end() -> None:
    """Its schedule asks for it then, and would find that nothing was due yet."""
    school = district(
        timezone="America/New_York", attendance=Attendance(send_at=(time(3), time(10)))
    )
    asked = datetime(2026, 3, 8, 7, 0, tzinfo=UTC)
    assert attendance_due_before(asked, school) == asked
    assert attendance_wanted_since(asked + timedelta(hours=1), school) == asked


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Guam"])
@pytest.mark.parametrize(
    ("clock", "last"),
    [
        (time(0, 10), None),
        (time(9, 29), None),
        (time(9, 31), time(9, 30)),
        (time(16, 59), time(9, 30)),
        (time(17), time(17)),
        (time(23, 50), time(17)),
    ],
)
def test_what_was_last_due_is_of_the_districts_day(
    zone: str, clock: time, last: time | None
) -> None:
    school = district(timezone=zone, attendance=Attendance(send_at=(time(10), time(17, 30))))
    day = date(2026, 11, 24)
    moment = datetime.combine(day, clock, school.zone).astimezone(UTC)
    expected = None if last is None else datetime.combine(day, last, school.zone)
    assert attendance_due_before(moment, school) == expected


def test_absences_that_nobody_is_told_of_are_never_due() -> None:
    off = district(attendance=Attendance(enabled=False, send_at=(time(10),)))
    on = district(attendance=Attendance(enabled=True, send_at=(time(10),)))
    schedules = deadline_schedules(Settings(districts={"off": off, "on": on}))
    assert [one.name for one in schedules] == [
        *("deadline_off", "deadline_on", "attendance_due_on"),
    ]


@pytest.mark.parametrize(("zone", "night"), NIGHTS)
def test_the_schedule_starts_one_deadline_run_per_night(zone: str, night: date) -> None:
    school = district(timezone=zone, deadline=time(2, 30))
    (schedule,) = deadline_schedules(Settings(districts={"spring-field": school}))
    assert schedule.name == "deadline_spring_field"
    assert schedule.execution_timezone == zone
    start = datetime.combine(night - timedelta(days=1), time(12), school.zone).timestamp()
    assert isinstance(schedule.cron_schedule, str)
    ticks = cron_string_iterator(start, schedule.cron_schedule, zone)
    keys = set()
    for _ in range(3):
        due = next(ticks)
        result = schedule(dg.build_schedule_context(scheduled_execution_time=due))
        assert isinstance(result, dg.RunRequest)
        assert result.partition_key == "spring-field"
        assert datetime.fromisoformat(result.tags["connect/deadline"]) == due
        keys.add(result.run_key)
    assert len(keys) == 3
