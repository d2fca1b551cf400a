-- One row: a staff member's title at a school. Of several rows at one school the first line wins.
CREATE TABLE connect.staff_titles AS
SELECT staff_id, school, title
FROM scratch.normal.staff
WHERE staff_id NOT IN (SELECT staff_id FROM scratch.records.kept_staff)
QUALIFY row_number() OVER (PARTITION BY staff_id, school ORDER BY line) = 1
UNION ALL
SELECT staff_id, school, title
FROM titles_before
WHERE staff_id IN (SELECT staff_id FROM scratch.records.kept_staff)
ORDER BY staff_id, school;
