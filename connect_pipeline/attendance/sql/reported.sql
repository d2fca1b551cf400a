-- One row: a student absent from one period of one school on one day, as the file says it. A row
-- without a date is of the day on which the file arrived; where the file says that day of the same
-- absence as well, the first line wins.
CREATE OR REPLACE TABLE attendance.reported AS
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
)

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
GROUP BY school, student_id, period, date;
