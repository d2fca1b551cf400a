-- One row: a school, or all of them (school is NULL), with its students of tonight who had a class
-- last night, and how many of those have none any more.
WITH had_classes AS (
    SELECT school, student_id
    FROM candidate.connect.student_sites
    SEMI JOIN previous.connect.enrollments USING (student_id)
)
SELECT
    had_classes.school,
    count(DISTINCT had_classes.student_id) AS before,
    count(DISTINCT lost.student_id) AS lost
FROM had_classes
LEFT JOIN scratch.lost_all_classes AS lost USING (school, student_id)
GROUP BY GROUPING SETS ((), (had_classes.school))
ORDER BY had_classes.school NULLS FIRST
