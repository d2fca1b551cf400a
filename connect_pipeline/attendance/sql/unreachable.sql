-- One row: a student absent today whose family cannot be told, for the school's clerk.
SELECT
    strftime(accounting.date, '%Y-%m-%d') AS date,
    defused(children.site_name) AS site_name,
    defused(accounting.student_id) AS student_id,
    defused(children.student_name) AS student_name
FROM attendance.accounting AS accounting
INNER JOIN attendance.children AS children USING (student_id)
WHERE accounting.reason = 'no_usable_contact'
ORDER BY children.site_name, accounting.student_id
