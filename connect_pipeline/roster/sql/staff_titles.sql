-- One row: a staff member's title at a school. Of several rows at one school the first line wins.
-- Who stays whole has the titles of before, and of tonight's only at schools that are new; who stays
-- at a school without a row there, that one.
CREATE TABLE connect.staff_titles AS
SELECT staff_id, school, title
FROM scratch.normal.staff
WHERE staff_id NOT IN (SELECT staff_id FROM scratch.records.kept_staff WHERE is_whole)
OR (staff_id, school) NOT IN (SELECT staff_id, school FROM previous.connect.staff_titles)
QUALIFY row_number() OVER (PARTITION BY staff_id, school ORDER BY line) = 1
UNION ALL
SELECT staff_id, school, title
FROM previous.connect.staff_titles
JOIN scratch.records.kept_staff AS kept USING (staff_id)
WHERE kept.is_whole
OR (staff_id, school) NOT IN (SELECT staff_id, school FROM scratch.records.staff)
ORDER BY staff_id, school;
