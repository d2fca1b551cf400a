-- One row: a staff member; the first line of an ID wins. People whose row of tonight is
-- quarantined stay as last published.
CREATE TABLE connect.staff AS
SELECT
    staff_id,
    first_name,
    last_name,
    email,
    title,
    mobile_phone
FROM scratch.normal.staff
WHERE staff_id NOT IN (SELECT staff_id FROM scratch.records.kept_staff WHERE is_whole)
QUALIFY row_number() OVER (PARTITION BY staff_id ORDER BY line) = 1
UNION ALL
SELECT
    staff_id,
    first_name,
    last_name,
    email,
    title,
    mobile_phone
FROM previous.connect.staff
WHERE staff_id IN (SELECT staff_id FROM scratch.records.kept_staff WHERE is_whole)
ORDER BY staff_id;
