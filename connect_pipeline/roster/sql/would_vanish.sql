-- One row: a person or class of the last snapshot who would be gone, for the operator who decides.
WITH removed AS (
    SELECT entity, key FROM candidate.connect.changes WHERE change = 'removed'
),
student_places AS (
    SELECT student_id, string_agg(school, ', ' ORDER BY school) AS schools
    FROM previous.connect.student_sites GROUP BY student_id
),
staff_places AS (
    SELECT staff_id, string_agg(school, ', ' ORDER BY school) AS schools
    FROM previous.connect.staff_sites GROUP BY staff_id
)
SELECT
    'student' AS entity,
    student_id AS id,
    concat_ws(' ', first_name, last_name) AS name,
    schools,
    'Grade ' || grade AS detail
FROM previous.connect.students
LEFT JOIN student_places USING (student_id)
WHERE student_id IN (SELECT key FROM removed WHERE entity = 'student')
UNION ALL
SELECT 'staff', staff_id, concat_ws(' ', first_name, last_name), schools, title
FROM previous.connect.staff
LEFT JOIN staff_places USING (staff_id)
WHERE staff_id IN (SELECT key FROM removed WHERE entity = 'staff')
UNION ALL
SELECT 'class', class_id, course_name, school,
    concat_ws(', ', 'teacher ' || staff_id, 'period ' || period, student_count || ' students')
FROM previous.connect.classes
WHERE class_id IN (SELECT key FROM removed WHERE entity = 'class')
ORDER BY entity DESC, schools, id
