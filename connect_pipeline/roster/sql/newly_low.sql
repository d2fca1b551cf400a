-- One row: how many students of both nights have a lunch balance tonight, and of how many it is below
-- the district's threshold and was not: an export that had lost them may bring all of them back as 0.
SELECT
    count(*) AS students,
    count(*) FILTER (
        WHERE tonight.lunch_balance < $threshold::DECIMAL(10, 2)
        AND coalesce(before.lunch_balance >= $threshold::DECIMAL(10, 2), true)
    ) AS newly_low
FROM candidate.connect.students AS tonight
JOIN previous.connect.students AS before USING (student_id)
WHERE tonight.lunch_balance IS NOT NULL
