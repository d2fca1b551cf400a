-- One row: a student; the first line of an ID wins. Students whose row of tonight is
-- quarantined stay as last published.
CREATE TABLE connect.students AS
SELECT
    student_id,
    first_name,
    last_name,
    grade,
    zip_code,
    bus_route,
    lunch_balance,
    language,
    preferred_contact_method
FROM scratch.normal.students
SEMI JOIN scratch.first_lines USING (line)
UNION ALL
SELECT
    student_id,
    first_name,
    last_name,
    grade,
    zip_code,
    bus_route,
    lunch_balance,
    language,
    preferred_contact_method
FROM previous.connect.students
WHERE student_id IN (SELECT student_id FROM scratch.records.kept_students WHERE is_whole)
ORDER BY student_id;
