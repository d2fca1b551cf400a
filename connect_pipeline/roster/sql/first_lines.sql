-- One row: the first accepted line of a student of tonight who does not stay as last published.
CREATE OR REPLACE TABLE scratch.first_lines AS
SELECT min(line) AS line
FROM scratch.records.students
WHERE student_id NOT IN (SELECT student_id FROM scratch.records.kept_students WHERE is_whole)
GROUP BY student_id;
