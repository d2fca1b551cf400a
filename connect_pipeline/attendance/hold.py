"""The hold of an attendance file: what of it must wait for an operator, before anybody is told.

For: the rules about a day (DESIGN section 7): schools that are empty, another day's file, messages
taken back by the dozen, lost dates, rows that tell nobody. They become findings; a hold is released
only for exactly these bytes.
Belongs here: the comparison with what was published and told, and its thresholds. Does not belong
here: what a decision does to a run (`run/shared_run.py`), a night's files (`roster/hold.py`).
"""

from __future__ import annotations

from contextlib import suppress

import duckdb

from connect_pipeline.attendance import day_file
from connect_pipeline.attendance.day import FEW_ROWS, AttendanceDay
from connect_pipeline.attendance.statements import run
from connect_pipeline.contract import ATTENDANCE, Kind
from connect_pipeline.limits import most_within
from connect_pipeline.published import open_published
from connect_pipeline.rules.rule import Severity
from connect_pipeline.validation import ExportReport

FEW_STUDENTS = 4
"""So many, and no others, may be absent on two days in a row, and make the same file twice."""
MANY_STUDENTS = 10
"""Of so many, nine in ten are not absent on two days in a row."""

MOSTLY = {
    "unknown_absence_code": (
        "have an absence code that the settings do not list, so nobody would be told of them. If"
        " your SIS has new codes, list them in the settings (`alert_codes` or `other_codes`); or"
        " have an operator approve this file."
    ),
    "unknown_student": (
        "name a student whom the published roster does not know, so nobody would be told of them."
        " If the IDs lost their leading zeros, a spreadsheet took them: upload the export as it"
        " comes from your SIS; or have an operator approve this file."
    ),
}
"""What is said of a file in which most rows have the finding."""


def judge_file(day: AttendanceDay, export: ExportReport) -> None:
    """Note what of the file must wait for an operator. Call after `build_absences`."""
    findings = export.findings
    if schools := emptied_schools(day):
        findings.add("mass_absence", found=len(schools))
    if students := absent_by_another_days_file(day):
        findings.add("file_of_another_day", found=students)
    if students := cleared_beyond_measure(day):
        findings.add("mass_cleared", found=students)
    _note_lost_dates(day, export)
    _note_mostly_unknown(day, export)


def note_emptied_file(day: AttendanceDay, export: ExportReport, *, ends_with_newline: bool) -> None:
    """A file without a row is lawful, and worth a look when the one before had some.

    Without a line end it may be the beginning of one that has rows.
    """
    path = day.home.attendance(day.name)
    if export.accepted or not path.exists() or not day.is_school_day:
        return
    with suppress(duckdb.Error), open_published(path) as before:
        if before.execute("SELECT 1 FROM attendance.absences LIMIT 1").fetchone():
            severity = Severity.WARNING if ends_with_newline else Severity.HOLD
            cut_off = "" if ends_with_newline else " It may be cut off behind its header."
            export.findings.escalate(
                "no_data_rows",
                severity,
                "By this file nobody is absent, and by the one before somebody was. If the"
                " export selected nothing by mistake, correct it and upload it again: whoever"
                f" was listed today counts as cleared.{cut_off}",
            )


def note_contradictions(day: AttendanceDay, export: ExportReport) -> None:
    """Rows with and without a date are about one absence when the file is of that day."""
    ((line, lines),) = run(day.connection, "contradictions", arrival_date=day.arrival_date)
    if lines:
        export.findings.add(
            "conflicting_duplicate", line=line, column="Absence.code", count=lines, detail=""
        )


def emptied_schools(day: AttendanceDay) -> list[tuple[str, int, int]]:
    """Schools with more students absent than a day brings: code, absent students, students.

    Call after `build_absences`.
    """
    return run(
        day.connection,
        "emptied_schools",
        floor=day.district.attendance.absent_floor,
        max_absent_share=day.district.attendance.max_absent_share,
    )


def absent_by_another_days_file(day: AttendanceDay) -> int:
    """How many students are absent without a date, by a file that is of an earlier day.

    It came then, byte for byte, or has the same absences, with dates or without. A few of them
    may well be absent again. Call after `build_absences`.
    """
    students = day.dates.students_without
    if students <= FEW_STUDENTS:
        return 0
    uploads = day.ledger.uploads_of(day.name, ATTENDANCE.file_name, day.file_sha256)
    came = any(day.district.day_of(moment) < day.today for moment in uploads)
    return students if came or _is_what_was_published_before(day) else 0


def _is_what_was_published_before(day: AttendanceDay) -> bool:
    """Whether the file's absences are those of the last published day before today."""
    with day_file.day_before(day.connection, day.home, day.name, day.today) as is_there:
        return is_there and bool(run(day.connection, "same_as_other_day", many=MANY_STUDENTS)[0][0])


def has_lost_its_dates(day: AttendanceDay) -> bool:
    """Whether no row has a date, and the published files had them.

    Absences of other days would count as those of the day of arrival.
    """
    return (
        day.dates.row_count > 0
        and not day.dates.are_there
        and day_file.had_dates(day.connection, day.home, day.name)
    )


def cleared_beyond_measure(day: AttendanceDay) -> int:
    """Of how many students this file takes back what families were told, if that is too many.

    Part of a file looks like a file by which the others have come. Call after `build_absences`.
    """
    ((cleared, listed),) = run(day.connection, "cleared_counts")
    settings = day.district.attendance
    few = max(settings.absent_floor - 1, most_within(listed, settings.max_cleared_share))
    return int(cleared) if cleared > few else 0


def _note_mostly_unknown(day: AttendanceDay, export: ExportReport) -> None:
    """Most of a file that nobody would be told of is no day like another, however small it is.

    Codes say so only where the settings list all of them.
    """
    findings = export.findings
    # Repeated rows are among both: each of them has its findings.
    rows = export.accepted + findings.counts["unknown_student"]
    for code, message in MOSTLY.items():
        if code == "unknown_absence_code" and not day.district.attendance.other_codes:
            continue
        unknown = findings.counts[code]
        if unknown >= FEW_ROWS and unknown > rows / 2:
            findings.escalate(code, Severity.HOLD, f"Most rows {message}")


def _note_lost_dates(day: AttendanceDay, export: ExportReport) -> None:
    """Without its dates, a file tells nobody of which day its absences are."""
    date = next(one for one in ATTENDANCE.columns if one.kind is Kind.DATE)
    if export.checked is None or not has_lost_its_dates(day):
        return
    if date not in export.checked.read.columns:
        export.findings.add("column_vanished", column=date.name)
    elif export.accepted >= FEW_ROWS:
        export.findings.escalate(
            "column_emptied",
            Severity.HOLD,
            f'The column "{date.name}" is empty in every row, and the last published file had'
            " dates in it. Absences of other days would count as today's: fill it again, or"
            " have an operator approve this file.",
        )
