-- One row: one of the words that is also another's: a person's, a contact's or a site's.
WITH others AS (
    SELECT concat_ws(' ', first_name, last_name) AS word FROM connect.students
    WHERE student_id <> getvariable('student')
    UNION ALL
    SELECT unnest([name, phone, email]) FROM connect.contacts
    WHERE student_id <> getvariable('student')
    UNION ALL
    SELECT unnest([concat_ws(' ', first_name, last_name), email, mobile_phone]) FROM connect.staff
    UNION ALL
    SELECT unnest([name, phone]) FROM connect.sites
)
SELECT DISTINCT word FROM others WHERE list_contains(getvariable('words')::VARCHAR[], word)
