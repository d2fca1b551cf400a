-- One row: a student listed in this batch, in the columns of the ledger: every lesson that alerts
-- now, a line each, and every destination that is told now, as channel:hash.
WITH listed AS (
    SELECT
        student_id,
        concat_ws(
            ' ',
            CASE WHEN bool_or(channel = 'email') THEN 'email' END,
            CASE WHEN bool_or(channel = 'sms') THEN 'sms' END,
            CASE WHEN bool_or(channel = 'voice') THEN 'voice' END
        ) AS channels,
        string_agg(channel || ':' || destination_hash, ' ') AS destinations
    FROM attendance.entries
    GROUP BY student_id
)

SELECT
    $district AS district,
    $date AS date,
    listed.student_id,
    children.lessons AS period,
    listed.channels AS channel,
    listed.destinations AS destination_hash,
    $batch_id AS batch_id
FROM listed
INNER JOIN attendance.children AS children USING (student_id)
ORDER BY listed.student_id;
