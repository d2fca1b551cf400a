-- One row: a student absent from one period of one school on one day, as the file says it. The
-- first line wins; a row without a date is of the day on which the file arrived.
CREATE OR REPLACE TABLE attendance.reported AS
WITH dated AS (
    SELECT
        line,
        school,
        student_id,
        period,
        code,
        nullif(teacher_name, '') AS teacher_name,
        CASE WHEN coalesce(date, '') = '' THEN $arrival_date::DATE ELSE read_date(date) END AS date
    FROM records.attendance
)

SELECT
    school,
    student_id,
    period,
    date,
    arg_min(code, line) AS code,
    arg_min(teacher_name, line) AS teacher_name
FROM dated
GROUP BY school, student_id, period, date;
