-- One row: a destination × a child × a message of earlier today of which the sender is to learn that
-- it is cleared, or that one it knows to be cleared stands again. Bound are the messages, by student
-- and batch, of which it knows the former. A message is of a day (once_per_day), or of its periods
-- (each_new_period): cleared is one of which the file says nothing any more.
CREATE OR REPLACE TABLE attendance.cleared AS
WITH known AS (
    SELECT
        unnest($known_students::VARCHAR[]) AS student_id,
        unnest($known_batches::VARCHAR[]) AS batch_id
),

absent AS (
    SELECT
        student_id,
        list(DISTINCT period) AS periods
    FROM attendance.absences
    WHERE date = $today::DATE
    GROUP BY student_id
),

messages AS (
    SELECT
        told.*,
        recipients.language,
        known.student_id IS NOT NULL AS is_known,
        CASE
            WHEN absent.student_id IS NULL THEN false
            WHEN $policy = 'once_per_day' THEN true
            ELSE list_has_any(told.periods, absent.periods)
        END AS is_absent,
        CASE
            WHEN children.student_id IS NULL THEN false
            WHEN $policy = 'once_per_day' THEN true
            ELSE list_has_any(told.periods, children.periods)
        END AS alerts
    FROM earlier.attendance.recipient_absences AS told
    INNER JOIN earlier.attendance.recipients AS recipients USING (batch_id, channel, destination)
    LEFT JOIN absent USING (student_id)
    LEFT JOIN attendance.children AS children USING (student_id)
    LEFT JOIN known USING (student_id, batch_id)
    WHERE told.student_id NOT IN (SELECT student_id FROM attendance.doubtful)
)

SELECT
    CASE WHEN is_known THEN 'absent_again' ELSE 'cleared' END AS change,
    batch_id AS listed_in,
    channel,
    destination,
    language,
    student_id,
    student_name,
    site_name,
    site_phone,
    periods
FROM messages
WHERE CASE WHEN is_known THEN alerts ELSE NOT is_absent END;
