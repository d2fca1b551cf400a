-- One row: batch × channel × destination × child, as the sender reads it.
SELECT
    getvariable('batch_id') AS batch_id,
    getvariable('listed_at_text') AS listed_at,
    getvariable('today') AS date,
    entries.channel,
    defused(entries.destination) AS destination,
    recipients.language,
    defused(array_to_string(recipients.contact_names, '; ')) AS contact_names,
    defused(entries.student_id) AS student_id,
    defused(children.student_name) AS student_name,
    children.lunch_balance,
    defused(children.site_name) AS site_name,
    defused(children.site_phone) AS site_phone
FROM attendance.entries AS entries
INNER JOIN attendance.recipients AS recipients USING (channel, destination)
INNER JOIN attendance.children AS children USING (student_id)
ORDER BY entries.channel, entries.destination, entries.student_id
