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
SELECT DISTINCT mine.word
FROM (SELECT unnest(getvariable('words')::VARCHAR[]) AS word) AS mine
JOIN others ON lower(others.word) = lower(mine.word)
-- An e-mail address is one however it is written.
WHERE others.word = mine.word OR contains(mine.word, '@')
