-- One row: one of the words that a day of absences also has for others.
WITH others (word) AS (
    FROM others_of_a_day
    UNION ALL
    SELECT unnest(teacher_names) FROM attendance.recipient_absences
)
SELECT DISTINCT mine.word
FROM (SELECT unnest(getvariable('words')::VARCHAR[]) AS word) AS mine
JOIN others ON lower(others.word) = lower(mine.word)
-- An e-mail address is one however it is written.
WHERE others.word = mine.word OR contains(mine.word, '@')
