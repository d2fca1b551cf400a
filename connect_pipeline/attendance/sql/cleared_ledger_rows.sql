-- One row: a student of whose cleared absence, or of whose being absent again, the sender learns, in
-- the columns of the ledger. `period` tells one such change from the next of the same day.
SELECT DISTINCT
    $district AS district,
    $date AS date,
    student_id,
    change || ' ' || $batch_id AS period,
    'cleared' AS channel,
    '' AS destination_hash,
    $batch_id AS batch_id
FROM attendance.cleared
ORDER BY student_id;
