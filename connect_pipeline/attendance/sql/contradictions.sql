-- One row: the first line, and how many, that say of an absence another code than an earlier line, one
-- of them without a date: that both are of one day is known when the file has arrived.
WITH dated AS (
    SELECT
        line,
        school,
        student_id,
        period,
        code,
        coalesce(date, '') = '' AS is_undated,
        day_of_row(date, $arrival_date::DATE) AS day
    FROM records.attendance
    SEMI JOIN records.attendance_alike USING (student_id, period)
),

compared AS (
    SELECT
        line,
        code <> first_value(code) OVER of_one
        AND is_undated <> first_value(is_undated) OVER of_one AS contradicts
    FROM dated
    WINDOW of_one AS (PARTITION BY school, student_id, period, day ORDER BY line)
)

SELECT
    min(line) AS line,
    count(*) AS lines
FROM compared
WHERE contradicts;
