-- One row: how many students have a lunch balance on both nights, and of how many it is below the
-- district's threshold tonight, and was not.
SELECT
    count(*) AS students,
    count(*) FILTER (
        WHERE tonight.lunch_balance < $threshold::DECIMAL(10, 2)
        AND before.lunch_balance >= $threshold::DECIMAL(10, 2)
    ) AS newly_low
FROM candidate.connect.students AS tonight
JOIN previous.connect.students AS before USING (student_id)
WHERE tonight.lunch_balance IS NOT NULL
AND before.lunch_balance IS NOT NULL
