-- One row: an absent student whom the published roster knows. Of an ID that two children had last
-- night, nobody knows whose absence it is.
CREATE OR REPLACE TABLE attendance.students AS
SELECT
    student_id,
    concat_ws(' ', nullif(first_name, ''), nullif(last_name, '')) AS student_name,
    language,
    preferred_contact_method
FROM roster.connect.students
WHERE student_id IN (SELECT student_id FROM records.attendance)
AND student_id NOT IN (
    SELECT key
    FROM roster.connect.kept
    WHERE entity = 'student' AND reason = 'student_id_reused'
);
