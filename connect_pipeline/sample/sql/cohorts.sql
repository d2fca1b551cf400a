-- One row is one grade of a school, divided into units that keep one timetable: a room in an
-- elementary school, else one or two parallel classes ("halves") between which students mix.
CREATE TABLE cohorts AS
WITH counted AS (
    SELECT
        students.school,
        schools.level,
        schools.is_annex,
        grade_number,
        any_value(grade) AS grade,
        count(*) AS size
    FROM students
    INNER JOIN schools USING (school)
    GROUP BY ALL
),

divided AS (
    SELECT
        *,
        ceil(size / CASE level WHEN 'elementary' THEN 25 ELSE 52 END)::INTEGER AS units
    FROM counted
)

SELECT
    *,
    CASE WHEN level <> 'elementary' AND size / units > 30 THEN 2 ELSE 1 END AS halves,
    (sum(units) OVER (PARTITION BY school ORDER BY grade_number) - units)::INTEGER AS first_unit
FROM divided;
