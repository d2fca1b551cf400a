-- One row: an absent student × a date, listed now or suppressed for one reason; the first reason
-- that applies, in the order below. batch_id is the last batch that listed the student earlier today;
-- the batch at hand is filled in when it is made.
CREATE OR REPLACE TABLE attendance.accounting AS
WITH absent AS (
    SELECT
        date,
        student_id,
        bool_or(is_known) AS is_known,
        bool_or(alerts) AS alerts
    FROM attendance.absences
    GROUP BY date, student_id
),

told AS (
    SELECT
        student_id,
        max(batch_id) AS batch_id
    FROM attendance.told
    GROUP BY student_id
),

-- Of whom a message stands after this file, or may stand again: it was not taken back for good.
heard AS (
    SELECT DISTINCT said.student_id
    FROM attendance.said AS said
    LEFT JOIN attendance.clearing AS clearing
        USING (student_id, channel, destination_hash, listed_in)
    LEFT JOIN attendance.destinations AS destinations
        USING (student_id, channel, destination_hash)
    WHERE (said.stands AND clearing.student_id IS NULL)
    OR NOT destinations.is_opted_out
),

listed AS (
    SELECT DISTINCT student_id FROM attendance.entries
),

reached AS (
    SELECT DISTINCT student_id FROM attendance.destinations
),

-- Whoever was told of, and is not absent by this file.
gone AS (
    SELECT
        told.student_id,
        told.batch_id,
        told.student_id IN (SELECT student_id FROM attendance.doubtful) AS is_doubtful
    FROM told
    WHERE $speaks_for_today::BOOLEAN
    AND told.student_id NOT IN (SELECT student_id FROM absent WHERE date = $today::DATE)
),

reasons AS (
    SELECT
        absent.date,
        absent.student_id,
        CASE
            WHEN absent.date IS DISTINCT FROM $today::DATE THEN 'not_today'
            WHEN NOT $is_school_day::BOOLEAN THEN 'no_school_day'
            WHEN NOT absent.is_known THEN 'unknown_student'
            WHEN NOT absent.alerts THEN 'code_does_not_alert'
            WHEN listed.student_id IS NOT NULL THEN NULL
            WHEN heard.student_id IS NOT NULL THEN 'already_listed'
            WHEN children.student_id IS NULL THEN 'too_few_periods'
            WHEN reached.student_id IS NULL THEN 'no_usable_contact'
            ELSE 'opted_out'
        END AS reason,
        told.batch_id
    FROM absent
    LEFT JOIN attendance.children AS children USING (student_id)
    LEFT JOIN told USING (student_id)
    LEFT JOIN heard USING (student_id)
    LEFT JOIN listed USING (student_id)
    LEFT JOIN reached USING (student_id)
)

SELECT
    date,
    student_id,
    CASE WHEN reason IS NULL THEN 'listed' ELSE 'suppressed' END AS status,
    reason,
    CASE WHEN date = $today::DATE THEN batch_id END AS batch_id
FROM reasons
UNION ALL
SELECT
    $today::DATE AS date,
    student_id,
    'suppressed' AS status,
    CASE WHEN is_doubtful THEN 'already_listed' ELSE 'cleared' END AS reason,
    batch_id
FROM gone;
