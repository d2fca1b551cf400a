-- What is only the student's in `old`: classes, those of them with nobody else, and groups of
-- students.
CREATE TEMP TABLE own_classes AS
SELECT class_id FROM old.connect.enrollments WHERE student_id = getvariable('student');
CREATE TEMP TABLE lonely_classes AS
SELECT class_id FROM old.connect.classes
WHERE student_count = 1 AND class_id IN (FROM own_classes);
CREATE TEMP TABLE own_groups AS
SELECT group_id FROM old.connect.group_members JOIN old.connect.groups USING (group_id)
WHERE person_id = getvariable('student') AND audience = 'students';
