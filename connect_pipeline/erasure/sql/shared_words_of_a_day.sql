-- One row: one of the words that a day of absences also has for others.
WITH others (word) AS (
    FROM others_of_a_day
    UNION ALL
    SELECT unnest(teacher_names) FROM attendance.recipient_absences
)
SELECT DISTINCT word FROM others WHERE list_contains(getvariable('words')::VARCHAR[], word)
