-- One row: a student × a channel × a destination that was listed earlier today, with the lessons
-- of which it was told, a line each. Bound are the ledger's rows, a list per column.
CREATE OR REPLACE TABLE attendance.told AS
WITH ledger_rows AS (
    SELECT
        unnest($student_ids::VARCHAR[]) AS student_id,
        unnest($lessons::VARCHAR[]) AS lessons,
        unnest($destinations::VARCHAR[]) AS destinations,
        unnest($batch_ids::VARCHAR[]) AS batch_id
),

told_of AS (
    SELECT
        student_id,
        lessons,
        unnest(string_split(destinations, ' ')) AS destination,
        batch_id
    FROM ledger_rows
)

SELECT
    student_id,
    split_part(destination, ':', 1) AS channel,
    split_part(destination, ':', 2) AS destination_hash,
    string_agg(lessons, chr(10)) AS lessons,
    max(batch_id) AS batch_id
FROM told_of
GROUP BY student_id, destination;
