-- One row: batch × channel × destination × child, as the sender reads it.
WITH said AS (
    SELECT
        student_id,
        told,
        defused(student_id) AS shown_id,
        defused(student_name) AS student_name,
        defused(site_name) AS site_name,
        defused(site_phone) AS site_phone,
        defused(array_to_string(once_each(periods), ', ')) AS periods,
        defused(array_to_string(once_each(codes), ', ')) AS codes,
        defused(array_to_string(once_each(teacher_names), '; ')) AS teacher_names
    FROM attendance.messages
)

SELECT
    getvariable('batch_id') AS batch_id,
    getvariable('listed_at_text') AS listed_at,
    getvariable('today') AS date,
    entries.channel,
    defused(entries.destination) AS destination,
    recipients.language,
    defused(array_to_string(recipients.contact_names, '; ')) AS contact_names,
    said.shown_id AS student_id,
    said.student_name,
    said.site_name,
    said.site_phone,
    said.periods,
    said.codes,
    said.teacher_names
FROM attendance.entries AS entries
INNER JOIN attendance.recipients AS recipients USING (channel, destination)
INNER JOIN said USING (student_id, told)
ORDER BY entries.channel, entries.destination, entries.student_id
