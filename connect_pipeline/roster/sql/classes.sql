-- One row: a class, as tonight's rows or, where they are kept, as the last snapshot has it.
CREATE TABLE connect.classes AS
WITH counts AS (
    SELECT class_id, count(*) AS student_count FROM connect.enrollments GROUP BY class_id
),
described AS (
    SELECT
        class_id,
        school,
        staff_id,
        period,
        course_name,
        course_number,
        nullif(section_number, '') AS section_number
    FROM scratch.class_keys
    UNION ALL
    SELECT
        class_id,
        school,
        staff_id,
        period,
        course_name,
        course_number,
        section_number
    FROM previous.connect.classes
    WHERE class_id NOT IN (SELECT class_id FROM scratch.class_keys)
)
SELECT
    described.class_id,
    described.school,
    coalesce(school_sites.site_id, described.school) AS site_id,
    described.staff_id,
    described.period,
    described.course_name,
    described.course_number,
    described.section_number,
    counts.student_count
FROM described
JOIN counts USING (class_id)
LEFT JOIN connect.school_sites USING (school)
ORDER BY class_id;
