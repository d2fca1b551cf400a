-- One row: a person or class that this snapshot adds, changes or removes.
CREATE TABLE connect.changes AS
WITH compared_staff AS (
    SELECT
        coalesce(old.staff_id, new.staff_id) AS key,
        old.staff_id IS NULL AS is_added,
        new.staff_id IS NULL AS is_removed,
        [
            CASE WHEN old.first_name IS DISTINCT FROM new.first_name THEN 'first_name' END,
            CASE WHEN old.last_name IS DISTINCT FROM new.last_name THEN 'last_name' END,
            CASE WHEN old.email IS DISTINCT FROM new.email THEN 'email' END,
            CASE WHEN old.title IS DISTINCT FROM new.title THEN 'title' END,
            CASE WHEN old.mobile_phone IS DISTINCT FROM new.mobile_phone THEN 'mobile_phone' END,
            CASE WHEN old.schools IS DISTINCT FROM new.schools THEN 'school' END
        ] AS columns
    FROM old_staff AS old
    FULL JOIN new_staff AS new USING (staff_id)
),
compared_students AS (
    SELECT
        coalesce(old.student_id, new.student_id) AS key,
        old.student_id IS NULL AS is_added,
        new.student_id IS NULL AS is_removed,
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
            CASE WHEN old.schools IS DISTINCT FROM new.schools THEN 'school' END,
            CASE WHEN old.contacts IS DISTINCT FROM new.contacts THEN 'contacts' END
        ] AS columns
    FROM old_students AS old
    FULL JOIN new_students AS new USING (student_id)
),
compared_classes AS (
    SELECT
        coalesce(old.class_id, new.class_id) AS key,
        old.class_id IS NULL AS is_added,
        new.class_id IS NULL AS is_removed,
        [
            CASE WHEN old.course_name IS DISTINCT FROM new.course_name THEN 'course_name' END,
            CASE WHEN old.students IS DISTINCT FROM new.students THEN 'students' END
        ] AS columns
    FROM old_classes AS old
    FULL JOIN new_classes AS new USING (class_id)
),
compared AS (
    SELECT 'staff' AS entity, * FROM compared_staff
    UNION ALL
    SELECT 'student', * FROM compared_students
    UNION ALL
    SELECT 'class', * FROM compared_classes
),
described AS (
    SELECT
        entity,
        key,
        CASE WHEN is_added THEN 'added' WHEN is_removed THEN 'removed' ELSE 'changed' END AS change,
        CASE WHEN is_added OR is_removed THEN NULL ELSE list_filter(columns, lambda c: c IS NOT NULL)
            END AS columns
    FROM compared
)
SELECT
    entity,
    key,
    change,
    columns
FROM described
WHERE change <> 'changed' OR len(columns) > 0
ORDER BY entity, key;
