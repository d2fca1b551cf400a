-- One row: a student of whom this list tells, in the columns of the ledger, with every destination
-- as channel:hash.
SELECT
    $district AS district,
    $date AS date,
    student_id,
    '' AS period,
    'low_lunch_balance' AS channel,
    string_agg(channel || ':' || destination_hash, ' ') AS destination_hash,
    $batch_id AS batch_id
FROM attendance.entries
GROUP BY student_id
ORDER BY student_id;
