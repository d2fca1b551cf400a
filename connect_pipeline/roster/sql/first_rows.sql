-- One row: a student's first accepted row of tonight, normalised.
CREATE OR REPLACE TABLE scratch.first_lines AS
SELECT min(line) AS line FROM scratch.records.students GROUP BY student_id;

CREATE OR REPLACE VIEW scratch.first_rows AS
SELECT normal.*
FROM scratch.normal.students AS normal
SEMI JOIN scratch.first_lines USING (line);
