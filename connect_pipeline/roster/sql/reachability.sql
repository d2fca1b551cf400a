-- One row: the district (school is NULL) or a school, with its students and how many of them can
-- be reached through a guardian, before and tonight.
WITH reached_before AS (
    SELECT student_id FROM previous.connect.contacts
    WHERE relation <> 'self' AND (phone IS NOT NULL OR email IS NOT NULL)
),
reached_tonight AS (
    SELECT student_id FROM candidate.connect.contacts
    WHERE relation <> 'self' AND (phone IS NOT NULL OR email IS NOT NULL)
),
people AS (
    SELECT
        NULL::VARCHAR AS school,
        true AS is_before,
        student_id IN (FROM reached_before) AS is_reached
    FROM previous.connect.students
    UNION ALL
    SELECT NULL, false, student_id IN (FROM reached_tonight) FROM candidate.connect.students
    UNION ALL
    SELECT school, true, student_id IN (FROM reached_before) FROM previous.connect.student_sites
    UNION ALL
    SELECT school, false, student_id IN (FROM reached_tonight) FROM candidate.connect.student_sites
)
SELECT
    school,
    count(*) FILTER (WHERE is_before) AS students_before,
    count(*) FILTER (WHERE is_before AND is_reached) AS reached_before,
    count(*) FILTER (WHERE NOT is_before) AS students_tonight,
    count(*) FILTER (WHERE NOT is_before AND is_reached) AS reached_tonight
FROM people
GROUP BY school
ORDER BY school NULLS FIRST
