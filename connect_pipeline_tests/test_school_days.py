"""What the calendar and the clock say about a batch: an old roster, and a list that is late."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from connect_pipeline.attendance.school_days import missed_send_time, roster_is_old
from connect_pipeline.settings import Attendance
from connect_pipeline_tests.small_district import DISTRICT

SCHOOL = DISTRICT.model_copy(
    update={
        "attendance": Attendance(
            send_at=("17:30", "10:00", "12:00"),
            no_school=("2026-10-12", "2026-11-25 to 2026-11-27", "2026-12-21 to 2027-01-01"),
        )
    }
)


def there(text: str) -> datetime:
    """A moment of the district's wall clock, in UTC as the ledger has it."""
    return datetime.fromisoformat(text).replace(tzinfo=SCHOOL.zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("published_at", "fresh", "old"),
    [
        pytest.param("2026-10-05 12:00", "2026-10-08", "2026-10-09", id="Monday"),
        pytest.param("2026-10-05 20:00", "2026-10-08", "2026-10-09", id="Tuesday in UTC"),
        pytest.param("2026-10-06 00:30", "2026-10-09", "2026-10-13", id="Tuesday by an hour"),
        pytest.param("2026-09-30 23:30", "2026-10-05", "2026-10-06", id="over a weekend"),
        pytest.param("2026-10-08 23:30", "2026-10-14", "2026-10-15", id="over a holiday as well"),
        pytest.param("2026-11-20 23:30", "2026-11-30", "2026-12-01", id="over Thanksgiving"),
        pytest.param(
            "2026-12-18 23:30", "2027-01-06", "2027-01-07", id="over the turn of the year"
        ),
        pytest.param("2027-03-12 23:30", "2027-03-17", "2027-03-18", id="over a change of clocks"),
    ],
)
def test_a_roster_is_old_after_three_school_days(published_at: str, fresh: str, old: str) -> None:
    assert not roster_is_old(there(published_at), date.fromisoformat(fresh), SCHOOL)
    assert roster_is_old(there(published_at), date.fromisoformat(old), SCHOOL)


def test_a_roster_that_is_still_to_come_is_not_old() -> None:
    """The clock was set back."""
    assert not roster_is_old(there("2026-12-01 12:00"), date(2026, 10, 6), SCHOOL)


@pytest.mark.parametrize(
    ("listed_at", "earlier", "missed"),
    [
        pytest.param("09:59:59", [], None, id="in time"),
        pytest.param("10:00:00", [], None, id="to the second"),
        pytest.param("10:00:01", [], time(10), id="a second late"),
        pytest.param("10:20:00", ["10:00:00"], None, id="after one to the second"),
        pytest.param("10:20:00", ["10:00:01"], time(10), id="after one that was late, too"),
        pytest.param("12:20:00", ["10:00:00"], time(12), id="that one was for ten o'clock"),
        pytest.param("12:20:00", ["10:00:01"], None, id="that one was for noon"),
        pytest.param("17:20:00", ["11:00:00"], None, id="before the last"),
        pytest.param("17:40:00", ["17:00:00"], time(17, 30), id="after the last"),
        pytest.param("23:59:59", ["17:00:00"], time(17, 30), id="before midnight"),
    ],
)
@pytest.mark.parametrize("day", ["2026-10-06", "2027-03-14", "2027-11-07"])
def test_a_list_is_late_for_the_sending_before_it(
    day: str, listed_at: str, earlier: list[str], missed: time | None
) -> None:
    before = [there(f"{day} {clock}") for clock in earlier]
    assert missed_send_time(there(f"{day} {listed_at}"), before, SCHOOL) == missed
