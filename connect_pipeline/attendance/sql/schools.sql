-- One row: a school that the file names, with its site after merges and the students that it has.
CREATE OR REPLACE TABLE attendance.schools AS
WITH named AS (
    SELECT DISTINCT school FROM records.attendance
),

enrolled AS (
    SELECT
        school,
        count(*) AS students  -- a row is a student × school
    FROM roster.connect.student_sites
    WHERE school IN (SELECT school FROM named)
    GROUP BY school
)

SELECT
    named.school,
    coalesce(rolled_up.site_id, named.school) AS site_id,
    coalesce(sites.name, 'School ' || named.school) AS site_name,
    sites.phone AS site_phone,
    coalesce(enrolled.students, 0) AS students
FROM named
LEFT JOIN enrolled USING (school)
LEFT JOIN roster.connect.school_sites AS rolled_up USING (school)
LEFT JOIN roster.connect.sites AS sites
    ON sites.site_id = coalesce(rolled_up.site_id, named.school);
