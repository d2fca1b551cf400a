-- One row: a message of earlier today of which the file says nothing any more, or only with codes that
-- the settings name as none to alert for and that alert nobody at their school, by its child, its
-- destination and its batch, with the lessons that it still stood for. Whoever a row that was kept out
-- may be about is not among them.
CREATE OR REPLACE TABLE attendance.clearing AS
WITH absent AS (
    SELECT
        student_id,
        CASE WHEN $policy = 'once_per_day' THEN '' ELSE lesson_key(school, period) END AS lesson,
        bool_or(
            has_alerting_code
            OR code NOT IN (SELECT code FROM district.absence_codes WHERE is_other)
        ) AS may_alert
    FROM attendance.absences
    WHERE date = $today::DATE
    AND student_id IN (SELECT student_id FROM attendance.said)
    GROUP BY ALL
)

SELECT
    CASE WHEN count(absent.may_alert) > 0 THEN 'no_longer_alerts' ELSE 'cleared' END AS change,
    student_id,
    said.channel,
    said.destination_hash,
    said.listed_in,
    list(lesson ORDER BY lesson) AS lessons
FROM attendance.said AS said
LEFT JOIN absent USING (student_id, lesson)
WHERE said.stands
AND EXISTS (FROM attendance.spoken_for WHERE date = $today::DATE)
AND student_id NOT IN (SELECT student_id FROM attendance.doubtful)
GROUP BY student_id, said.channel, said.destination_hash, said.listed_in
HAVING NOT coalesce(bool_or(absent.may_alert), false);
