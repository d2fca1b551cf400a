-- One row: a school, or all of them (school is NULL), with its enrollments before and tonight. Those
-- that stay only because a row may be about anybody count as gone.
WITH before AS (
    SELECT school, sum(student_count)::BIGINT AS enrollments
    FROM previous.connect.classes
    GROUP BY GROUPING SETS ((), (school))
),
kept_for_nobody AS (
    SELECT class_id, count(*) AS students
    FROM scratch.kept_enrollments
    WHERE reason = 'unnamed_row_quarantined'
    GROUP BY class_id
),
tonight AS (
    SELECT school, sum(student_count - coalesce(kept_for_nobody.students, 0))::BIGINT AS enrollments
    FROM candidate.connect.classes
    LEFT JOIN kept_for_nobody USING (class_id)
    GROUP BY GROUPING SETS ((), (school))
)
SELECT before.school, before.enrollments, coalesce(tonight.enrollments, 0)
FROM before
LEFT JOIN tonight ON tonight.school IS NOT DISTINCT FROM before.school
WHERE before.enrollments > 0
ORDER BY before.school NULLS FIRST
