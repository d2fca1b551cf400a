-- One row: batch × channel × destination × child, as the sender reads it.
SELECT
    getvariable('batch_id') AS batch_id,
    getvariable('listed_at_text') AS listed_at,
    getvariable('today') AS date,
    listed_in,
    channel,
    defused(destination) AS destination,
    language,
    defused(student_id) AS student_id,
    defused(student_name) AS student_name,
    defused(site_name) AS site_name,
    defused(site_phone) AS site_phone,
    defused(array_to_string(once_each(periods), ', ')) AS periods,
    change
FROM attendance.cleared
-- Of one message first what is taken back, then what is said again.
ORDER BY channel, destination, student_id, listed_in, change = 'absent_again'
