-- One row: a student whose lunch balance is below the district's threshold. Who stays as last
-- published, because tonight has no valid row, has the balance of an earlier night.
CREATE OR REPLACE TABLE attendance.students AS
SELECT
    student_id,
    concat_ws(' ', nullif(first_name, ''), nullif(last_name, '')) AS student_name,
    language,
    preferred_contact_method,
    lunch_balance,
    student_id NOT IN (
        SELECT key FROM roster.connect.kept WHERE entity = 'student'
    ) AS is_current
FROM roster.connect.students
WHERE lunch_balance < $threshold::DECIMAL(10, 2);
