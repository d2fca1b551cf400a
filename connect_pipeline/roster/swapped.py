"""Swapped contents: columns and rows that hold tonight what another one held last night.

For: the mistake that neither a header nor a cell shows, such as primary and secondary contacts the
wrong way round, the child's own phone in the mother's column, or a column that a spreadsheet sorted
without the others: each value is valid, and messages go to the wrong person. Belongs here: which
columns could be mixed up, and the count. Does not belong here: how many are too many (`hold.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from connect_pipeline.contract import STAFF, STUDENTS, ExportSpec
from connect_pipeline.databases import count_rows, statement

STUDENT_PAIRS = (
    ("first_name", "last_name"),
    ("primary_name", "secondary_name"),
    ("primary_phone", "secondary_phone"),
    ("primary_email", "secondary_email"),
    ("mobile_phone", "primary_phone"),
    ("mobile_phone", "secondary_phone"),
    ("email", "primary_email"),
    ("email", "secondary_email"),
)
STAFF_PAIRS = (("first_name", "last_name"),)


@dataclass(frozen=True)
class Swapped:
    """`found` of `before` rows have tonight in `column` what `held_before_by` held last night.

    That is another column of the row, in quotes, or the row of another student or school.
    """

    export: str
    column: str
    held_before_by: str
    school: str | None
    found: int
    before: int


def count_swapped(connection: duckdb.DuckDBPyConnection, at_least: int) -> list[Swapped]:
    """Each pair of columns once, in its more frequent direction; overall first, then per school.

    `previous` and `candidate` are attached. Only rows that both nights have count, and of those
    only the ones in which the two columns differed. Nothing is returned of staff or students when
    no school has `at_least` rows with swapped columns.
    """
    connection.execute(statement(__package__, "swappable"))
    return [
        *_count(connection, STUDENTS, "student", STUDENT_PAIRS, at_least),
        *_count(connection, STAFF, "staff", STAFF_PAIRS, at_least),
    ]


def count_moved(connection: duckdb.DuckDBPyConnection, at_least: int) -> list[Swapped]:
    """Each column that holds what other students' rows held: overall first, then per school.

    Call after `count_swapped`. Nothing is returned when fewer than `at_least` people changed.
    """
    if count_rows(connection, "changed_people") < at_least:
        return []
    connection.execute("CREATE OR REPLACE TEMP VIEW compared_people AS FROM changed_people")
    names = {column.field: column.name for column in STUDENTS.columns}
    moved = connection.execute(statement(__package__, "moved_contents")).fetchall()
    return [
        Swapped(STUDENTS.file_name, names[field], "another student's row", school, found, students)
        for field, school, found, students in moved
    ]


def _count(
    connection: duckdb.DuckDBPyConnection,
    spec: ExportSpec,
    entity: str,
    pairs: tuple[tuple[str, str], ...],
    at_least: int,
) -> list[Swapped]:
    places = f"candidate.connect.{entity}_sites"
    if count_rows(connection, f"{places} WHERE {entity}_id IN (FROM changed_people)") < at_least:
        return []
    directions = [(a, b) for pair in pairs for a, b in (pair, pair[::-1])]
    counts = ", ".join(
        f"count(*) FILTER (WHERE tonight.{a} = before.{b}"
        f" AND before.{a} IS DISTINCT FROM before.{b}),"
        f" count(*) FILTER (WHERE before.{b} <> '' AND before.{a} IS DISTINCT FROM before.{b})"
        for a, b in directions
    )
    rows: list[tuple[Any, ...]] = []
    # A row with swapped columns has changed: nearly always those alone show that there are none.
    for whom in ("changed_people", "everybody"):
        connection.execute(f"CREATE OR REPLACE TEMP VIEW compared_people AS FROM {whom}")
        rows = connection.execute(
            f"""
            SELECT school, {counts}
            FROM (SELECT * FROM {entity}_columns WHERE is_before) AS before
            JOIN (SELECT * FROM {entity}_columns WHERE NOT is_before) AS tonight USING (key)
            JOIN {places} AS places ON places.{entity}_id = key
            GROUP BY GROUPING SETS ((), (school))
            ORDER BY school NULLS FIRST
            """
        ).fetchall()
        if not any(found >= at_least for _, *values in rows for found in values[::2]):
            return []
    names = {column.field: column.name for column in spec.columns}
    found = []
    for pair in pairs:
        for school, *values in rows:
            counted = zip(values[::2], values[1::2], strict=True)
            of_direction = dict(zip(directions, counted, strict=True))
            both = [
                Swapped(spec.file_name, names[a], f'"{names[b]}"', school, *of_direction[a, b])
                for a, b in (pair, pair[::-1])
            ]
            found.append(max(both, key=lambda one: one.found / one.before if one.before else 0))
    return found
