-- One row: a student's first accepted row of tonight, normalised. Without those who stay as last
-- published.
CREATE OR REPLACE TABLE scratch.first_lines AS
SELECT min(line) AS line
FROM scratch.records.students
WHERE student_id NOT IN (SELECT student_id FROM scratch.records.kept_students WHERE is_whole)
GROUP BY student_id;

CREATE OR REPLACE VIEW scratch.first_rows AS
SELECT normal.*
FROM scratch.normal.students AS normal
SEMI JOIN scratch.first_lines USING (line);
