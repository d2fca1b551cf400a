-- One row: whether the accounting balances, each fact on its own. It is compared with the checked
-- file itself, not with what was made of it.
WITH absent AS (
    SELECT DISTINCT
        student_id,
        CASE WHEN coalesce(date, '') = '' THEN $arrival_date::DATE ELSE read_date(date) END AS date
    FROM records.attendance
),

repeated AS (
    SELECT 1
    FROM attendance.accounting
    GROUP BY date, student_id
    HAVING count(*) > 1
),

entered AS (
    SELECT
        student_id,
        count(*) > count(DISTINCT (channel, destination)) AS is_repeated
    FROM attendance.entries
    GROUP BY student_id
)

SELECT
    (SELECT count(*) FROM absent)
    = (SELECT count(*) FROM attendance.accounting SEMI JOIN absent USING (date, student_id))
    AND NOT EXISTS (
        FROM attendance.accounting
        ANTI JOIN absent USING (date, student_id)
        WHERE student_id NOT IN (SELECT student_id FROM attendance.told)
    )
    AND NOT EXISTS (FROM repeated) AS each_absent_student_once,
    (SELECT count(*) FROM attendance.accounting WHERE status = 'listed')
    = (SELECT count(*) FROM entered) AS listed_have_recipients,
    NOT EXISTS (FROM entered WHERE is_repeated) AS no_destination_twice;
