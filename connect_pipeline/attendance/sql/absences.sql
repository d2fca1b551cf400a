-- One row: a student absent from one period of one school on one day, with its site and teacher,
-- and whether it is reason to tell the family: today's, of a known student, with a code that
-- alerts at that school, and not on a day without school. A row without a date is of the day on
-- which the file arrived; where the file says that day of the same absence as well, the first line
-- wins.
CREATE OR REPLACE TABLE attendance.absences AS
WITH dated AS (
    SELECT
        line,
        school,
        student_id,
        period,
        code,
        nullif(teacher_name, '') AS teacher_name,
        day_of_row(date, $arrival_date::DATE) AS date
    FROM records.attendance
),

reported AS (
    SELECT
        school,
        student_id,
        period,
        date,
        code,
        teacher_name
    FROM dated
    ANTI JOIN records.attendance_alike USING (student_id, period)
    UNION ALL
    -- Only a few rows can be about one absence, and grouping all of them is dear.
    SELECT
        school,
        student_id,
        period,
        date,
        arg_min(code, line) AS code,
        arg_min_null(teacher_name, line) AS teacher_name
    FROM dated
    SEMI JOIN records.attendance_alike USING (student_id, period)
    GROUP BY school, student_id, period, date
)

SELECT
    reported.school,
    schools.site_id,
    reported.student_id,
    reported.period,
    reported.code,
    reported.date,
    coalesce(reported.teacher_name, teachers.teacher_name) AS teacher_name,
    students.student_id IS NOT NULL AS is_known,
    list_contains(coalesce(school_codes.codes, $alert_codes::VARCHAR[]), reported.code)
        AS has_alerting_code,
    coalesce(
        reported.date = $today::DATE
        AND $is_school_day::BOOLEAN
        AND students.student_id IS NOT NULL
        AND has_alerting_code,
        false
    ) AS alerts
FROM reported
INNER JOIN attendance.schools AS schools USING (school)
LEFT JOIN attendance.students AS students USING (student_id)
LEFT JOIN attendance.school_codes AS school_codes USING (school)
LEFT JOIN attendance.teachers AS teachers
    ON reported.school = teachers.school
    AND reported.student_id = teachers.student_id
    AND reported.period = teachers.period;
