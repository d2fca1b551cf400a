-- One row: the district (school is NULL) or a school, with its students and how many of them can
-- be reached through a guardian, before and tonight.
WITH placed AS (
    SELECT true AS is_before, student_id, school FROM previous.connect.student_sites
    UNION ALL
    SELECT false, student_id, school FROM candidate.connect.student_sites
),
reached AS (
    SELECT DISTINCT true AS is_before, student_id FROM previous.connect.contacts
    WHERE relation <> 'self' AND (phone IS NOT NULL OR email IS NOT NULL)
    UNION ALL
    SELECT DISTINCT false, student_id FROM candidate.connect.contacts
    WHERE relation <> 'self' AND (phone IS NOT NULL OR email IS NOT NULL)
)
SELECT
    placed.school,
    count(DISTINCT placed.student_id) FILTER (WHERE placed.is_before) AS students_before,
    count(DISTINCT reached.student_id) FILTER (WHERE placed.is_before) AS reached_before,
    count(DISTINCT placed.student_id) FILTER (WHERE NOT placed.is_before) AS students_tonight,
    count(DISTINCT reached.student_id) FILTER (WHERE NOT placed.is_before) AS reached_tonight
FROM placed
LEFT JOIN reached USING (is_before, student_id)
GROUP BY GROUPING SETS ((), (placed.school))
ORDER BY placed.school NULLS FIRST
