-- One row: a child × a channel × a destination that is to be listed now. Of a student of whom a
-- family was told not long ago nobody is, at whatever destination.
CREATE OR REPLACE TABLE attendance.entries AS
SELECT
    destinations.student_id,
    destinations.channel,
    destinations.destination,
    destinations.destination_hash,
    destinations.contact_name,
    destinations.other_contact_name,
    children.language
FROM attendance.destinations AS destinations
INNER JOIN attendance.children AS children USING (student_id)
WHERE children.is_current
AND NOT destinations.is_opted_out
AND destinations.student_id NOT IN (SELECT student_id FROM attendance.recently);
