-- One row: a destination × a child that was listed earlier today and is not absent any more, and of
-- which the sender does not know that yet. Bound are the students of whom it does.
CREATE OR REPLACE TABLE attendance.cleared AS
SELECT
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
INNER JOIN attendance.accounting AS accounting
    ON told.student_id = accounting.student_id
    AND accounting.reason = 'cleared'
WHERE told.student_id NOT IN (SELECT unnest($known::VARCHAR[]));
