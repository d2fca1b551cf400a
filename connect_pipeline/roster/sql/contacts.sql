-- One row: a student's contact by relation; contacts of whom nothing is known are left out.
-- Who stays at a school without a row there, and whose other row names no guardian's phone or
-- e-mail, keeps the guardians of before.
CREATE TABLE connect.contacts AS
WITH unreached AS (
    SELECT kept.student_id
    FROM scratch.records.kept_students AS kept
    JOIN scratch.normal.student_primary USING (student_id)
    JOIN scratch.normal.student_secondary USING (line)
    SEMI JOIN scratch.first_lines USING (line)
    WHERE coalesce(primary_phone, primary_email, secondary_phone, secondary_email) IS NULL
),
stated AS (
    SELECT student_id, 'primary' AS relation, primary_name AS name, primary_phone AS phone,
        primary_email AS email
    FROM scratch.normal.student_primary
    SEMI JOIN scratch.first_lines USING (line)
    WHERE student_id NOT IN (FROM unreached)
    UNION ALL
    SELECT student_id, 'secondary', secondary_name, secondary_phone, secondary_email
    FROM scratch.normal.student_secondary
    SEMI JOIN scratch.first_lines USING (line)
    WHERE student_id NOT IN (FROM unreached)
    UNION ALL
    SELECT student_id, 'self',
        CASE WHEN mobile_phone IS NOT NULL OR email IS NOT NULL
            THEN concat_ws(' ', first_name, last_name) END,
        mobile_phone, email
    FROM scratch.normal.student_self
    SEMI JOIN scratch.first_lines USING (line)
    UNION ALL
    SELECT student_id, relation, name, phone, email
    FROM previous.connect.contacts
    WHERE student_id IN (SELECT student_id FROM scratch.records.kept_students WHERE is_whole)
    OR (relation <> 'self' AND student_id IN (FROM unreached))
)
SELECT
    student_id,
    relation,
    name,
    phone,
    email
FROM stated
WHERE name IS NOT NULL OR phone IS NOT NULL OR email IS NOT NULL;
