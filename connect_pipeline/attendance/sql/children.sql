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

-- These say things in one order, whatever it is, with a line for each: to put each in order on its
-- own is dear, and so is making lists of texts. No cell holds a line's end (the line law).
alerting AS (
    SELECT
        absences.student_id,
        list_grade_up(list(places.place)) AS places,
        string_agg(lesson_key(school, period), chr(10)) AS lessons,
        string_agg(period, chr(10)) AS periods,
        string_agg(absences.code, chr(10)) AS codes,
        string_agg(coalesce(absences.teacher_name, ''), chr(10)) AS teacher_names,
        arg_min(school, places.place) AS first_school,
        min(school) <> max(school) AS is_at_several_schools
    FROM attendance.absences AS absences
    INNER JOIN places USING (school, period)
    WHERE absences.alerts
    GROUP BY absences.student_id
    HAVING count(DISTINCT period) >= $min_periods::BIGINT
),

-- A child may miss lessons at two schools on one day: it has one row, and both are named, in the
-- order of their first lessons: the phone is the first one's.
several_sites AS (
    SELECT
        absences.student_id,
        array_to_string(
            once_each(list(schools.site_name ORDER BY places.place)), ', '
        ) AS site_names
    FROM attendance.absences AS absences
    INNER JOIN attendance.schools AS schools USING (school)
    INNER JOIN places ON absences.school = places.school AND absences.period = places.period
    WHERE absences.alerts
    AND absences.student_id IN (SELECT student_id FROM alerting WHERE is_at_several_schools)
    GROUP BY absences.student_id
)

SELECT
    alerting.student_id,
    students.student_name,
    students.language,
    students.preferred_contact_method,
    coalesce(several_sites.site_names, schools.site_name) AS site_name,
    schools.site_phone,
    alerting.lessons,
    alerting.places,
    list_select(string_split(alerting.periods, chr(10)), alerting.places) AS periods,
    list_select(string_split(alerting.codes, chr(10)), alerting.places) AS codes,
    list_transform(
        list_select(string_split(alerting.teacher_names, chr(10)), alerting.places),
        lambda teacher_name: nullif(teacher_name, '')
    ) AS teacher_names
FROM alerting
INNER JOIN attendance.students AS students USING (student_id)
INNER JOIN attendance.schools AS schools ON alerting.first_school = schools.school
LEFT JOIN several_sites USING (student_id);
