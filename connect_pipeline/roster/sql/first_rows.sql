-- One row: a student's first accepted row of tonight, normalised.
CREATE OR REPLACE TABLE scratch.first_rows AS
WITH first_lines AS (
    SELECT min(line) AS line FROM scratch.records.students GROUP BY student_id
)
SELECT normal.*
FROM scratch.normal.students AS normal
SEMI JOIN first_lines USING (line);
