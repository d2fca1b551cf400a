-- One row: a text of others in a snapshot, in which one of the words may be a part.
SELECT concat_ws(' ', first_name, last_name) AS text FROM connect.students
WHERE student_id <> getvariable('student')
UNION ALL
SELECT unnest([bus_route, zip_code]) FROM connect.students
WHERE student_id <> getvariable('student')
UNION ALL
SELECT unnest([name, phone, email]) FROM connect.contacts
WHERE student_id <> getvariable('student')
UNION ALL
SELECT unnest([concat_ws(' ', first_name, last_name), email, title, mobile_phone])
FROM connect.staff
UNION ALL
SELECT unnest([name, address, phone]) FROM connect.sites
UNION ALL
SELECT unnest([course_name, course_number, section_number]) FROM connect.classes
WHERE NOT list_contains(getvariable('groups')::VARCHAR[], 'class:' || class_id)
UNION ALL
SELECT name FROM connect.groups
WHERE NOT list_contains(getvariable('groups')::VARCHAR[], group_id)
