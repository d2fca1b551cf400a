-- One row: a person or class that this snapshot adds, changes or removes. Whoever is in both nights
-- is compared as a whole first: the names of columns are worked out for those who differ only.
CREATE TABLE connect.changes AS
WITH old_staff AS (FROM previous.connect.staff),
new_staff AS (FROM candidate.connect.staff),
old_students AS (FROM previous.connect.students),
new_students AS (FROM candidate.connect.students),
-- A class with a digest of its students, the same for the same set of students.
old_classes AS (
    SELECT class_id, any_value(course_name) AS course_name, bit_xor(hash(student_id)) AS students
    FROM previous.connect.classes LEFT JOIN previous.connect.enrollments USING (class_id)
    GROUP BY class_id
),
new_classes AS (
    SELECT class_id, any_value(course_name) AS course_name, bit_xor(hash(student_id)) AS students
    FROM candidate.connect.classes LEFT JOIN candidate.connect.enrollments USING (class_id)
    GROUP BY class_id
),
-- Whoever came to a school or left one.
moved_staff AS (
    SELECT DISTINCT staff_id
    FROM previous.connect.staff_sites AS old
    FULL JOIN candidate.connect.staff_sites AS new USING (staff_id, school)
    WHERE old.site_id IS NULL OR new.site_id IS NULL
),
moved_students AS (
    SELECT DISTINCT student_id
    FROM previous.connect.student_sites AS old
    FULL JOIN candidate.connect.student_sites AS new USING (student_id, school)
    WHERE old.site_id IS NULL OR new.site_id IS NULL
),
reached_otherwise AS (
    SELECT DISTINCT student_id
    FROM (SELECT *, true AS is_there FROM previous.connect.contacts) AS old
    FULL JOIN (SELECT *, true AS is_there FROM candidate.connect.contacts) AS new
        USING (student_id, relation)
    WHERE (old.is_there, old.name, old.phone, old.email)
        IS DISTINCT FROM (new.is_there, new.name, new.phone, new.email)
),
changed_staff AS (
    SELECT
        staff_id AS key,
        [
            CASE WHEN old.first_name IS DISTINCT FROM new.first_name THEN 'first_name' END,
            CASE WHEN old.last_name IS DISTINCT FROM new.last_name THEN 'last_name' END,
            CASE WHEN old.email IS DISTINCT FROM new.email THEN 'email' END,
            CASE WHEN old.title IS DISTINCT FROM new.title THEN 'title' END,
            CASE WHEN old.mobile_phone IS DISTINCT FROM new.mobile_phone THEN 'mobile_phone' END,
            CASE WHEN staff_id IN (FROM moved_staff) THEN 'school' END
        ] AS columns
    FROM old_staff AS old
    JOIN new_staff AS new USING (staff_id)
    WHERE old IS DISTINCT FROM new OR staff_id IN (FROM moved_staff)
),
changed_students AS (
    SELECT
        student_id AS key,
        [
            CASE WHEN old.first_name IS DISTINCT FROM new.first_name THEN 'first_name' END,
            CASE WHEN old.last_name IS DISTINCT FROM new.last_name THEN 'last_name' END,
            CASE WHEN old.grade IS DISTINCT FROM new.grade THEN 'grade' END,
            CASE WHEN old.zip_code IS DISTINCT FROM new.zip_code THEN 'zip_code' END,
            CASE WHEN old.bus_route IS DISTINCT FROM new.bus_route THEN 'bus_route' END,
            CASE WHEN old.lunch_balance IS DISTINCT FROM new.lunch_balance THEN 'lunch_balance' END,
            CASE WHEN old.language IS DISTINCT FROM new.language THEN 'language' END,
            CASE WHEN old.preferred_contact_method IS DISTINCT FROM new.preferred_contact_method
                THEN 'preferred_contact_method' END,
            CASE WHEN student_id IN (FROM moved_students) THEN 'school' END,
            CASE WHEN student_id IN (FROM reached_otherwise) THEN 'contacts' END
        ] AS columns
    FROM old_students AS old
    JOIN new_students AS new USING (student_id)
    WHERE old IS DISTINCT FROM new
    OR student_id IN (FROM moved_students)
    OR student_id IN (FROM reached_otherwise)
),
changed_classes AS (
    SELECT
        class_id AS key,
        [
            CASE WHEN old.course_name IS DISTINCT FROM new.course_name THEN 'course_name' END,
            CASE WHEN old.students IS DISTINCT FROM new.students THEN 'students' END
        ] AS columns
    FROM old_classes AS old
    JOIN new_classes AS new USING (class_id)
    WHERE old IS DISTINCT FROM new
),
changed AS (
    SELECT 'staff' AS entity, * FROM changed_staff
    UNION ALL
    SELECT 'student', * FROM changed_students
    UNION ALL
    SELECT 'class', * FROM changed_classes
),
described AS (
    SELECT entity, key, 'changed' AS change, list_filter(columns, lambda c: c IS NOT NULL) AS columns
    FROM changed
    UNION ALL
    SELECT 'staff', staff_id, 'added', NULL FROM new_staff ANTI JOIN old_staff USING (staff_id)
    UNION ALL
    SELECT 'staff', staff_id, 'removed', NULL FROM old_staff ANTI JOIN new_staff USING (staff_id)
    UNION ALL
    SELECT 'student', student_id, 'added', NULL
    FROM new_students ANTI JOIN old_students USING (student_id)
    UNION ALL
    SELECT 'student', student_id, 'removed', NULL
    FROM old_students ANTI JOIN new_students USING (student_id)
    UNION ALL
    SELECT 'class', class_id, 'added', NULL
    FROM candidate.connect.classes ANTI JOIN previous.connect.classes USING (class_id)
    UNION ALL
    SELECT 'class', class_id, 'removed', NULL
    FROM previous.connect.classes ANTI JOIN candidate.connect.classes USING (class_id)
)
SELECT
    entity,
    key,
    change,
    columns
FROM described
ORDER BY entity, key;
