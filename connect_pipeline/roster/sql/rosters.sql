-- One row: a student in a class, with what a reader of rosters wants beside it.
CREATE VIEW connect.rosters AS
SELECT
    classes.class_id,
    classes.school,
    classes.site_id,
    classes.staff_id,
    concat_ws(' ', staff.first_name, staff.last_name) AS teacher_name,
    classes.period,
    classes.course_name,
    students.student_id,
    students.first_name,
    students.last_name,
    students.grade
FROM connect.enrollments
JOIN connect.classes USING (class_id)
JOIN connect.students USING (student_id)
LEFT JOIN connect.staff ON staff.staff_id = classes.staff_id;
