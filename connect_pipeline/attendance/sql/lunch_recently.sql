-- One row: a student of whose balance a family was told not long ago. Bound is what the ledger has.
CREATE OR REPLACE TABLE attendance.recently AS
SELECT unnest($recently::VARCHAR[]) AS student_id;
