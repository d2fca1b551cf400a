-- One row: an absent student and its two guardian contacts. The student's own phone and e-mail
-- (`self`) are among them only where the export gives them as a guardian's, too.
CREATE OR REPLACE TABLE attendance.contacts AS
WITH guardians AS MATERIALIZED (
    SELECT
        student_id,
        relation,
        nullif(name, '') AS name,
        nullif(phone, '') AS phone,
        lower(nullif(email, '')) AS email
    FROM roster.connect.contacts
    WHERE relation IN ('primary', 'secondary')
    AND student_id IN (SELECT student_id FROM attendance.students)
)

SELECT
    student_id,
    first_guardian.name AS primary_name,
    first_guardian.phone AS primary_phone,
    first_guardian.email AS primary_email,
    second_guardian.name AS secondary_name,
    second_guardian.phone AS secondary_phone,
    second_guardian.email AS secondary_email
FROM (FROM guardians WHERE relation = 'primary') AS first_guardian
FULL JOIN (FROM guardians WHERE relation = 'secondary') AS second_guardian USING (student_id);
