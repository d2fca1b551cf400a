-- One row: a class that an absent student has, and who teaches it.
CREATE OR REPLACE TABLE attendance.lessons AS
SELECT
    classes.school,
    enrollments.student_id,
    classes.period,
    classes.staff_id
FROM roster.connect.enrollments AS enrollments
INNER JOIN roster.connect.classes AS classes USING (class_id)
WHERE enrollments.student_id IN (SELECT student_id FROM attendance.students);
