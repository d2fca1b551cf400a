-- One row: a staff member at a school.
CREATE TABLE connect.staff_sites AS
WITH places AS (
    SELECT staff_id, school FROM scratch.records.staff
    UNION
    SELECT staff_id, school FROM previous.connect.staff_sites
    WHERE staff_id IN (SELECT staff_id FROM scratch.records.kept_staff)
)
SELECT
    places.staff_id,
    places.school,
    school_sites.site_id
FROM places
JOIN connect.school_sites USING (school)
ORDER BY staff_id, school;
