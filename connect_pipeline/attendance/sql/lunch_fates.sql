-- One row: a student whose lunch balance is low, and whether the family is told now or why not, for
-- the district's clerk.
SELECT
    getvariable('today') AS date,
    defused(children.site_name) AS site_name,
    defused(accounting.student_id) AS student_id,
    defused(children.student_name) AS student_name,
    accounting.status,
    accounting.reason
FROM attendance.accounting AS accounting
INNER JOIN attendance.children AS children USING (student_id)
ORDER BY children.site_name, accounting.student_id
