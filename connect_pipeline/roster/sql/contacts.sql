-- One row: a student's contact by relation; contacts of whom nothing is known are left out.
CREATE TABLE connect.contacts AS
WITH stated AS (
    SELECT student_id, 'primary' AS relation, primary_name AS name, primary_phone AS phone,
        primary_email AS email
    FROM scratch.first_rows
    UNION ALL
    SELECT student_id, 'secondary', secondary_name, secondary_phone, secondary_email
    FROM scratch.first_rows
    UNION ALL
    SELECT student_id, 'self',
        CASE WHEN mobile_phone IS NOT NULL OR email IS NOT NULL
            THEN concat_ws(' ', first_name, last_name) END,
        mobile_phone, email
    FROM scratch.first_rows
    UNION ALL
    SELECT student_id, relation, name, phone, email
    FROM previous.connect.contacts
    WHERE student_id IN (SELECT student_id FROM scratch.records.kept_students)
)
SELECT
    student_id,
    relation,
    name,
    phone,
    email
FROM stated
WHERE name IS NOT NULL OR phone IS NOT NULL OR email IS NOT NULL;
