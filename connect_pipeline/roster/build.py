"""The candidate: tonight's whole core set as a database of its own, built from checked records.

For: writing every table of DESIGN section 6 beside what is published, from `records.*` of the
scratch database and, for people whose row is quarantined, from the last snapshot.
Belongs here: the order of the SQL files and what is bound to them. Does not belong here: who is
kept (`kept_people.py`), whether the candidate may be published (`hold.py`), and how it becomes
current (`snapshots/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from connect_pipeline.cells.normalise import expression
from connect_pipeline.contract import (
    CORE,
    GUARDIANS,
    SCHOOLS,
    STAFF_TO_STUDENT,
    STUDENTS,
    Column,
    ExportSpec,
    Kind,
    contact_columns,
)
from connect_pipeline.databases import (
    attach,
    count_rows,
    insert_rows,
    published_options,
    set_variables,
    statement,
)
from connect_pipeline.disk import PRIVATE_FILE, disk_fault, private_folder
from connect_pipeline.published import ROSTER_TABLES, create_empty
from connect_pipeline.published.quality_rows import fill_findings, fill_quarantine
from connect_pipeline.roster.kept_people import any_row_is_out, tell_kept
from connect_pipeline.settings import District
from connect_pipeline.validation import Report

KEPT_ENROLLMENTS = "kept_enrollments"
"""The one file that is only run when a row is out, or nothing may be removed."""
# Each file makes the table or view of its name; later ones read earlier ones.
STEPS = (
    "staff",
    "first_lines",
    "students",
    "class_rows",
    "enrollments",
    KEPT_ENROLLMENTS,
    "school_sites",
    "sites",
    "staff_sites",
    "staff_titles",
    "student_sites",
    "contacts",
    "classes",
    "rosters",
    "group_settings",
    "groups",
    "group_members",
    "family_members",
    "access_titles",
    "staff_access",
    "kept",
)
NOT_OF_STEPS = ("connect.supplied_columns", "quality.findings", "quality.quarantine")
"""Tables that none of these files makes."""

# Where members come from (`group_members.sql`), and the column that names them.
PERSON_OF_TABLE = {
    "students": "student_id",
    "student_sites": "student_id",
    "enrollments": "student_id",
    "staff": "staff_id",
    "staff_sites": "staff_id",
}


def attach_previous(connection: duckdb.DuckDBPyConnection, snapshot: Path | None) -> None:
    """Attach the current snapshot read-only as `previous`; an empty one before the first night."""
    if snapshot is None:
        attach(connection, None, "previous")
        create_empty(
            connection,
            "previous",
            [one for one in ROSTER_TABLES if one.name.startswith("connect.")],
        )
    else:
        attach(connection, snapshot, "previous", read_only=True)


def expose_published(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Make published students and classes what `records.*` holds: absences refer to them.

    Returns the names of the files that may now be referred to: none before the first night.
    """
    connection.execute(
        """
        INSERT INTO records.kept_students
        SELECT key, reason, true FROM previous.connect.kept
        WHERE entity = 'student' AND reason = 'student_id_reused';
        CREATE OR REPLACE VIEW records.students AS
        SELECT 0::BIGINT AS line, student_id, school FROM previous.connect.student_sites
        ANTI JOIN records.kept_students USING (student_id);
        CREATE OR REPLACE VIEW records.staff_to_student AS
        SELECT 0::BIGINT AS line, classes.*, enrollments.student_id
        FROM previous.connect.enrollments JOIN previous.connect.classes USING (class_id);
        """
    )
    is_published = count_rows(connection, "previous.connect.students") > 0
    return {STUDENTS.file_name, STAFF_TO_STUDENT.file_name} if is_published else set()


def build_candidate(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    district: District,
    report: Report,
    *,
    add_only: bool = False,
) -> None:
    """Build the candidate at `path` and leave it attached as `candidate`, unfinished.

    `connection` has the scratch database as `scratch` and the last snapshot as `previous`.
    With `add_only`, classes and enrollments that tonight lacks stay, too.
    `compare_candidate` adds what tonight changes, and `finish_candidate` what is known only after
    the hold was judged.
    Raises `EnvironmentFault` when it cannot be written.
    """
    private_folder(path.parent)
    path.unlink(missing_ok=True)
    _create_normalised(connection, report)
    rows = max(export.accepted for export in report.exports.values())
    attach(connection, path, "candidate", options=published_options(rows))
    connection.execute("USE candidate")
    filled_later = [one for one in ROSTER_TABLES if one.name in NOT_OF_STEPS]
    create_empty(connection, "candidate", filled_later)
    classes = report.exports[STAFF_TO_STUDENT.file_name].checked
    set_variables(
        connection,
        has_schools=report.is_usable(SCHOOLS.file_name),
        class_columns=len(classes.read.columns) if classes else 0,
        low_lunch_balance=district.low_lunch_balance,
        add_only=add_only,
        site_titles=list(district.staff_access.site_titles),
        district_titles=list(district.staff_access.district_titles),
    )
    may_keep = add_only or any_row_is_out(connection, STAFF_TO_STUDENT)
    for step in STEPS:
        if step != KEPT_ENROLLMENTS or may_keep:
            connection.execute(statement(__package__, step))
    fill_quarantine(connection, "candidate")
    _record_supplied_columns(connection, report)
    findings = report.exports[STAFF_TO_STUDENT.file_name].findings
    enrollments = "(FROM candidate.connect.kept WHERE entity = 'enrollment')"
    tell_kept(connection, findings, enrollments, "key", "enrollments")


def compare_candidate(connection: duckdb.DuckDBPyConnection) -> None:
    """Add what the attached candidate changes: people, classes, and who came to a group or left."""
    connection.execute(statement(__package__, "changes"))
    _expose_touched(connection)
    connection.execute(statement(__package__, "group_changes"))


def finish_candidate(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    report: Report,
    *,
    snapshot_id: str,
    published_at: datetime,
    run_id: str,
) -> None:
    """Add findings and the snapshot's own row, then close the file whole."""
    connection.execute("USE candidate")
    fill_findings(connection, "candidate", report.sources)
    connection.execute(
        statement(__package__, "snapshot"),
        {
            "snapshot_id": snapshot_id,
            "published_at": published_at,
            "run_id": run_id,
            **_snapshot_exports(report),
        },
    )
    detach_candidate(connection)
    try:
        path.chmod(PRIVATE_FILE)
    except OSError as error:
        raise disk_fault(error, "finish the snapshot") from None


def detach_candidate(connection: duckdb.DuckDBPyConnection) -> None:
    """Close the candidate's file; everything is checkpointed into it."""
    connection.execute("USE scratch")
    connection.execute("CHECKPOINT candidate")
    connection.execute("DETACH candidate")


def _expose_touched(connection: duckdb.DuckDBPyConnection) -> None:
    """`touched_tonight` and `touched_before`: both nights' memberships of those who may have moved.

    The view of all members over only those people's rows: comparing everybody's memberships would
    cost more than reading the files.
    """
    connection.execute(statement(__package__, "touched_people"))
    for name, night in (("touched_tonight", "candidate"), ("touched_before", "previous")):
        attach(connection, None, name)
        connection.execute(f"CREATE SCHEMA {name}.connect")
        for table, person in PERSON_OF_TABLE.items():
            connection.execute(
                f"CREATE TABLE {name}.connect.{table} AS FROM {night}.connect.{table}"
                f" WHERE {person} IN (SELECT person_id FROM scratch.touched_people)"
            )
        for table in ("classes", "group_settings"):
            connection.execute(
                f"CREATE VIEW {name}.connect.{table} AS FROM {night}.connect.{table}"
            )
        connection.execute(f"USE {name}")
        connection.execute(statement(__package__, "group_members"))
    connection.execute("USE candidate")


def _create_normalised(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """`normal.<table>`: the records with published values; blank and unreadable cells are NULL.

    Of students, a view each of what is theirs and of each contact: a statement pays for every
    column of a view that it names, whether it reads it or not.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS normal")
    for spec in (*CORE, SCHOOLS):
        if spec is not STUDENTS:
            _normalise(connection, report, spec, spec.table, spec.columns)
    student, own = STUDENTS.columns[0], contact_columns("self")
    others = [one for one in own if one.kind not in {Kind.PHONE, Kind.EMAIL}]
    _normalise(connection, report, STUDENTS, "students", others)
    reached = [one for one in own if one.kind in {Kind.NAME, Kind.PHONE, Kind.EMAIL}]
    _normalise(connection, report, STUDENTS, "student_self", [student, *reached])
    for relation in GUARDIANS:
        columns = [student, *contact_columns(relation)]
        _normalise(connection, report, STUDENTS, f"student_{relation}", columns)


def _normalise(
    connection: duckdb.DuckDBPyConnection,
    report: Report,
    spec: ExportSpec,
    view: str,
    columns: Iterable[Column],
) -> None:
    if report.is_usable(spec.file_name):
        source = f"records.{spec.table}"
        cells = [f"{expression(one.kind, one.quoted)} AS {one.quoted}" for one in columns]
    else:
        source = "(SELECT NULL::BIGINT AS line) WHERE false"
        cells = [f"NULL::VARCHAR AS {one.quoted}" for one in columns]
    connection.execute(
        f"CREATE OR REPLACE VIEW normal.{view} AS SELECT line, {', '.join(cells)} FROM {source}"
    )


def _record_supplied_columns(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """`connect.supplied_columns`: one row is a column that tonight's export has."""
    rows = [
        [name, column.name]
        for name, export in report.exports.items()
        if export.checked is not None and export.checked.usable
        for column in export.checked.read.columns
    ]
    insert_rows(connection, "connect.supplied_columns", rows)
    # Without a usable SchoolExport the sites stay, and so does what is known of its columns.
    connection.execute(
        "INSERT INTO connect.supplied_columns FROM previous.connect.supplied_columns"
        " WHERE export NOT IN (SELECT export FROM connect.supplied_columns)"
    )


def _snapshot_exports(report: Report) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for spec in (*CORE, SCHOOLS):
        name = spec.table.removesuffix("s")
        export = report.exports.get(spec.file_name)
        known = export.checked if export else None
        values[f"{name}_rows"] = known.accepted if known else None
        values[f"{name}_sha256"] = known.read.facts.sha256 if known else None
    return values
