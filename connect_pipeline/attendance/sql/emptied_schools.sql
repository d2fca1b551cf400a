-- One row: a school that has more absent students than a day brings, with how many of how many. A
-- school with fewer of them than the floor is none; and where so many have been told of today, as an
-- operator approved, so many others make it one again.
WITH counted AS (
    SELECT
        school,
        count(DISTINCT student_id) AS absent_students,
        count(DISTINCT student_id) FILTER (student_id IN (SELECT student_id FROM attendance.told))
            AS told_students
    FROM attendance.absences
    WHERE alerts
    GROUP BY school
    HAVING count(DISTINCT student_id) >= $floor::BIGINT
)

SELECT
    school,
    counted.absent_students,
    schools.students
FROM counted
INNER JOIN attendance.schools AS schools USING (school)
WHERE counted.absent_students > schools.students * $max_absent_share::DECIMAL(18, 9)
AND (
    counted.told_students < $floor::BIGINT
    OR counted.told_students <= schools.students * $max_absent_share::DECIMAL(18, 9)
    OR counted.absent_students - counted.told_students >= $floor::BIGINT
)
ORDER BY school;
