-- One row: a student in a class. What links a class row of tonight to its class is the class's
-- key: school, teacher, period, course number (its name, if it has none) and section.
CREATE OR REPLACE TABLE scratch.class_keys AS
SELECT
    school,
    staff_id,
    period,
    course_key,
    section_number,
    -- A stable name for the key: the same from night to night and on every machine.
    'c' || md5(concat_ws(chr(31), school, staff_id, period, course_key, section_number))[1:16]
        AS class_id,
    arg_min(course_name, line) AS course_name,
    arg_min(course_number, line) AS course_number,
    -- Of a blank name nothing is known, and hashes compare faster than names.
    min(hash(course_name)) FILTER (course_name IS NOT NULL)
        <> max(hash(course_name)) FILTER (course_name IS NOT NULL) AS names_differ
FROM scratch.class_rows
GROUP BY school, staff_id, period, course_key, section_number;

-- One row: a line that enrols a student in a class a second time, under another course name.
CREATE OR REPLACE TABLE scratch.enrolled_again AS
WITH counted AS (
    SELECT
        line,
        row_number() OVER (
            PARTITION BY school, staff_id, period, course_key, section_number, student_id
            ORDER BY line
        ) AS occurrence
    FROM scratch.class_rows
    SEMI JOIN scratch.records.staff_to_student_alike USING (staff_id, student_id, period)
)
SELECT line FROM counted WHERE occurrence > 1;

-- In the order of the file, which has a student's or a class's rows together and so compresses.
CREATE TABLE connect.enrollments AS
SELECT class_keys.class_id, class_rows.student_id
FROM scratch.class_rows AS class_rows
ANTI JOIN scratch.enrolled_again USING (line)
JOIN scratch.class_keys AS class_keys
    USING (school, staff_id, period, course_key, section_number);

-- One row: a student who stays in a class of the last snapshot although no row of tonight says so
-- (`kept_enrollments.sql`).
CREATE OR REPLACE TABLE scratch.kept_enrollments (
    class_id VARCHAR, student_id VARCHAR, reason VARCHAR
);
