"""A published roster of a few students, written as the tables of DESIGN section 6.

For: attendance tests that need a roster and not the way to it. Belongs here: `write_roster`, and
the rows it takes. Tables that attendance does not read are left empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from connect_pipeline.databases import insert_rows
from connect_pipeline.disk import private_folder
from connect_pipeline.published import ROSTER_TABLES, PublishedTable
from connect_pipeline_tests.reading import writing

PUBLISHED_AT = datetime(2026, 10, 5, 7, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Contact:
    """A guardian contact; with relation `self`, the student."""

    relation: str = "primary"
    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Student:
    """A student of the small roster, with classes as {(school, period): teacher}."""

    student_id: str
    name: str = "Ana Ruiz"
    schools: tuple[str, ...] = ("101",)
    language: str | None = None
    method: str | None = None
    contacts: tuple[Contact, ...] = ()
    classes: dict[tuple[str, str], str] = field(default_factory=dict)
    lunch_balance: str | None = None


SITES = {
    "101": ("Lincoln High School", "+12015550100"),
    "102": ("Rosa Parks Elementary School", "+12015550150"),
}


def write_roster(
    path: Path,
    students: Iterable[Student],
    *,
    published_at: datetime = PUBLISHED_AT,
    snapshot_id: str = "snapshot-1",
) -> None:
    """Write `roster.duckdb`; schools of `SITES` have sites, others none."""
    private_folder(path.parent)
    path.unlink(missing_ok=True)
    path.write_bytes(_empty_roster())
    with writing(path) as connection:
        for table, rows in _rows(list(students)).items():
            insert_rows(connection, f"connect.{table}", rows)
        connection.execute(
            "INSERT INTO connect.snapshot (snapshot_id, published_at) VALUES (?, ?)",
            [snapshot_id, published_at],
        )


@cache
def _empty_roster() -> bytes:
    """The file of a roster that has the tables, the sites and nobody."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "roster.duckdb"
        with writing(path) as connection:
            connection.execute("CREATE SCHEMA connect; CREATE SCHEMA quality")
            connection.execute("; ".join(map(_create_table, ROSTER_TABLES)))
            for site_id, (name, phone) in SITES.items():
                connection.execute(
                    "INSERT INTO connect.sites VALUES (?, ?, NULL, ?, false)",
                    [site_id, name, phone],
                )
        return path.read_bytes()


def _create_table(table: PublishedTable) -> str:
    columns = ", ".join(f"{column.name} {column.type}" for column in table.columns)
    return f"CREATE TABLE {table.name} ({columns})"


def _rows(students: list[Student]) -> dict[str, list[tuple[str | None, ...]]]:
    """The rows of each table, by its name and the columns that are filled."""
    lessons = [
        (one.student_id, school, period, teacher)
        for one in students
        for (school, period), teacher in one.classes.items()
    ]
    return {
        "students (student_id, first_name, last_name, language, preferred_contact_method,"
        " lunch_balance)": [
            (
                one.student_id,
                *_first_and_last(one.name),
                one.language,
                one.method,
                one.lunch_balance,
            )
            for one in students
        ],
        "student_sites": [
            (one.student_id, school, school) for one in students for school in one.schools
        ],
        "contacts": [
            (one.student_id, contact.relation, contact.name, contact.phone, contact.email)
            for one in students
            for contact in one.contacts
        ],
        "staff (staff_id, first_name, last_name)": sorted(
            {(teacher, *_first_and_last(teacher)) for *_, teacher in lessons}
        ),
        "classes (class_id, school, site_id, staff_id, period)": sorted(
            {
                (_class_id(school, period, teacher), school, school, teacher, period)
                for _, school, period, teacher in lessons
            }
        ),
        "enrollments (class_id, student_id)": [
            (_class_id(school, period, teacher), student)
            for student, school, period, teacher in lessons
        ],
    }


def _first_and_last(name: str) -> tuple[str, str]:
    first, _, last = name.partition(" ")
    return first, last


def _class_id(school: str, period: str, teacher: str) -> str:
    return f"{school}/{period}/{teacher}"


def enroll(
    connection: duckdb.DuckDBPyConnection, student_id: str, school: str, period: str, teacher: str
) -> None:
    """Put a student into the class of a period that this teacher (first and last name) has."""
    class_id = _class_id(school, period, teacher)
    first, last = _first_and_last(teacher)
    connection.execute(
        "INSERT INTO connect.staff (staff_id, first_name, last_name) SELECT $id, $first, $last"
        " WHERE $id NOT IN (SELECT staff_id FROM connect.staff)",
        {"id": teacher, "first": first, "last": last},
    )
    connection.execute(
        "INSERT INTO connect.classes (class_id, school, site_id, staff_id, period)"
        " SELECT $id, $school, $school, $teacher, $period"
        " WHERE $id NOT IN (SELECT class_id FROM connect.classes)",
        {"id": class_id, "school": school, "teacher": teacher, "period": period},
    )
    connection.execute(
        "INSERT INTO connect.enrollments (class_id, student_id) VALUES ($id, $student)",
        {"id": class_id, "student": student_id},
    )
