-- One row: the name of one of the student's contacts.
SELECT name FROM connect.contacts WHERE student_id = getvariable('student') AND name IS NOT NULL
