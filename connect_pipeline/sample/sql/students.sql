-- One row is one student: where they go to school, their grade, and their place in it.
CREATE TABLE students AS
WITH placed AS (
    SELECT
        s,
        -- Ten students are six families: 1, 2, 3, 1, 2 and 1 children.
        s // 10 * 6 + ([0, 1, 1, 2, 2, 2, 3, 4, 4, 5])[s % 10 + 1] AS family,
        -- Neighbours in number are at different schools, as siblings of different ages are; the
        -- ninth of ten is a sibling at the same school.
        CASE
            WHEN s < getvariable('annex_students') THEN getvariable('regular_schools')
            ELSE (s - (s % 10 = 8)::INTEGER) % getvariable('regular_schools')
        END AS school
    FROM range(getvariable('students')) AS numbers (s)
),

ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY school ORDER BY s) - 1 AS place
    FROM placed
),

graded AS (
    SELECT
        ranked.*,
        schools.level,
        schools.is_annex,
        CASE schools.level
            WHEN 'high' THEN 9 + place % 4
            WHEN 'middle' THEN 6 + place % 3
            ELSE ([-1, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])[place % 13 + 1]
        END AS grade_number
    FROM ranked
    INNER JOIN schools USING (school)
)

SELECT
    s,
    family,
    school,
    level,
    grade_number,
    CASE grade_number WHEN -1 THEN 'TK' WHEN 0 THEN 'K' ELSE grade_number::VARCHAR END AS grade,
    row_number() OVER (PARTITION BY school, grade_number ORDER BY s) - 1 AS place,
    -- Text, and for one in five with leading zeros, which a spreadsheet loses. The two forms never
    -- meet: they differ modulo 7.
    CASE
        WHEN s % 5 = 0 THEN lpad((10007 + s * 7)::VARCHAR, 7, '0')
        ELSE (2000000 + s * 7)::VARCHAR
    END AS student_id,
    -- One high-school student in 150 takes a course at the next high school as well.
    level = 'high' AND NOT is_annex AND place % 150 = 0 AS is_concurrent,
    own_number('student', s) AS own
FROM graded;
