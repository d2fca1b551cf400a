-- One row: a person in a group. A view, for the members are already stored once: as students at
-- sites, as enrollments, as staff at sites. A group_id has the site's code with : escaped
-- (`site_key`), so that no two groups share one: 1:2 with route 3 is not 1 with route 2:3.
CREATE VIEW connect.group_members AS
WITH placed AS (
    SELECT DISTINCT
        student_id,
        site_id,
        replace(replace(site_id, '%', '%25'), ':', '%3A') AS site_key
    FROM connect.student_sites
),
placed_staff AS (
    SELECT DISTINCT staff_id, site_id FROM connect.staff_sites
)
SELECT 'site:' || site_id AS group_id, student_id AS person_id FROM placed
UNION ALL
SELECT 'grade:' || site_key || ':' || grade, student_id
FROM placed JOIN connect.students USING (student_id)
WHERE grade IS NOT NULL
UNION ALL
SELECT 'class:' || class_id, student_id FROM connect.enrollments
UNION ALL
SELECT DISTINCT 'teacher:' || classes.staff_id, student_id
FROM connect.enrollments JOIN connect.classes USING (class_id)
UNION ALL
SELECT DISTINCT
    'course:' || replace(replace(classes.site_id, '%', '%25'), ':', '%3A') || ':'
        || coalesce('number ' || course_number, 'name ' || course_name),
    student_id
FROM connect.enrollments JOIN connect.classes USING (class_id)
WHERE course_number IS NOT NULL OR course_name IS NOT NULL
UNION ALL
SELECT 'bus_route:' || site_key || ':' || bus_route, student_id
FROM placed JOIN connect.students USING (student_id)
WHERE bus_route IS NOT NULL
UNION ALL
SELECT 'language:' || site_key || ':' || language, student_id
FROM placed JOIN connect.students USING (student_id)
WHERE language IS NOT NULL
UNION ALL
SELECT 'zip_code:' || zip_code[1:5], student_id FROM connect.students WHERE zip_code IS NOT NULL
UNION ALL
SELECT 'low_lunch_balance:' || site_id, student_id
FROM placed JOIN connect.students USING (student_id)
WHERE lunch_balance < (SELECT low_lunch_balance FROM connect.group_settings)
UNION ALL
SELECT 'staff_site:' || site_id, staff_id FROM placed_staff
UNION ALL
SELECT 'staff_title:' || title, staff_id FROM connect.staff WHERE title IS NOT NULL
UNION ALL
SELECT 'staff_district', staff_id FROM connect.staff;
