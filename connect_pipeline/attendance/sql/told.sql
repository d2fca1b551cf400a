-- One row: a student × a channel × a destination that was listed earlier today, with the lessons
-- of which it was told, a line each.
CREATE OR REPLACE TABLE attendance.told AS
WITH told_of AS (
    SELECT
        student_id,
        lessons,
        unnest(destinations) AS destination,
        batch_id
    FROM attendance.ledger_today
    WHERE channel <> 'cleared'
)

SELECT
    student_id,
    split_part(destination, ':', 1) AS channel,
    split_part(destination, ':', 2) AS destination_hash,
    string_agg(lessons, chr(10)) AS lessons,
    max(batch_id) AS batch_id
FROM told_of
GROUP BY student_id, destination;
