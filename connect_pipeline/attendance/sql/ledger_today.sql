-- One row: a student in a batch of today, or in a list of cleared absences, as the ledger has it:
-- its lessons, a line each, and its destinations as channel:hash. Bound are the ledger's rows, a
-- list per column.
CREATE OR REPLACE TABLE attendance.ledger_today AS
SELECT
    unnest($student_ids::VARCHAR[]) AS student_id,
    unnest($lessons::VARCHAR[]) AS lessons,
    unnest($channels::VARCHAR[]) AS channel,
    string_split(unnest($destinations::VARCHAR[]), ' ') AS destinations,
    unnest($batch_ids::VARCHAR[]) AS batch_id;
