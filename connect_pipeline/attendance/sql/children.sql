-- One row: a student of whom the family is to be told today. `periods`, `codes` and
-- `teacher_names` say one thing each of the same absences, in order; `lessons` has a line for each
-- of them, and `places` puts those in the same order.
CREATE OR REPLACE TABLE attendance.children AS
WITH places AS (
    SELECT
        school,
        period,
        row_number() OVER (ORDER BY period_number(period), period, school) AS place
    FROM (SELECT DISTINCT school, period FROM attendance.absences WHERE alerts)
),

-- These say things in one order, whatever it is; to put each in order on its own is dear, and so
-- are lists of long texts.
alerting AS (
    SELECT
        absences.student_id,
        list(places.place) AS places,
        string_agg(lesson_key(school, period), chr(10)) AS lessons,
        list(period) AS periods,
        list(absences.code) AS codes,
        string_agg(coalesce(absences.teacher_name, ''), chr(10)) AS teacher_names,
        bool_or(absences.teacher_name IS NULL) AS lacks_teacher,
        min(places.place) AS first_place
    FROM attendance.absences AS absences
    INNER JOIN places USING (school, period)
    WHERE absences.alerts
    GROUP BY absences.student_id
),

in_order AS (
    SELECT
        * EXCLUDE (places, teacher_names),
        list_grade_up(places) AS places,
        CASE
            WHEN lacks_teacher THEN list_transform(
                string_split(teacher_names, chr(10)),
                lambda teacher_name: nullif(teacher_name, '')
            )
            ELSE string_split(teacher_names, chr(10))
        END AS teacher_names
    FROM alerting
),

-- A child may miss lessons at two schools on one day: it has one row, and both are named.
at_several_schools AS (
    SELECT student_id
    FROM attendance.absences
    WHERE alerts
    GROUP BY student_id
    HAVING min(school) <> max(school)
),

several_sites AS (
    SELECT
        absences.student_id,
        string_agg(DISTINCT schools.site_name, ', ' ORDER BY schools.site_name) AS site_names
    FROM attendance.absences AS absences
    INNER JOIN attendance.schools AS schools USING (school)
    WHERE absences.alerts
    AND absences.student_id IN (SELECT student_id FROM at_several_schools)
    GROUP BY absences.student_id
)

SELECT
    in_order.student_id,
    students.student_name,
    students.language,
    students.preferred_contact_method,
    coalesce(several_sites.site_names, schools.site_name) AS site_name,
    schools.site_phone,
    in_order.lessons,
    in_order.places,
    list_select(in_order.periods, in_order.places) AS periods,
    list_select(in_order.codes, in_order.places) AS codes,
    list_select(in_order.teacher_names, in_order.places) AS teacher_names
FROM in_order
INNER JOIN attendance.students AS students USING (student_id)
INNER JOIN places ON in_order.first_place = places.place
INNER JOIN attendance.schools AS schools ON places.school = schools.school
LEFT JOIN several_sites ON in_order.student_id = several_sites.student_id
WHERE len(in_order.periods) >= $min_periods::BIGINT
AND len(list_distinct(in_order.periods)) >= $min_periods::BIGINT;
