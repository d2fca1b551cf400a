-- One row: a destination × a child × a message of earlier today of which the sender is to learn that
-- it is cleared, or that one it knows to be cleared stands again. Bound are the messages, by student
-- and batch, of which it knows the former. A message is of a day (once_per_day), or of its periods
-- (each_new_period): cleared is one of which the file says nothing any more. It stands again only
-- where the family may be told now, and one of a day says what the child is absent from now.
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
            WHEN children.student_id IS NULL OR reached.student_id IS NULL THEN false
            WHEN $policy = 'once_per_day' THEN true
            ELSE list_has_any(told.periods, children.periods)
        END AS alerts,
        known.student_id IS NOT NULL AND $policy = 'once_per_day' AS says_what_is_now,
        children.site_name AS site_name_now,
        children.site_phone AS site_phone_now,
        children.periods AS periods_now
    FROM earlier.attendance.recipient_absences AS told
    INNER JOIN earlier.attendance.recipients AS recipients USING (batch_id, channel, destination)
    LEFT JOIN absent USING (student_id)
    LEFT JOIN attendance.children AS children USING (student_id)
    LEFT JOIN known USING (student_id, batch_id)
    LEFT JOIN (FROM attendance.destinations WHERE NOT is_opted_out) AS reached
        ON told.student_id = reached.student_id
        AND told.channel = reached.channel
        AND told.destination = reached.destination
)

SELECT
    CASE WHEN is_known THEN 'absent_again' ELSE 'cleared' END AS change,
    batch_id AS listed_in,
    channel,
    destination,
    language,
    student_id,
    student_name,
    CASE WHEN says_what_is_now THEN site_name_now ELSE site_name END AS site_name,
    CASE WHEN says_what_is_now THEN site_phone_now ELSE site_phone END AS site_phone,
    CASE WHEN says_what_is_now THEN periods_now ELSE periods END AS periods
FROM messages
WHERE CASE
    WHEN is_known THEN alerts
    ELSE NOT is_absent AND student_id NOT IN (SELECT student_id FROM attendance.doubtful)
END;
