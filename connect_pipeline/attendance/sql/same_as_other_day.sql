-- One row: whether the file names just the absences that are published of the day `other`; or of many
-- students nearly all (nine of ten) with nothing but what they missed then: a correction that came late;
-- or nearly all of that day's many students, who are at least half of its own: that day went on.
WITH these AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM attendance.absences
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
        count(*) FILTER (WHERE is_as_then) AS as_then,
        count(*) FILTER (WHERE student_id IN (SELECT student_id FROM those)) AS again,
        (SELECT count(DISTINCT student_id) FROM those) AS students_then
    FROM students
)

SELECT
    (
        as_then = students
        AND (SELECT count(*) FROM these) = (SELECT count(*) FROM those)
    )
    OR (students >= $many::BIGINT AND as_then * 10 >= students * 9)
    OR (students_then >= $many::BIGINT AND again * 10 >= students_then * 9 AND again * 2 >= students)
FROM counted;
