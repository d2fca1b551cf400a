-- One row: a date that this file speaks for: those of its rows, and for a file without rows the
-- day of its arrival, on which nobody is absent then.
CREATE OR REPLACE TABLE attendance.spoken_for AS
SELECT DISTINCT date
FROM attendance.absences
WHERE date IS NOT NULL
UNION ALL
SELECT $arrival_date::DATE AS date
WHERE NOT EXISTS (FROM attendance.absences);
