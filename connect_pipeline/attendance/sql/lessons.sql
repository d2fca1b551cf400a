-- One row: a period in which an absent student has class at a school, and who teaches it.
CREATE OR REPLACE TABLE attendance.lessons AS
WITH taught AS MATERIALIZED (
    SELECT
        school,
        student_id,
        period,
        nullif(teacher_name, '') AS teacher_name
    FROM roster.connect.rosters
    WHERE student_id IN (SELECT student_id FROM attendance.students)
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
