-- One row: a student × a batch of whose cleared absence, or of whose being absent again, the sender
-- learns, in the columns of the ledger. `period` says which change it is, in which list, of which
-- batch.
SELECT DISTINCT
    $district AS district,
    $date AS date,
    student_id,
    concat_ws(' ', change, $batch_id, listed_in) AS period,
    'cleared' AS channel,
    '' AS destination_hash,
    $batch_id AS batch_id
FROM attendance.cleared
ORDER BY student_id;
