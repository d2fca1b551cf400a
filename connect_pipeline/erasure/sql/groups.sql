-- One row: a group of students that the student is in.
SELECT group_id FROM connect.group_members JOIN connect.groups USING (group_id)
WHERE person_id = getvariable('student') AND audience = 'students'
