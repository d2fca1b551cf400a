-- One row: a school that the file names, with its site and the students that it has.
CREATE OR REPLACE TABLE attendance.schools AS
WITH named AS (
    SELECT DISTINCT school FROM attendance.reported
),

enrolled AS (
    SELECT
        school,
        any_value(site_id) AS site_id,
        count(*) AS students  -- a row is a student × school
    FROM roster.connect.student_sites
    WHERE school IN (SELECT school FROM named)
    GROUP BY school
),

taught AS (
    SELECT
        school,
        any_value(site_id) AS site_id
    FROM roster.connect.classes
    WHERE school IN (SELECT school FROM named)
    GROUP BY school
)

SELECT
    named.school,
    coalesce(enrolled.site_id, taught.site_id, named.school) AS site_id,
    coalesce(sites.name, 'School ' || named.school) AS site_name,
    sites.phone AS site_phone,
    coalesce(enrolled.students, 0) AS students
FROM named
LEFT JOIN enrolled USING (school)
LEFT JOIN taught USING (school)
LEFT JOIN roster.connect.sites AS sites
    ON sites.site_id = coalesce(enrolled.site_id, taught.site_id, named.school);
