-- One row: a group. Its members are in connect.group_members, which makes the same group_ids.
CREATE TABLE connect.groups AS
WITH placed AS (
    SELECT DISTINCT
        student_id,
        site_id,
        replace(replace(site_id, '%', '%25'), ':', '%3A') AS site_key
    FROM connect.student_sites
),
site_students AS (
    SELECT * FROM placed JOIN connect.students USING (student_id)
),
taught AS (
    SELECT staff_id, count(*) AS member_count
    FROM (
        SELECT DISTINCT staff_id, student_id
        FROM connect.enrollments JOIN connect.classes USING (class_id)
    )
    GROUP BY staff_id
),
teachers AS (
    SELECT staff_id, CASE WHEN min(site_id) = max(site_id) THEN min(site_id) END AS site_id
    FROM connect.classes GROUP BY staff_id
),
-- A class's course by number: millions of students are counted by it, not by its name.
class_courses AS (
    SELECT
        class_id,
        site_id,
        course_name,
        'course:' || replace(replace(site_id, '%', '%25'), ':', '%3A') || ':'
            || coalesce('number ' || course_number, 'name ' || course_name) AS group_id,
        dense_rank() OVER (ORDER BY group_id) AS course
    FROM connect.classes
    WHERE course_number IS NOT NULL OR course_name IS NOT NULL
),
taking AS (
    SELECT course, count(*) AS member_count
    FROM (
        SELECT DISTINCT course, student_id
        FROM connect.enrollments JOIN class_courses USING (class_id)
    )
    GROUP BY course
),
student_groups AS (
    SELECT
        'site:' || site_id AS group_id,
        'site' AS kind,
        site_id,
        NULL AS label,
        count(*) AS member_count
    FROM placed GROUP BY site_id
    UNION ALL
    SELECT 'grade:' || site_key || ':' || grade, 'grade', site_id, 'Grade ' || grade, count(*)
    FROM site_students WHERE grade IS NOT NULL GROUP BY site_id, site_key, grade
    UNION ALL
    SELECT
        'class:' || class_id,
        'class',
        site_id,
        -- With the teacher: a school has a homeroom for each.
        concat_ws(', ', coalesce(course_name, 'Class'), 'period ' || period,
            'section ' || section_number,
            nullif(concat_ws(' ', staff.first_name, staff.last_name), '')),
        student_count
    FROM connect.classes LEFT JOIN connect.staff USING (staff_id)
    UNION ALL
    SELECT
        'teacher:' || staff_id,
        'teacher',
        teachers.site_id,
        'Students of '
            || coalesce(nullif(concat_ws(' ', staff.first_name, staff.last_name), ''), staff_id),
        taught.member_count
    FROM taught JOIN teachers USING (staff_id) LEFT JOIN connect.staff USING (staff_id)
    UNION ALL
    SELECT
        any_value(group_id),
        'course',
        any_value(site_id),
        coalesce(min(course_name), 'Course'),
        any_value(taking.member_count)
    FROM class_courses JOIN taking USING (course)
    GROUP BY course
    UNION ALL
    SELECT
        'bus_route:' || site_key || ':' || bus_route,
        'bus_route',
        site_id,
        -- Many exports say it in words themselves: never "Bus route Route 16".
        CASE
            WHEN regexp_matches(bus_route, '^(bus|route)\b', 'i') THEN bus_route
            ELSE 'Bus route ' || bus_route
        END,
        count(*)
    FROM site_students WHERE bus_route IS NOT NULL GROUP BY site_id, site_key, bus_route
    UNION ALL
    SELECT 'language:' || site_key || ':' || language, 'language', site_id,
        'Language ' || language, count(*)
    FROM site_students WHERE language IS NOT NULL GROUP BY site_id, site_key, language
    UNION ALL
    SELECT 'zip_code:' || zip_code[1:5], 'zip_code', NULL, 'ZIP code ' || zip_code[1:5], count(*)
    FROM connect.students WHERE zip_code IS NOT NULL GROUP BY zip_code[1:5]
    UNION ALL
    SELECT 'low_lunch_balance:' || site_id, 'low_lunch_balance', site_id, 'Low lunch balance',
        count(*)
    FROM site_students
    WHERE lunch_balance < (SELECT low_lunch_balance FROM connect.group_settings)
    GROUP BY site_id
),
staff_groups AS (
    SELECT
        'staff_site:' || site_id AS group_id,
        'site' AS kind,
        site_id,
        'Staff' AS label,
        count(DISTINCT staff_id) AS member_count
    FROM connect.staff_sites GROUP BY site_id
    UNION ALL
    SELECT 'staff_title:' || title, 'title', NULL, title, count(*)
    FROM connect.staff WHERE title IS NOT NULL GROUP BY title
    UNION ALL
    SELECT 'staff_district', 'district', NULL, 'All staff', count(*)
    FROM connect.staff HAVING count(*) > 0
),
every_group AS (
    SELECT group_id, 'students' AS audience, kind, site_id, label, member_count FROM student_groups
    UNION ALL
    SELECT group_id, 'staff', kind, site_id, label, member_count FROM staff_groups
)
SELECT
    every_group.group_id,
    every_group.audience,
    every_group.kind,
    every_group.site_id,
    concat_ws(', ', every_group.label, sites.name) AS name,
    every_group.member_count
FROM every_group
LEFT JOIN connect.sites USING (site_id)
ORDER BY audience DESC, kind, group_id;
