-- One row: a lesson of which the file does not say who teaches it, and who does.
CREATE OR REPLACE TABLE attendance.teachers AS
WITH unsaid AS (
    SELECT DISTINCT
        school,
        student_id,
        period
    FROM records.attendance
    WHERE coalesce(teacher_name, '') = ''
),

-- Most classes have none of these students, and are left out before anything else is read.
enrolled AS MATERIALIZED (
    SELECT
        class_id,
        student_id
    FROM roster.connect.enrollments
    WHERE student_id IN (SELECT student_id FROM unsaid)
),

classes_of_them AS MATERIALIZED (
    SELECT
        classes.school,
        enrolled.student_id,
        classes.period,
        classes.staff_id
    FROM enrolled
    INNER JOIN roster.connect.classes AS classes USING (class_id)
    INNER JOIN unsaid USING (school, student_id, period)
),

taught AS MATERIALIZED (
    SELECT
        classes_of_them.school,
        classes_of_them.student_id,
        classes_of_them.period,
        nullif(concat_ws(' ', staff.first_name, staff.last_name), '') AS teacher_name
    FROM classes_of_them
    INNER JOIN roster.connect.staff AS staff USING (staff_id)
),

lessons AS (
    SELECT
        school,
        student_id,
        period,
        min(teacher_name) AS teacher_name,
        max(teacher_name) AS other_teacher_name
    FROM taught
    GROUP BY school, student_id, period
),

-- Few lessons have two teachers, and putting names together is dear.
taught_by_several AS (
    SELECT
        school,
        student_id,
        period,
        string_agg(DISTINCT taught.teacher_name, ', ' ORDER BY taught.teacher_name)
            AS teacher_names
    FROM taught
    INNER JOIN lessons USING (school, student_id, period)
    WHERE lessons.teacher_name <> lessons.other_teacher_name
    GROUP BY school, student_id, period
)

SELECT
    school,
    student_id,
    period,
    coalesce(several.teacher_names, lessons.teacher_name) AS teacher_name
FROM lessons
LEFT JOIN taught_by_several AS several USING (school, student_id, period);
