-- One row: a student × a message that is cleared or stands again, at the destinations for which that
-- is the same, in the columns of the ledger. `period` has the change, its list and the message's
-- batch, and the lessons that it is about, a line each; `said.sql` reads it.
SELECT
    $district AS district,
    $date AS date,
    student_id,
    concat_ws(' ', change, $batch_id, listed_in)
    || CASE WHEN lessons = [''] THEN '' ELSE chr(10) || array_to_string(lessons, chr(10)) END
        AS period,
    'cleared' AS channel,
    string_agg(channel || ':' || destination_hash, ' ' ORDER BY channel, destination_hash)
        AS destination_hash,
    $batch_id AS batch_id
FROM attendance.cleared
GROUP BY student_id, change, listed_in, lessons
ORDER BY student_id;
