-- One row: a column of students, overall (school is NULL) or at one school, with how many students have
-- in it tonight what another student had there last night and has nowhere any more. Who only comes to
-- share a number with a sibling is none: the sibling has it still.
WITH cells AS (
    UNPIVOT (
        SELECT
            key,
            is_before,
            primary_name,
            secondary_name,
            primary_phone,
            secondary_phone,
            mobile_phone,
            primary_email,
            secondary_email
        FROM student_columns
    )
    ON COLUMNS(* EXCLUDE (key, is_before))
    INTO NAME field VALUE value
),
earlier AS (
    SELECT key, field, value FROM cells WHERE is_before
),
tonight AS (
    SELECT key, field, value FROM cells WHERE NOT is_before
),
gone AS (
    FROM earlier ANTI JOIN tonight USING (key, value)
),
come AS (
    FROM tonight ANTI JOIN earlier USING (key, value)
),
left_over AS (
    SELECT field, value, count(*) AS times FROM gone GROUP BY field, value
),
-- No more have it from others than others have lost it: "Guardian" is a name of many.
moved AS (
    SELECT come.field, come.key
    FROM come
    JOIN left_over USING (field, value)
    QUALIFY row_number() OVER (PARTITION BY come.field, come.value ORDER BY come.key) <= times
),
students AS (
    SELECT school, count(DISTINCT student_id) AS students
    FROM candidate.connect.student_sites
    GROUP BY GROUPING SETS ((), (school))
),
counted AS (
    SELECT moved.field, places.school, count(DISTINCT moved.key) AS found
    FROM moved
    JOIN candidate.connect.student_sites AS places ON places.student_id = moved.key
    GROUP BY GROUPING SETS ((moved.field), (moved.field, places.school))
)
SELECT counted.field, counted.school, counted.found, students.students
FROM counted
JOIN students ON students.school IS NOT DISTINCT FROM counted.school
ORDER BY counted.field, counted.school NULLS FIRST
