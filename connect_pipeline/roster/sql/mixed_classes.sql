-- One row: how many classes of tonight have rows with different course names, case and spaces aside.
WITH names AS (
    SELECT class_keys.class_id, fold_name(class_rows.course_name) AS name
    FROM scratch.class_rows AS class_rows
    JOIN scratch.class_keys AS class_keys
        USING (school, staff_id, period, course_key, section_number)
    WHERE class_keys.names_differ
),
mixed AS (
    SELECT class_id FROM names GROUP BY class_id HAVING min(name) <> max(name)
)
SELECT count(*) FROM mixed;
