-- One row is one member of staff, in one post: the teachers that the sections need, and an office.
CREATE TABLE staff AS
WITH sizes AS (
    SELECT
        school,
        sum(size) AS students
    FROM cohorts
    GROUP BY school
),

posts AS (
    SELECT
        schools.school,
        -len(getvariable('office_titles')) + place AS lane,
        0 AS block,
        0 AS half,
        getvariable('office_titles')[place + 1] AS title
    FROM schools
    INNER JOIN sizes USING (school),
        range(len(getvariable('office_titles'))) AS places (place)
    WHERE place < 2 OR students >= 100

    UNION ALL

    SELECT DISTINCT
        school,
        lane,
        block,
        half,
        CASE
            WHEN level = 'elementary' AND lane = 0 THEN 'Classroom Teacher'
            WHEN level = 'elementary' THEN 'Specialist'
            ELSE 'Teacher'
        END
    FROM sections
    INNER JOIN schools USING (school)
),

numbered AS (
    SELECT
        *,
        row_number() OVER (ORDER BY school, lane, block, half) - 1 AS k
    FROM posts
),

named AS (
    SELECT
        *,
        own_number('staff', k) AS own
    FROM numbered
)

SELECT
    named.*,
    lpad((40001 + 3 * k)::VARCHAR, 6, '0') AS staff_id,
    getvariable('given_names')[draw(own, 1, len(getvariable('given_names'))) + 1] AS first_name,
    getvariable('family_names')[draw(own, 2, len(getvariable('family_names'))) + 1] AS last_name,
    -- Some serve a second school.
    k % 25 = 7 AS is_itinerant
FROM named;
