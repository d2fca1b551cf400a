-- One row: whether the file names just the absences that are published of the day `other`, or of many
-- students nearly all (nine of ten) with nothing but what they missed then: a correction that came late.
WITH these AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM attendance.reported
),

those AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM other.attendance.absences
),

students AS (
    SELECT
        these.student_id,
        count(*) = count(those.student_id) AS is_as_then
    FROM these
    LEFT JOIN those USING (school, student_id, period)
    GROUP BY these.student_id
),

counted AS (
    SELECT
        count(*) AS students,
        count(*) FILTER (WHERE is_as_then) AS as_then
    FROM students
)

SELECT
    (
        as_then = students
        AND (SELECT count(*) FROM these) = (SELECT count(*) FROM those)
    )
    OR (students >= $many::BIGINT AND as_then * 10 >= students * 9)
FROM counted;
