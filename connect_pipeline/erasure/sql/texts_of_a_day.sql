-- One row: a text of others in a day of absences, in which one of the words may be a part.
FROM others_of_a_day
UNION ALL
SELECT unnest(list_concat(teacher_names, [site_name, site_phone]))
FROM attendance.recipient_absences
