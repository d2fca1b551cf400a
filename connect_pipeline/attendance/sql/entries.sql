-- One row: a child × a channel × a destination that is to be listed now. `told` has the lessons of
-- which it was told earlier today, a line each. once_per_day: a destination is told of a child
-- once a day. each_new_period: it is told again, of the new periods only.
CREATE OR REPLACE TABLE attendance.entries AS
SELECT
    destinations.student_id,
    destinations.channel,
    destinations.destination,
    destinations.destination_hash,
    destinations.contact_name,
    destinations.other_contact_name,
    children.language,
    coalesce(told.lessons, '') AS told
FROM attendance.destinations AS destinations
INNER JOIN attendance.children AS children USING (student_id)
LEFT JOIN attendance.told AS told
    ON destinations.student_id = told.student_id
    AND destinations.channel = told.channel
    AND destinations.destination_hash = told.destination_hash
WHERE NOT destinations.is_opted_out
AND CASE
    WHEN told.student_id IS NULL THEN true
    WHEN $policy = 'once_per_day' THEN false
    ELSE NOT list_has_all(
        string_split(told.lessons, chr(10)), string_split(children.lessons, chr(10))
    )
END;
