-- One row: a student whose lunch balance is low, with what is said of it. Who goes to several schools
-- has one balance: all are named, with the phone of the first.
CREATE OR REPLACE TABLE attendance.children AS
WITH sites_of AS (
    SELECT DISTINCT
        student_sites.student_id,
        coalesce(sites.name, 'School ' || student_sites.site_id) AS site_name,
        sites.phone AS site_phone
    FROM roster.connect.student_sites AS student_sites
    LEFT JOIN roster.connect.sites AS sites USING (site_id)
    WHERE student_sites.student_id IN (SELECT student_id FROM attendance.students)
),

schools_of AS (
    SELECT
        student_id,
        string_agg(site_name, ', ' ORDER BY site_name) AS site_name,
        first(site_phone ORDER BY site_name) AS site_phone
    FROM sites_of
    GROUP BY student_id
)

SELECT
    students.*,
    schools_of.site_name,
    schools_of.site_phone
FROM attendance.students AS students
LEFT JOIN schools_of USING (student_id);
