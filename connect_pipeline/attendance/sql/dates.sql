-- One row: how many rows the file has, whether any has a date of its own, and how many students are
-- absent in rows without one.
SELECT
    count(*) AS row_count,
    count(*) FILTER (coalesce(date, '') <> '') > 0 AS are_there,
    count(DISTINCT student_id) FILTER (coalesce(date, '') = '') AS students_without
FROM records.attendance;
