-- One row: an absent student whom the published roster knows.
CREATE OR REPLACE TABLE attendance.students AS
SELECT
    student_id,
    concat_ws(' ', nullif(first_name, ''), nullif(last_name, '')) AS student_name,
    language,
    preferred_contact_method
FROM roster.connect.students
WHERE student_id IN (SELECT student_id FROM attendance.reported);
