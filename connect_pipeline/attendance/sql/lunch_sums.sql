-- One row: whether the accounting of low balances is right, each fact on its own.
WITH entered AS (
    SELECT
        student_id,
        count(*) > count(DISTINCT (channel, destination)) AS is_repeated
    FROM attendance.entries
    GROUP BY student_id
)

SELECT
    (SELECT count(*) FROM attendance.students)
    = (SELECT count(DISTINCT student_id) FROM attendance.accounting)
    AND (SELECT count(*) FROM attendance.students)
    = (SELECT count(*) FROM attendance.accounting) AS each_student_once,
    (SELECT count(*) FROM attendance.accounting WHERE status = 'listed')
    = (SELECT count(*) FROM entered) AS listed_have_recipients,
    NOT EXISTS (FROM entered WHERE is_repeated) AS no_destination_twice;
