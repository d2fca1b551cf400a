-- One row is one student in one section, by number: 8 million rows of integers.
CREATE TABLE classes AS
WITH units AS (
    SELECT
        school,
        (sum(units))::INTEGER AS units
    FROM cohorts
    GROUP BY school
),

scheduled AS (
    SELECT
        students.s,
        students.own,
        students.school,
        first_unit + place % units AS unit,
        halves,
        -- Seven or eight subjects in elementary school; homeroom and six to eight periods later.
        CASE
            WHEN is_concurrent THEN 8
            WHEN students.level = 'elementary' THEN 7 + draw(own, 1, 2)
            ELSE ([7, 7, 8, 8, 8, 9, 9, 9, 9, 9])[draw(own, 1, 10) + 1]
        END AS load
    FROM students
    INNER JOIN cohorts USING (school, grade_number)
),

attended AS (
    SELECT
        s,
        school,
        unit,
        -- A bit of the student's own number for each subject: classmates differ between subjects.
        CASE halves WHEN 1 THEN 0 ELSE (own >> subject) % 2 END AS half,
        subject
    FROM scheduled, range(load) AS subjects (subject)

    UNION ALL

    SELECT
        students.s,
        second_schools.second_school,
        students.place % units.units,
        0,
        8
    FROM students
    INNER JOIN second_schools USING (school)
    INNER JOIN units ON second_schools.second_school = units.school
    WHERE students.is_concurrent
)

SELECT
    attended.s,
    attended.school,
    sections.period::INTEGER AS period,
    sections.section
FROM attended
INNER JOIN sections USING (school, unit, half, subject);
