-- One row: a person, a person's place at one school, or an enrollment that stays as last published,
-- and for how many nights now.
CREATE TABLE connect.kept AS
WITH tonight AS (
    SELECT
        'staff' AS entity,
        staff_id AS key,
        NULL::VARCHAR AS school,
        NULL::VARCHAR AS class_id,
        reason
    FROM scratch.records.kept_staff
    UNION ALL
    SELECT 'staff', staff_id, school, NULL, reason FROM scratch.records.kept_staff_sites
    UNION ALL
    SELECT 'student', student_id, NULL, NULL, reason FROM scratch.records.kept_students
    UNION ALL
    SELECT 'student', student_id, school, NULL, reason FROM scratch.records.kept_student_sites
    UNION ALL
    SELECT 'enrollment', student_id, NULL, class_id, reason FROM scratch.kept_enrollments
),
earlier AS (
    -- Snapshots of before have no schools here.
    SELECT * FROM previous.connect.kept
    UNION ALL BY NAME
    SELECT NULL::VARCHAR AS school WHERE false
)
SELECT
    tonight.entity,
    tonight.key,
    tonight.school,
    tonight.class_id,
    tonight.reason,
    coalesce(earlier.nights, 0) + 1 AS nights,
    coalesce(earlier.valid_in, (SELECT snapshot_id FROM previous.connect.snapshot)) AS valid_in
FROM tonight
LEFT JOIN earlier
    ON earlier.entity = tonight.entity
    AND earlier.key = tonight.key
    AND earlier.school IS NOT DISTINCT FROM tonight.school
    AND earlier.class_id IS NOT DISTINCT FROM tonight.class_id
ORDER BY tonight.entity, tonight.key, tonight.school, tonight.class_id;
