-- One row: whether the file names just the absences that are published of the day `other`.
WITH these AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM attendance.reported
),

those AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM other.attendance.absences
)

SELECT
    (SELECT count(*) FROM these) = (SELECT count(*) FROM those)
    AND NOT EXISTS (FROM these ANTI JOIN those USING (school, student_id, period));
