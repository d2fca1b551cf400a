-- One row: a contact's name of another student who has a phone or an e-mail with this one.
WITH places AS (
    SELECT phone AS place FROM connect.contacts WHERE student_id = getvariable('student')
    UNION SELECT lower(email) FROM connect.contacts WHERE student_id = getvariable('student')
)
SELECT name FROM connect.contacts
WHERE student_id <> getvariable('student')
AND student_id IN (
    SELECT student_id FROM connect.contacts JOIN places ON place IN (phone, lower(email))
)
