-- One row: a student at a school; concurrent enrollment gives several.
CREATE TABLE connect.student_sites AS
WITH places AS (
    SELECT student_id, school FROM scratch.records.students
    UNION
    SELECT student_id, school FROM previous.connect.student_sites
    WHERE student_id IN (SELECT student_id FROM scratch.records.kept_students)
)
SELECT
    places.student_id,
    places.school,
    school_sites.site_id
FROM places
JOIN connect.school_sites USING (school)
ORDER BY student_id, school;
