"""Warnings about groups that would surprise whoever writes to them.

Of nobody, of everybody, or of two courses at once.

For: findings on a candidate, one per kind of group. Belongs here: which kinds are named. Does not
belong here: who is in a group (`sql/group_members.sql`).
"""

from __future__ import annotations

import duckdb

from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT, STUDENTS, ExportSpec
from connect_pipeline.databases import statement
from connect_pipeline.validation import Report

# These come and go with the timetable and the balance, night after night.
COME_AND_GO = ("class", "teacher", "course", "low_lunch_balance")
OF_CLASSES = ("class", "teacher", "course")
# Fewer people than these are often all alike.
FEW_PEOPLE = 10


def judge_groups(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Warn of groups that lost all members or hold the whole district, and of mixed classes."""
    for audience, kind, count in connection.execute(
        """
        SELECT audience, kind, count(*) FROM candidate.connect.group_changes
        WHERE change = 'gone' AND NOT list_contains($come_and_go, kind)
        GROUP BY ALL ORDER BY ALL
        """,
        {"come_and_go": list(COME_AND_GO)},
    ).fetchall():
        _warn(report, "group_is_empty", audience, kind, count)
    for audience, kind, count in connection.execute(
        """
        WITH everybody AS (
            SELECT 'students' AS audience, count(*) AS people FROM candidate.connect.students
            UNION ALL
            SELECT 'staff', count(*) FROM candidate.connect.staff
        )
        SELECT audience, kind, count(*)
        FROM candidate.connect.groups
        JOIN everybody USING (audience)
        WHERE member_count = people AND people > $few AND kind NOT IN ('site', 'district')
        GROUP BY ALL ORDER BY ALL
        """,
        {"few": FEW_PEOPLE},
    ).fetchall():
        _warn(report, "group_is_everybody", audience, kind, count)
    mixed = connection.execute(statement(__package__, "mixed_classes")).fetchall()[0][0]
    if mixed:
        report.exports[STAFF_TO_STUDENT.file_name].findings.add("course_name_conflict", count=mixed)


def _warn(report: Report, code: str, audience: str, kind: str, count: int) -> None:
    who = "staff " if audience == "staff" else ""
    findings = report.exports[_source(audience, kind).file_name].findings
    findings.add(code, count=count, entity=f"{who}{kind.replace('_', ' ')}")


def _source(audience: str, kind: str) -> ExportSpec:
    if audience == "staff":
        return STAFF
    return STAFF_TO_STUDENT if kind in OF_CLASSES else STUDENTS
