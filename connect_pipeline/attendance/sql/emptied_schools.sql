-- One row: how many schools have more absent students than a day brings. A school with fewer of
-- them than the floor is none.
WITH told_of AS (
    SELECT
        school,
        count(DISTINCT student_id) AS absent_students
    FROM attendance.absences
    WHERE alerts
    GROUP BY school
    HAVING count(DISTINCT student_id) >= $floor::BIGINT
)

SELECT count(*) AS schools
FROM told_of
INNER JOIN attendance.schools AS schools USING (school)
WHERE told_of.absent_students > schools.students * $max_absent_share::DOUBLE;
