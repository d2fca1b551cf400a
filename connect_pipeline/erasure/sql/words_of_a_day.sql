-- One row: a word of the student's in a day of absences; destinations that no other child has.
SELECT student_name FROM attendance.recipient_absences WHERE student_id = getvariable('student')
UNION
SELECT unnest(list_append(contact_names, destination)) FROM attendance.recipients
WHERE student_ids = [getvariable('student')]
