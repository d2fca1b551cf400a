-- One row: whether any row of the file has a date of its own.
CREATE OR REPLACE TABLE attendance.dates AS
SELECT count(*) > 0 AS are_there
FROM records.attendance
WHERE coalesce(date, '') <> '';
