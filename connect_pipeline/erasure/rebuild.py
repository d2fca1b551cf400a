"""Databases written anew without a student: the new file has never held what the old one holds.

For: snapshots and days of absences. Deleting rows would leave their bytes in free pages and in
compressed segments; a file that is built from the other rows cannot have them.
Belongs here: which rows of which table are the student's, and what the others become. Does not
belong here: which files, and how they take the place of the old ones (`of_student.py`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from connect_pipeline.contract import STAFF
from connect_pipeline.databases import (
    DATABASE_REFUSALS,
    NO_LOG,
    attach,
    in_memory,
    insert_rows,
    set_variables,
    statement,
    tables_in,
)
from connect_pipeline.disk import PRIVATE_FILE, sync_file
from connect_pipeline.erased.broken_lines import BROKEN_ROW, words_that_may_be_ids
from connect_pipeline.erasure.recognising import has_one_of, is_in
from connect_pipeline.erasure.traces import CURE, Traces
from connect_pipeline.errors import EnvironmentFault
from connect_pipeline.snapshots.damage import refuse_damaged

# Of each table that may name a student: what is kept. `old` is the file as it was.
SNAPSHOT = {
    "connect.students": "WHERE student_id <> getvariable('student')",
    "connect.student_sites": "WHERE student_id <> getvariable('student')",
    "connect.contacts": "WHERE student_id <> getvariable('student')",
    "connect.enrollments": "WHERE student_id <> getvariable('student')",
    "connect.classes": "WHERE class_id NOT IN (FROM lonely_classes)",
    "connect.groups": "WHERE NOT (group_id IN (FROM own_groups) AND member_count = 1)",
    "connect.changes": (
        "WHERE NOT (entity = 'student' AND key = getvariable('student'))"
        " AND NOT (entity = 'class' AND key IN (FROM lonely_classes))"
    ),
    "connect.group_changes": (
        "WHERE NOT list_contains(getvariable('lonely_groups')::VARCHAR[], group_id)"
    ),
    "connect.kept": "WHERE entity IN ('staff', 'staff_site') OR key <> getvariable('student')",
}
ATTENDANCE = {
    "attendance.absences": "WHERE student_id <> getvariable('student')",
    "attendance.accounting": "WHERE student_id <> getvariable('student')",
    "attendance.recipients": "WHERE student_ids <> [getvariable('student')]",
    "attendance.recipient_absences": "WHERE student_id <> getvariable('student')",
}
# Of both kinds of file.
QUALITY = {
    "quality.findings": (
        f"WHERE record_id IS DISTINCT FROM getvariable('student') OR export = '{STAFF.file_name}'"
    ),
    "quality.quarantine": "WHERE rowid NOT IN (FROM own_lines)",
}
KEPT = SNAPSHOT | ATTENDANCE | QUALITY
# Rows that stay and change: counts without the student, and what stood beside them.
CHANGED = {
    "connect.classes": (
        "student_count - (class_id IN (FROM own_classes))::BIGINT AS student_count"
    ),
    "connect.groups": "member_count - (group_id IN (FROM own_groups))::BIGINT AS member_count",
    "attendance.recipients": (
        "CASE WHEN list_contains(student_ids, getvariable('student'))"
        " THEN list_filter(contact_names,"
        " lambda one: NOT list_contains(getvariable('words')::VARCHAR[], one))"
        " ELSE contact_names END AS contact_names,"
        " list_filter(student_ids, lambda one: one <> getvariable('student')) AS student_ids"
    ),
}

OWN_LINES = f"""
SELECT rowid, text,
    export <> '{STAFF.file_name}'
    AND list_contains({words_that_may_be_ids("text")}, getvariable('student'))
FROM old.quality.quarantine
WHERE contains(text, getvariable('student'))
OR {has_one_of("searched")}
"""
REST_OF_OWN_LINES = f"""
INSERT INTO own_lines
WITH numbered AS (
    SELECT rowid AS id, export, line, {BROKEN_ROW} AS broken_row FROM old.quality.quarantine
),
own AS (
    SELECT export, broken_row, min(line) AS line
    FROM numbered SEMI JOIN own_lines USING (id)
    GROUP BY export, broken_row
)
SELECT id
FROM numbered
JOIN own
    ON numbered.export = own.export
    AND numbered.broken_row = own.broken_row
    AND numbered.line > own.line
"""


def without_student(source: Path, target: Path, traces: Traces) -> dict[str, int]:
    """Write `source` without the student to `target`; returns how many rows are gone, by table.

    Without any, `target` is not written. Raises `EnvironmentFault` when a file cannot be read or
    written.
    """
    try:
        with in_memory() as connection:
            kept = _prepare(connection, source, traces)
            gone = _gone(connection, kept)
            if gone:
                _copy(connection, target, kept)
    except duckdb.Error as error:
        refuse_damaged(source, CURE)
        if not isinstance(error, DATABASE_REFUSALS):
            raise
        raise EnvironmentFault(
            f"{source.name} could not be written anew ({type(error).__name__}): free disk space,"
            " then run the same command again."
        ) from None
    if gone:
        sync_file(target)
    return gone


def _prepare(connection: duckdb.DuckDBPyConnection, source: Path, traces: Traces) -> dict[str, str]:
    """Attach the file as `old`; returns the conditions for those of its tables that have one."""
    attach(connection, source, "old", read_only=True)
    set_variables(
        connection,
        student=traces.student_id,
        words=traces.words_beside_others,
        searched=traces.telling_words,
        lonely_groups=traces.lonely_groups,
    )
    tables = tables_in(connection, "old")
    if "connect.students" in tables:
        connection.execute(statement(__package__, "own_of_snapshot"))
    _find_own_lines(connection, traces)
    return {name: where for name, where in KEPT.items() if name in tables}


def _find_own_lines(connection: duckdb.DuckDBPyConnection, traces: Traces) -> None:
    """Which quarantined lines name the student, by the ID or by a word, and what goes on there."""
    connection.execute("CREATE TEMP TABLE own_lines (id BIGINT)")
    lines = connection.execute(OWN_LINES).fetchall()
    own = [
        [number]
        for number, text, has_id in lines
        if has_id or any(is_in(word, text) for word in traces.telling_words)
    ]
    insert_rows(connection, "own_lines", own)
    connection.execute(REST_OF_OWN_LINES)


def _gone(connection: duckdb.DuckDBPyConnection, kept: dict[str, str]) -> dict[str, int]:
    gone = {}
    for table, where in kept.items():
        (total, stay) = connection.execute(
            f"SELECT (SELECT count(*) FROM old.{table}), (SELECT count(*) FROM old.{table} {where})"
        ).fetchall()[0]
        if total > stay:
            gone[table] = total - stay
    if "attendance.recipients" in kept:  # a row that stays may still name the student
        named = connection.execute(
            "SELECT count(*) FROM old.attendance.recipients"
            " WHERE list_contains(student_ids, getvariable('student'))"
        ).fetchall()[0][0]
        if named:
            gone["attendance.recipients"] = named
    return gone


def _copy(connection: duckdb.DuckDBPyConnection, target: Path, kept: dict[str, str]) -> None:
    target.unlink(missing_ok=True)
    ((block_size,),) = connection.execute(
        "SELECT block_size FROM pragma_database_size() WHERE database_name = 'old'"
    ).fetchall()
    attach(connection, target, "new", options=f"BLOCK_SIZE {block_size}, {NO_LOG}")
    target.chmod(PRIVATE_FILE)
    connection.execute("COPY FROM DATABASE old TO new (SCHEMA)")
    for table in tables_in(connection, "old"):
        replaced = f" REPLACE ({CHANGED[table]})" if table in CHANGED else ""
        connection.execute(
            f"INSERT INTO new.{table} SELECT *{replaced} FROM old.{table} {kept.get(table, '')}"
        )
    connection.execute("CHECKPOINT new")
    connection.execute("DETACH new")
