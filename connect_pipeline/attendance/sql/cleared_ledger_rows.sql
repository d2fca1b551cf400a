-- One row: a student whose cleared absence the sender learns of, in the columns of the ledger.
SELECT DISTINCT
    $district AS district,
    $date AS date,
    student_id,
    '' AS period,
    'cleared' AS channel,
    '' AS destination_hash,
    $batch_id AS batch_id
FROM attendance.cleared
ORDER BY student_id;
