-- One row: a person or an enrollment that stays as last published, or a person who has a row tonight
-- and stays at a further school; and for how many nights now.
CREATE TABLE connect.kept AS
WITH tonight AS (
    SELECT
        CASE WHEN is_whole THEN 'staff' ELSE 'staff_site' END AS entity,
        staff_id AS key,
        NULL::VARCHAR AS class_id,
        reason
    FROM scratch.records.kept_staff
    UNION ALL
    SELECT
        CASE WHEN is_whole THEN 'student' ELSE 'student_site' END,
        student_id,
        NULL,
        reason
    FROM scratch.records.kept_students
    UNION ALL
    SELECT 'enrollment', student_id, class_id, reason FROM scratch.kept_enrollments
)
SELECT
    tonight.entity,
    tonight.key,
    tonight.class_id,
    tonight.reason,
    coalesce(earlier.nights, 0) + 1 AS nights,
    coalesce(earlier.valid_in, (SELECT snapshot_id FROM previous.connect.snapshot)) AS valid_in
FROM tonight
LEFT JOIN previous.connect.kept AS earlier
    ON earlier.entity = tonight.entity
    AND earlier.key = tonight.key
    AND earlier.class_id IS NOT DISTINCT FROM tonight.class_id
ORDER BY tonight.entity, tonight.key, tonight.class_id;
