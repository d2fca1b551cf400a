-- One row: a destination × a child of which the sender is to learn that the absence listed earlier
-- today is cleared, or that one it knows to be cleared is there again. Bound are the students of
-- whom it knows the former.
CREATE OR REPLACE TABLE attendance.cleared AS
WITH changed AS (
    SELECT
        student_id,
        CASE WHEN reason = 'cleared' THEN 'cleared' ELSE 'absent_again' END AS change
    FROM attendance.accounting
    WHERE date = $today::DATE
    AND CASE
        WHEN student_id IN (SELECT unnest($known::VARCHAR[]))
            THEN status = 'listed' OR reason = 'already_listed'
        ELSE coalesce(reason = 'cleared', false)
    END
)

SELECT
    changed.change,
    told.batch_id AS listed_in,
    told.channel,
    told.destination,
    recipients.language,
    told.student_id,
    told.student_name,
    told.site_name,
    told.site_phone,
    told.periods
FROM earlier.attendance.recipient_absences AS told
INNER JOIN earlier.attendance.recipients AS recipients USING (batch_id, channel, destination)
INNER JOIN changed USING (student_id);
