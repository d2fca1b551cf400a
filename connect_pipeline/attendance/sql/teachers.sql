-- One row: a lesson of which the file does not say who teaches it, and who does.
CREATE OR REPLACE TABLE attendance.teachers AS
WITH unsaid AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM attendance.reported
    WHERE teacher_name IS NULL
),

taught AS (
    SELECT DISTINCT
        lessons.school,
        lessons.student_id,
        lessons.period,
        concat_ws(' ', nullif(staff.first_name, ''), nullif(staff.last_name, '')) AS teacher_name
    FROM attendance.lessons AS lessons
    INNER JOIN unsaid USING (school, student_id, period)
    INNER JOIN roster.connect.staff AS staff USING (staff_id)
)

SELECT
    school,
    student_id,
    period,
    string_agg(teacher_name, ', ' ORDER BY teacher_name) AS teacher_name
FROM taught
WHERE teacher_name <> ''
GROUP BY school, student_id, period;
