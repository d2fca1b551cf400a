-- One row: how many students of whom somebody was told today the file clears, and of how many in all
-- somebody was told.
SELECT
    count(DISTINCT student_id) FILTER (
        WHERE student_id NOT IN (SELECT student_id FROM attendance.doubtful)
        AND student_id NOT IN (
            SELECT student_id FROM attendance.absences WHERE date = $today::DATE
        )
    ) AS cleared,
    count(DISTINCT student_id) AS listed
FROM attendance.told;
