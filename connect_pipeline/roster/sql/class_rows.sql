-- What of its course a class is known by: the number or, without one, the name.
CREATE OR REPLACE TEMP MACRO course_key(course_number, course_name) AS
    coalesce('number ' || course_number, 'name ' || course_name, '');

-- One row: a class row of tonight with the parts of its class's key, none of them NULL.
CREATE OR REPLACE VIEW scratch.class_rows AS
SELECT
    line,
    school,
    staff_id,
    period,
    course_key(course_number, course_name) AS course_key,
    coalesce(section_number, '') AS section_number,
    course_name,
    course_number,
    student_id
FROM scratch.normal.staff_to_student;
