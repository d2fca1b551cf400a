"""The rule `period_not_in_schedule`."""

from connect_pipeline.contract import ATTENDANCE, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.rules.rule import Example, Severity, ShareHold, TableRule

RULE = TableRule(
    code="period_not_in_schedule",
    severity=Severity.WARNING,
    doc="An absence is in a period for which the student has no class at that school.",
    help=(
        "The family is still told, because a missing child matters more than a tidy schedule,"
        " unless so many rows of one school have no class that the file is held. Many such rows"
        " mean that the two files count periods differently, or that schedules are not up to date,"
        " and alerts may name wrong lessons. Have both exports write periods in the same way, 1 or"
        " 01, and from the same term."
    ),
    message=(
        "StaffToStudentExport.csv has no class for this student, school and period: {detail}."
        " Compare how both exports write periods and schools."
    ),
    setting="thresholds.unmatched_periods",
    spec=ATTENDANCE,
    needs=(STAFF_TO_STUDENT, STUDENTS),
    select="""
        WITH schedules AS MATERIALIZED (
            SELECT student_id, school, period
            FROM records.staff_to_student
            WHERE student_id IN (SELECT DISTINCT student_id FROM records.attendance)
        ),
        unmatched AS (
            SELECT line, school, student_id, period
            FROM records.attendance
            ANTI JOIN schedules USING (student_id, school, period)
        ),
        compared AS (
            SELECT
                unmatched.line,
                any_value(unmatched.student_id) AS student_id,
                count(schedules.student_id) AS classes,
                coalesce(bool_or(schedules.school = unmatched.school), false) AS at_school,
                coalesce(
                    bool_or(
                        schedules.school = unmatched.school
                        AND ltrim(schedules.period, '0') = ltrim(unmatched.period, '0')
                    ),
                    false
                ) AS without_zeros,
                coalesce(
                    bool_or(
                        schedules.school <> unmatched.school
                        AND ltrim(schedules.school, '0') = ltrim(unmatched.school, '0')
                        AND ltrim(schedules.period, '0') = ltrim(unmatched.period, '0')
                    ),
                    false
                ) AS is_about_school
            FROM unmatched
            LEFT JOIN schedules USING (student_id)
            GROUP BY unmatched.line
        )
        SELECT
            line,
            student_id AS record_id,
            'Period' AS column_name,
            CASE
                WHEN is_about_school THEN 'the school would match without leading zeros'
                WHEN without_zeros THEN 'the period would match without leading zeros'
                WHEN at_school THEN 'the student has classes there, but not in this period'
                WHEN classes > 0 THEN 'the student has classes at another school only'
                ELSE 'the student has no class at all'
            END AS detail
        FROM compared
    """,
    order=120,
    hold=ShareHold(
        over="unmatched_periods",
        by="school",
        message=(
            "Absences of one school in periods that are not in its schedule: {count}, more than the"
            " district allows."
        ),
        fix="Compare how both exports write periods, or have an operator approve this file.",
    ),
    failing=Example.of(ATTENDANCE, '101,001,01,A,"Lopez, Maria",10/02/25', line=2),
    passing=Example.of(ATTENDANCE, '101,001,1,A,"Lopez, Maria",10/02/25'),
)
