-- One row: how many students the file has in rows without a date.
SELECT count(DISTINCT student_id) AS students
FROM records.attendance
WHERE coalesce(date, '') = '';
