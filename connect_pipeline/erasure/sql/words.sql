-- One row: a word of the student's in a snapshot: a name, and each contact's name, phone and e-mail.
SELECT concat_ws(' ', first_name, last_name) FROM connect.students
WHERE student_id = getvariable('student')
UNION SELECT unnest([name, phone, email]) FROM connect.contacts
WHERE student_id = getvariable('student')
