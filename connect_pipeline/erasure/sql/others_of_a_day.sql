-- One row: a destination or a name that a day of absences has for other children.
SELECT destination FROM attendance.recipients
WHERE student_ids <> [getvariable('student')]
UNION ALL
SELECT unnest(contact_names) FROM attendance.recipients
WHERE NOT list_contains(student_ids, getvariable('student'))
UNION ALL
SELECT student_name FROM attendance.recipient_absences
WHERE student_id <> getvariable('student')
