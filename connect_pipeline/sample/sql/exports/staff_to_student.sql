-- One row is one student in one section.
SELECT
    schools.code AS school,
    staff.staff_id,
    students.student_id,
    classes.period::VARCHAR AS period,
    course_name,
    course_number,
    section_number
FROM classes
INNER JOIN students USING (s)
INNER JOIN sections USING (section)
INNER JOIN schools ON classes.school = schools.school
INNER JOIN staff
    ON sections.school = staff.school
    AND sections.lane = staff.lane
    AND sections.block = staff.block
    AND sections.half = staff.half
ORDER BY classes.school, s, classes.period
