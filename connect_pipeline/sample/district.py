"""A synthetic district: its five exports, clean, at any size, the same bytes for the same seed.

For: `demo`, `generate`, tests and benchmarks, which need exports that no real family is in.
Belongs here: the order of the steps and the writing of files; what is drawn is in `sql/`, one
file per table, and from which words in `vocabulary.py`. Does not belong here: damage
(`defects.py`).

A million students have eight million classes, so nothing loops over rows: DuckDB draws, joins,
sorts and writes. Headers and the order of columns come from the contract.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import duckdb

from connect_pipeline.contract import EXPORTS, ExportSpec
from connect_pipeline.databases import in_memory, quoted, set_variables, statement
from connect_pipeline.disk import disk_fault
from connect_pipeline.drop_names import LABELS_FILE
from connect_pipeline.errors import EnvironmentFault, UsageError
from connect_pipeline.sample import vocabulary

ALERT_CODES = ("A", "U")
"""Absent without a word, unexcused."""

OTHER_CODES = ("E", "T")
"""Excused, tardy."""

STUDENTS_PER_SCHOOL = 600

# Each builds one table from those before it.
STEPS = (
    "draws",
    "schools",
    "students",
    "cohorts",
    "sections",
    "staff",
    "families",
    "second_schools",
    "classes",
    "absences",
)


@dataclass(frozen=True)
class GeneratedDistrict:
    """What was written: rows per export, and what `districts.yaml` must say about it."""

    folder: Path
    counts: dict[str, int]
    sites: dict[str, str]


def generate(folder: Path, students: int, seed: int, *, today: dt.date) -> GeneratedDistrict:
    """Write the five exports of a district of `students` into `folder`, replacing any there.

    Attendance is that of `today`. Nothing in the exports is worth more than an info-level finding.
    Raises `UsageError` for fewer than one student and `EnvironmentFault` when `folder` cannot be
    written.
    """
    if students < 1:
        raise UsageError("A district has at least one student; ask for 1 or more.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LABELS_FILE).unlink(missing_ok=True)  # it labels the exports replaced here
    except OSError as error:
        raise disk_fault(error, f"write to {folder}") from None
    with in_memory() as connection:
        _set_variables(connection, students, seed, today)
        _load_courses(connection)
        for step in STEPS:
            connection.execute(statement(__package__, step))
        _set_phone_ranges(connection, students)
        counts = {spec.file_name: _write(connection, spec, folder) for spec in EXPORTS}
        sites = dict(
            connection.execute("SELECT code, name FROM schools ORDER BY school").fetchall()
        )
    return GeneratedDistrict(folder, counts, sites)


def _set_variables(
    connection: duckdb.DuckDBPyConnection, students: int, seed: int, today: dt.date
) -> None:
    """What the SQL files read with `getvariable`."""
    regular_schools = max(3, round(students / STUDENTS_PER_SCHOOL))
    variables = {
        "seed": seed,
        "today": today,
        "students": students,
        "regular_schools": regular_schools,
        "annex_students": min(max(students // 100, 1), 40),
        "given_names": vocabulary.GIVEN_NAMES,
        "given_slugs": [_slug(name) for name in vocabulary.GIVEN_NAMES],
        "family_names": vocabulary.FAMILY_NAMES,
        "family_slugs": [_slug(name) for name in vocabulary.FAMILY_NAMES],
        "places": vocabulary.PLACES,
        "streets": vocabulary.STREETS,
        "towns": vocabulary.TOWNS,
        "office_titles": vocabulary.OFFICE_TITLES,
        "area_codes": vocabulary.AREA_CODES,
        "languages": _weighted(vocabulary.LANGUAGES),
        "contact_methods": _weighted(vocabulary.CONTACT_METHODS),
    }
    lists = {name: list(value) for name, value in variables.items() if isinstance(value, tuple)}
    set_variables(connection, **variables | lists)


def _set_phone_ranges(connection: duckdb.DuckDBPyConnection, students: int) -> None:
    """Numbers 0 up are the families', two each; then come students, staff and schools."""
    ((families, staff),) = connection.execute(
        "SELECT (SELECT max(family) + 1 FROM families), (SELECT count(*) FROM staff)"
    ).fetchall()
    student_phones = 2 * families
    set_variables(
        connection,
        student_phones=student_phones,
        staff_phones=student_phones + students,
        school_phones=student_phones + students + staff,
    )


def _load_courses(connection: duckdb.DuckDBPyConnection) -> None:
    """The table `courses`: one row is a subject in a grade."""
    connection.execute(
        "CREATE TABLE courses (level TEXT, grade TEXT, subject INTEGER, name TEXT, number TEXT)"
    )
    connection.executemany(
        "INSERT INTO courses VALUES (?, ?, ?, ?, ?)",
        [
            *_courses("high", ("9", "10", "11", "12"), vocabulary.HIGH_SCHOOL),
            *_courses("middle", ("6", "7", "8"), vocabulary.MIDDLE_SCHOOL),
            *_elementary_courses(("TK", "K", "1", "2", "3", "4", "5")),
        ],
    )


def _courses(
    level: str, grades: tuple[str, ...], subjects: tuple[tuple[str, ...], ...]
) -> list[tuple[str, str, int, str, str]]:
    return [
        (level, grade, subject, name, f"{level[0].upper()}{subject}{grade.zfill(2)}")
        for subject, names in enumerate(subjects)
        for grade, name in zip(grades, names, strict=True)
    ]


def _elementary_courses(grades: tuple[str, ...]) -> list[tuple[str, str, int, str, str]]:
    names = tuple(tuple(f"{name} {grade}" for grade in grades) for name in vocabulary.ELEMENTARY)
    return _courses("elementary", grades, names)


def _slug(name: str) -> str:
    """A name as the part of a mail address: ASCII letters in lower case."""
    plain = name.replace("ø", "o").replace("Ø", "O").replace("ł", "l")
    decomposed = unicodedata.normalize("NFD", plain)
    return re.sub(r"[^a-z]", "", decomposed.lower())


def _weighted(words: tuple[tuple[str, int], ...]) -> list[str]:
    """Each word as often as its weight, for a uniform draw."""
    return [word for word, weight in words for _ in range(weight)]


def _write(connection: duckdb.DuckDBPyConnection, spec: ExportSpec, folder: Path) -> int:
    """Write one export under the contract's header; return its rows."""
    columns = ", ".join(f'{column.field} AS "{column.name}"' for column in spec.columns)
    select = f"SELECT {columns} FROM ({statement(__package__, f'exports/{spec.table}')})"
    target = quoted(folder / spec.file_name)
    try:
        written = connection.execute(f"COPY ({select}) TO {target} (FORMAT csv, HEADER true)")
    except duckdb.IOException:
        raise EnvironmentFault(
            f"Could not write {folder / spec.file_name}. Free space or mend permissions, then"
            " retry."
        ) from None
    ((rows,),) = written.fetchall()
    return int(rows)
