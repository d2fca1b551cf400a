-- One row: a school, or all of them (school is NULL), with its enrollments before and tonight.
WITH before AS (
    SELECT school, sum(student_count)::BIGINT AS enrollments
    FROM previous.connect.classes
    GROUP BY GROUPING SETS ((), (school))
),
tonight AS (
    SELECT school, sum(student_count)::BIGINT AS enrollments
    FROM candidate.connect.classes
    GROUP BY GROUPING SETS ((), (school))
)
SELECT before.school, before.enrollments, coalesce(tonight.enrollments, 0)
FROM before
LEFT JOIN tonight ON tonight.school IS NOT DISTINCT FROM before.school
WHERE before.enrollments > 0
ORDER BY before.school NULLS FIRST
