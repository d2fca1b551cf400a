-- One row: a school for which the batch is held, and the code of the reason. Schools with fewer
-- absent students than the floor never hold. Period 0 may mean all day, which no schedule has.
WITH told_of AS (
    SELECT
        school,
        count(DISTINCT student_id) AS absent_students,
        count(*) AS absences,
        count(*) FILTER (WHERE NOT is_in_schedule AND period <> '0') AS unmatched
    FROM attendance.absences
    WHERE alerts
    GROUP BY school
    HAVING count(DISTINCT student_id) >= $floor::BIGINT
)

SELECT
    school,
    'mass_absence' AS code
FROM told_of
INNER JOIN attendance.schools AS schools USING (school)
WHERE told_of.absent_students > schools.students * $max_absent_share::DOUBLE
UNION ALL
SELECT
    school,
    'period_not_in_schedule' AS code
FROM told_of
WHERE unmatched > absences * $max_unmatched_share::DOUBLE;
