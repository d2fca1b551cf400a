"""The change hold: tonight against what is published, judged before anything is published.

For: the rules about a whole night (DESIGN section 5): mass removal, mass change, renumbered IDs,
swapped contents, a vanished school, a vanished or emptied column, a drop in reachability, balances
that become low, files of different nights.
They become findings; a hold is released only for exactly these bytes.
Belongs here: the comparison and its thresholds. Does not belong here: what a decision does to a run
(`run/shared_run.py`), what an operator is shown (`preview.py`), and the candidate (`build.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import NamedTuple

import duckdb

from connect_pipeline.contract import (
    CORE,
    SCHOOLS,
    STAFF,
    STAFF_TO_STUDENT,
    STUDENTS,
    ExportSpec,
)
from connect_pipeline.databases import count_rows, statement
from connect_pipeline.limits import most_within, number, percent
from connect_pipeline.roster.emptied import emptied_columns
from connect_pipeline.roster.swapped import Swapped, count_moved, count_swapped
from connect_pipeline.settings import District
from connect_pipeline.validation import Report


class Entity(NamedTuple):
    """What is counted: the export whose finding it is, its name there, and the `floor`.

    One of eight is not 12 %: up to that count, a share alone says nothing.
    """

    spec: ExportSpec
    nouns: str
    floor: int


FEW = 3
# Most of a small school's people do not leave in one night, once they are a few.
MOST = 0.5
# Families give up a number now and then that another one has the next day, but not many at once.
MOVED = 0.05

ENTITIES = {
    "student": Entity(STUDENTS, "students", floor=10),
    "staff": Entity(STAFF, "staff members", floor=5),
    "class": Entity(STAFF_TO_STUDENT, "classes", floor=10),
    "student in class": Entity(STAFF_TO_STUDENT, "students in classes", floor=10),
    "enrollment": Entity(STAFF_TO_STUDENT, "enrollments", floor=50),
    "school": Entity(SCHOOLS, "rows of schools", floor=FEW),
}
# New teachers and new periods replace most classes of a small school, and a column that changes
# every night changes most of its people.
PEOPLE = ("student", "staff")


@dataclass(frozen=True)
class Change:
    """Counts of one entity, overall or (with `school`) of one school.

    `renumbered` are people without a row tonight whose name comes back under another ID.
    """

    entity: str
    school: str | None
    before: int
    added: int
    removed: int
    changed: int
    renumbered: int = 0


def judge_changes(
    connection: duckdb.DuckDBPyConnection, report: Report, district: District, today: date
) -> list[Change]:
    """Add a finding for everything about tonight that an operator must see first.

    `previous` and `candidate` are attached. During a rollover window classes and changes are not
    judged, and removals only overall and more mildly. Returns the counts, for the preview.
    """
    _judge_columns(connection, report)
    _judge_emptied(connection, report)
    changes = count_changes(connection)
    rollover = district.rollover
    if rollover is not None and rollover.covers(today):
        people = [one for one in changes if one.school is None and one.entity in PEOPLE]
        _judge_shares(report, "mass_removal", people, rollover.removed)
    else:
        _judge_shares(report, "mass_removal", changes, district.thresholds.removed)
        _judge_shares(report, "mass_change", changes, district.thresholds.changed)
        lost = _lost_all_classes(connection)
        _judge_shares(report, "mass_removal", lost, district.thresholds.removed)
        fewer = _fewer_enrollments(connection)
        _judge_shares(report, "mass_removal", fewer, district.thresholds.removed)
    _judge_shares(report, "ids_renumbered", changes, district.thresholds.removed)
    _judge_swapped(connection, report)
    _judge_schools(connection, report)
    _judge_school_rows(connection, report, district.thresholds.removed)
    if district.lunch_list.enabled:
        _judge_balances(connection, report, district)
    _judge_reachability(connection, report, district.thresholds.reachability_points)
    return changes


def judge_nights(uploaded: dict[str, datetime], report: Report, hours: float) -> None:
    """Hold core files that were uploaded more than `hours` apart: they are of different nights."""
    core = {name: uploaded[name] for spec in CORE if (name := spec.file_name) in uploaded}
    apart = max(core.values()) - min(core.values()) if core else timedelta()
    if apart > timedelta(hours=hours):
        report.exports[min(core, key=core.__getitem__)].findings.add(
            "mixed_nights", found=ceil(apart / timedelta(hours=1)), limit=number(hours)
        )


def count_changes(connection: duckdb.DuckDBPyConnection) -> list[Change]:
    """What would be added, removed and changed, per entity: overall first, then per school."""
    rows = connection.execute(statement(__package__, "change_counts")).fetchall()
    return [Change(*row) for row in rows]


def _lost_all_classes(connection: duckdb.DuckDBPyConnection) -> list[Change]:
    """Students who stay and are in no class any more: their classes may well go on without them.

    None when they are so few that no share of them is judged: to count all others is dear.
    """
    ((lost,),) = connection.execute(statement(__package__, "lost_all_classes")).fetchall()
    if lost <= ENTITIES["student in class"].floor:
        return []
    rows = connection.execute(statement(__package__, "lost_all_classes_counts")).fetchall()
    return [
        Change("student in class", school, before, added=0, removed=lost, changed=0)
        for school, before, lost in rows
    ]


def _fewer_enrollments(connection: duckdb.DuckDBPyConnection) -> list[Change]:
    """By how many there are fewer enrollments than before, overall and at each school.

    Whoever changes classes is enrolled as often as before; part of a file is shorter.
    """
    rows = connection.execute(statement(__package__, "enrollment_counts")).fetchall()
    return [
        Change("enrollment", school, before, added=0, removed=max(before - now, 0), changed=0)
        for school, before, now in rows
    ]


def totals_of_changes(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many of each entity the candidate adds, changes and removes, as `student_added: 3`."""
    rows = connection.execute(
        "SELECT entity || '_' || change, count(*) FROM candidate.connect.changes"
        " GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return dict(rows)


def is_too_many(
    count: int,
    before: int,
    limit: float,
    *,
    floor: int = ENTITIES["student"].floor,
    most: bool = True,
) -> bool:
    """Whether `count` of `before` is over `limit`; with `most`, also most of only a few."""
    if not before or count <= most_within(before, limit):
        return False
    return count > floor or (most and count >= FEW and count / before > MOST)


def _judge_shares(report: Report, code: str, changes: Iterable[Change], limit: float) -> None:
    """One finding per entity: overall if that is over the limit, else of the first school."""
    seen: set[str] = set()
    for change in changes:
        count = {
            "mass_removal": change.removed,
            "mass_change": change.changed,
            "ids_renumbered": change.renumbered,
        }[code]
        most = change.entity in (*PEOPLE, "school") and code != "mass_change"
        entity = ENTITIES[change.entity]
        if change.entity in seen or not is_too_many(
            count, change.before, limit, floor=entity.floor, most=most
        ):
            continue
        seen.add(change.entity)
        report.exports[entity.spec.file_name].findings.add(
            code,
            found=count,
            before=change.before,
            share=percent(count / change.before),
            limit=percent(limit),
            entity=entity.nouns,
            where=_where(change.school),
        )


def _where(school: str | None) -> str:
    """The preview has the school's code; a finding's message never holds a cell's value."""
    return "overall" if school is None else "at one school"


def _judge_columns(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """An optional column of last night that is gone would wipe what it held."""
    gone = connection.execute(
        """
        SELECT export, column_name FROM previous.connect.supplied_columns
        ANTI JOIN candidate.connect.supplied_columns USING (export, column_name)
        ORDER BY export, column_name
        """
    ).fetchall()
    for export, column in gone:
        if report.is_usable(export):  # a refused file wipes nothing
            report.exports[export].findings.add("column_vanished", column=column)


def _judge_emptied(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """A column that is there and has no value any more would wipe what it held, too."""
    for one in emptied_columns(connection, has_schools=report.is_usable(SCHOOLS.file_name)):
        if is_too_many(one.before, one.people, 0):
            report.exports[one.export].findings.add(
                "column_emptied", column=one.column, found=one.before
            )


def _judge_swapped(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """What another column held last night, in most rows; what other rows held, in more than a few.

    A row moves with its neighbours: of those a part of the file is enough.
    """
    for one in count_swapped(connection, at_least=FEW):
        if is_too_many(one.found, one.before, MOST):
            _add_swapped(report, one)
    seen: set[str] = set()
    for one in count_moved(connection, at_least=FEW):
        if one.column not in seen and is_too_many(one.found, one.before, MOVED):
            seen.add(one.column)
            _add_swapped(report, one)


def _add_swapped(report: Report, one: Swapped) -> None:
    report.exports[one.export].findings.add(
        "contents_swapped",
        column=one.column,
        entity=one.held_before_by,
        found=one.found,
        before=one.before,
        share=percent(one.found / one.before),
        where=_where(one.school),
    )


def _judge_schools(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Schools that had students and have none tonight; one or two students may leave a code."""
    vanished = count_rows(
        connection,
        f"""(
            SELECT school FROM previous.connect.student_sites
            WHERE school NOT IN (SELECT school FROM candidate.connect.student_sites)
            GROUP BY school
            HAVING count(DISTINCT student_id) >= {FEW}
        )""",
    )
    if vanished:
        report.exports[STUDENTS.file_name].findings.add("school_vanished", count=vanished)


def _judge_school_rows(connection: duckdb.DuckDBPyConnection, report: Report, limit: float) -> None:
    """What SchoolExport said of schools: rows that are gone, and phone numbers of other schools.

    It comes once, and stays: whatever it has lost nobody would miss for months.
    """
    if not report.is_usable(SCHOOLS.file_name):
        return
    ((before, lost),) = connection.execute(statement(__package__, "lost_schools")).fetchall()
    rows = Change("school", None, before, added=0, removed=lost, changed=0)
    _judge_shares(report, "mass_removal", [rows], limit)
    ((sites, moved),) = connection.execute(statement(__package__, "moved_phones")).fetchall()
    if moved > 1:  # one may get a number that another gives up
        phone = next(column.name for column in SCHOOLS.columns if column.field == "phone")
        _add_swapped(
            report, Swapped(SCHOOLS.file_name, phone, "another school's row", None, moved, sites)
        )


def _judge_balances(
    connection: duckdb.DuckDBPyConnection, report: Report, district: District
) -> None:
    """Balances that become low in one night, of which each family would be told."""
    ((students, found),) = connection.execute(
        statement(__package__, "newly_low"), {"threshold": str(district.low_lunch_balance)}
    ).fetchall()
    limit = district.thresholds.low_balances
    if is_too_many(found, students, limit):
        report.exports[STUDENTS.file_name].findings.add(
            "mass_low_balance",
            found=found,
            before=students,
            share=percent(found / students),
            limit=percent(limit),
        )


def _judge_reachability(
    connection: duckdb.DuckDBPyConnection, report: Report, points: float
) -> None:
    """The share of students who can be reached through a guardian, before and tonight."""
    for school, students_before, before, students, tonight in connection.execute(
        statement(__package__, "reachability")
    ).fetchall():
        if not students_before or not students:
            continue
        # A fraction: of 200 students, 160 less 140 is more than 10 of 100 as floats.
        drop = Fraction(before, students_before) - Fraction(tonight, students)
        lost = round(drop * students)
        if 100 * drop > Fraction(str(points)) and is_too_many(lost, students, 0):
            report.exports[STUDENTS.file_name].findings.add(
                "reachability_drop",
                before=percent(before / students_before),
                found=percent(tonight / students),
                limit=number(points),
                where=_where(school),
            )
            return
