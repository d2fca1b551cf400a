-- One row: a student of tonight at a school, who had a class last night and has none any more. Only
-- classes that are gone or have changed can have lost one.
CREATE OR REPLACE TABLE scratch.lost_all_classes AS
WITH touched AS (
    SELECT key AS class_id
    FROM candidate.connect.changes
    WHERE entity = 'class' AND change <> 'added'
),
were_there AS (
    SELECT DISTINCT student_id
    FROM previous.connect.enrollments
    SEMI JOIN touched USING (class_id)
),
lost AS (
    SELECT student_id
    FROM were_there
    ANTI JOIN candidate.connect.enrollments USING (student_id)
)
SELECT school, student_id
FROM candidate.connect.student_sites
SEMI JOIN lost USING (student_id);
