-- One row: a student whose lunch balance is low, listed now or suppressed for one reason; the first
-- reason that applies, in the order below.
CREATE OR REPLACE TABLE attendance.accounting AS
WITH reasons AS (
    SELECT
        student_id,
        CASE
            WHEN NOT is_current THEN 'balance_is_old'
            WHEN student_id IN (SELECT student_id FROM attendance.recently) THEN 'listed_recently'
            WHEN student_id IN (SELECT student_id FROM attendance.entries) THEN NULL
            WHEN student_id IN (SELECT student_id FROM attendance.destinations) THEN 'opted_out'
            ELSE 'no_usable_contact'
        END AS reason
    FROM attendance.children
)

SELECT
    student_id,
    CASE WHEN reason IS NULL THEN 'listed' ELSE 'suppressed' END AS status,
    reason
FROM reasons;
