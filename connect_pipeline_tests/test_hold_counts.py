"""What the hold counts, and from where on it is too much: on small rosters, without a night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from connect_pipeline.cells import normalise
from connect_pipeline.contract import CORE, STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.databases import attach, open_scratch, statement
from connect_pipeline.roster import judge_changes, judge_nights
from connect_pipeline.roster.hold import Change, count_changes, is_too_many
from connect_pipeline.roster.swapped import count_swapped
from connect_pipeline.settings import Rollover
from connect_pipeline.validation import Report
from connect_pipeline_tests.small_district import DISTRICT
from connect_pipeline_tests.small_roster import Contact, Student, write_roster

# Whatever two columns of a student could be mixed up: names, phones and e-mail addresses.
PAIRS = (
    ("Name.First", "Name.Last"),
    ("ContactNamePrimary", "ContactNameSecondary"),
    ("ContactPhonePrimary", "ContactPhoneSecondary"),
    ("ContactEmailPrimary", "ContactEmailSecondary"),
    ("MobileNumber", "ContactPhonePrimary"),
    ("MobileNumber", "ContactPhoneSecondary"),
    ("Email", "ContactEmailPrimary"),
    ("Email", "ContactEmailSecondary"),
)


@contextmanager
def compared(
    folder: Path, before: Iterable[Student], tonight: Iterable[Student]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Two nights' rosters, attached, with what the second one changes."""
    with open_scratch() as connection:
        normalise.prepare(connection)
        for name, students in (("previous", before), ("candidate", tonight)):
            write_roster(folder / f"{name}.duckdb", students)
            attach(connection, folder / f"{name}.duckdb", name)
        connection.execute("USE candidate; DROP TABLE connect.changes")
        connection.execute(statement("connect_pipeline.roster", "changes"))
        yield connection


def holding_codes(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """What holds the second night in a rollover window, in which classes are not judged."""
    day = date(2026, 7, 1)
    district = DISTRICT.model_copy(update={"rollover": Rollover(first_day=day, last_day=day)})
    report = Report(connection)
    for spec in CORE:
        report.findings_of(spec)
    judge_changes(connection, report, district, day)
    return report.holding_codes()


@pytest.mark.parametrize(
    ("count", "before", "floor", "most", "expected"),
    [
        pytest.param(0, 0, 0, False, False, id="of nobody"),
        pytest.param(10, 100, 5, False, False, id="a tenth"),
        pytest.param(11, 100, 5, False, True, id="more than a tenth"),
        pytest.param(10, 50, 10, False, False, id="as many as always may"),
        pytest.param(11, 50, 10, False, True, id="more than always may"),
        pytest.param(2, 2, 10, True, False, id="all of two"),
        pytest.param(3, 5, 10, True, True, id="most of a few"),
        pytest.param(3, 6, 10, True, False, id="half of a few"),
        pytest.param(3, 5, 10, False, False, id="most of a few, where most does not count"),
    ],
)
def test_too_many_is_more_than_the_share_and_than_always_may(
    count: int, before: int, floor: int, most: bool, expected: bool
) -> None:
    assert is_too_many(count, before, 0.1, floor=floor, most=most) is expected


@pytest.mark.parametrize(("seconds", "found"), [(0, {}), (1, {"mixed_nights": 1})])
def test_files_are_of_several_nights_when_more_than_the_hours_are_between_them(
    seconds: int, found: dict[str, int]
) -> None:
    last = datetime(2026, 10, 6, 5, tzinfo=UTC)
    uploaded = {STAFF.file_name: last, STUDENTS.file_name: last, STAFF_TO_STUDENT.file_name: last}
    uploaded[STUDENTS.file_name] -= timedelta(hours=6, seconds=seconds)
    with open_scratch() as connection:
        report = Report(connection)
        report.findings_of(STUDENTS)
        judge_nights(uploaded, report, 6)
    assert report.holding_codes() == found


WHAT = ("Name", "Phone", "Email")


def with_cells(student_id: str, school: str, cells: dict[str, str]) -> Student:
    """A student with these cells of an export."""
    contacts = (
        *(
            Contact(relation.lower(), *(cells[f"Contact{what}{relation}"] for what in WHAT))
            for relation in ("Primary", "Secondary")
        ),
        Contact("self", None, cells["MobileNumber"], cells["Email"]),
    )
    name = f"{cells['Name.First']} {cells['Name.Last']}"
    return Student(student_id, name, (school,), contacts=contacts)


def test_any_two_columns_that_hold_each_others_contents_are_counted(tmp_path: Path) -> None:
    """Three students of a school for each two columns."""
    before, tonight = [], []
    for a, b in PAIRS:
        for number in range(3):
            cells = {column: f"{column}-{number}" for pair in PAIRS for column in pair}
            before.append(with_cells(f"{a}/{b}/{number}", f"{a}/{b}", cells))
            swapped = {**cells, a: cells[b], b: cells[a]}
            tonight.append(with_cells(f"{a}/{b}/{number}", f"{a}/{b}", swapped))
    with compared(tmp_path, before, tonight) as connection:
        found = {
            (one.school, one.column, one.held_before_by): (one.found, one.before)
            for one in count_swapped(connection, at_least=3)
            if one.school and one.found
        }
    assert found == {(f"{a}/{b}", a, f'"{b}"'): (3, 3) for a, b in PAIRS}


def test_columns_that_held_the_same_are_not_swapped(tmp_path: Path) -> None:
    """A family of one phone, of which something else has changed."""
    before, tonight = [], []
    for number in range(3):
        cells = {column: f"{column}-{number}" for pair in PAIRS for column in pair}
        cells["ContactPhoneSecondary"] = cells["ContactPhonePrimary"]
        before.append(with_cells(f"00{number}", "101", cells))
        renamed = {**cells, "ContactNamePrimary": f"Another {number}"}
        tonight.append(with_cells(f"00{number}", "101", renamed))
    with compared(tmp_path, before, tonight) as connection:
        assert count_swapped(connection, at_least=3) == []


def test_a_column_that_was_sorted_at_a_school_of_a_few_is_held(tmp_path: Path) -> None:
    def with_phones(*phones: str) -> list[Student]:
        """Five students, whose numbers are in this order."""
        return [
            Student(f"00{n}", contacts=(Contact(phone=f"+1201555010{phone}"),))
            for n, phone in enumerate(phones)
        ]

    with compared(tmp_path, with_phones(*"42301"), with_phones(*"01234")) as connection:
        assert holding_codes(connection) == {"contents_swapped": 1}


@pytest.mark.parametrize(("leave", "held"), [(2, {}), (3, {"school_vanished": 1})])
def test_a_school_of_three_that_vanishes_is_held(
    tmp_path: Path, leave: int, held: dict[str, int]
) -> None:
    stay = [Student(f"00{n}") for n in range(9)]
    gone = [Student(f"10{n}", schools=("102",)) for n in range(leave)]
    with compared(tmp_path, [*stay, *gone], stay) as connection:
        assert holding_codes(connection) == held


@pytest.mark.parametrize(("come", "changed"), [("AB", 0), ("AC", 0), ("CD", 1)])
def test_a_class_has_changed_when_most_of_its_students_are_others(
    tmp_path: Path, come: str, changed: int
) -> None:
    def in_class(students: str) -> list[Student]:
        return [Student(one, one, classes={("101", "1"): "Pat Ray"}) for one in students]

    with compared(tmp_path, in_class("AB"), in_class(come)) as connection:
        (overall,) = (
            one for one in count_changes(connection) if one.entity == "class" and not one.school
        )
    assert overall == Change("class", None, before=1, added=0, removed=0, changed=changed)
