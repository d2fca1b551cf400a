-- One row is one section: a unit's half in one subject, when, and by which post it is taught.
-- A post (school, lane, block, half) is held by one teacher. Blocks have six units, whose periods
-- in a subject differ, so nobody teaches two classes at once.
CREATE TABLE sections AS
WITH taught AS (
    SELECT
        cohorts.*,
        first_unit + unit_of_grade.range AS unit,
        half_of_unit.range AS half,
        subject_of_level.range AS subject
    FROM cohorts,
        range(units) AS unit_of_grade,
        range(halves) AS half_of_unit,
        range(CASE level WHEN 'elementary' THEN 8 ELSE 9 END) AS subject_of_level
),

timed AS (
    SELECT
        *,
        CASE
            WHEN subject = 0 THEN 0
            WHEN level = 'elementary' AND subject <= 4 THEN subject
            WHEN level = 'elementary' THEN 5 + (unit + 2 * (subject - 5)) % 6
            ELSE (subject - 1 + unit) % 8 + 1
        END AS period,
        CASE
            WHEN is_annex THEN 0
            WHEN level = 'elementary' THEN greatest(subject - 4, 0)
            WHEN subject = 0 THEN unit % 8 + 1
            ELSE subject
        END AS lane
    FROM taught
)

SELECT
    row_number() OVER (ORDER BY timed.school, unit, half, subject) - 1 AS section,
    timed.school,
    timed.unit,
    half,
    subject,
    period,
    lane,
    CASE WHEN lane = 0 THEN unit ELSE unit // 6 END AS block,
    courses.name AS course_name,
    courses.number AS course_number,
    lpad(
        (row_number() OVER (PARTITION BY timed.school ORDER BY unit, half, subject))::VARCHAR,
        3,
        '0'
    ) AS section_number
FROM timed
INNER JOIN courses USING (level, grade, subject);
