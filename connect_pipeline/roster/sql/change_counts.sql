-- One row: an entity overall (school is NULL), or at one school, with what tonight does to it.
-- At a school, whoever is elsewhere tonight is removed; so is who stays only because a line may be
-- about anybody: one line does not explain that many are missing.
-- A class counts as changed when most of its students are others, or its course is renamed: one
-- new child changes every class of a small school. Lunch balances change every night.
WITH before AS (
    SELECT 'student' AS entity, student_id AS key, school FROM previous.connect.student_sites
    UNION ALL
    SELECT 'staff', staff_id, school FROM previous.connect.staff_sites
    UNION ALL
    SELECT 'class', class_id, school FROM previous.connect.classes
),
tonight AS (
    SELECT 'student' AS entity, student_id AS key, school FROM candidate.connect.student_sites
    UNION ALL
    SELECT 'staff', staff_id, school FROM candidate.connect.staff_sites
    UNION ALL
    SELECT 'class', class_id, school FROM candidate.connect.classes
),
other_students AS (
    SELECT class_id
    FROM previous.connect.enrollments AS earlier
    LEFT JOIN candidate.connect.enrollments AS tonight USING (class_id, student_id)
    WHERE class_id IN (
        SELECT key FROM candidate.connect.changes
        WHERE entity = 'class' AND change = 'changed'
    )
    GROUP BY class_id
    HAVING count(tonight.student_id) * 2 < count(*)
),
changed AS (
    SELECT entity, key
    FROM candidate.connect.changes
    WHERE change = 'changed'
    AND columns <> ['lunch_balance']
    AND (
        entity <> 'class'
        OR list_contains(columns, 'course_name')
        OR key IN (SELECT class_id FROM other_students)
    )
),
renamed AS (
    SELECT entity, key
    FROM candidate.connect.changes
    WHERE change = 'changed' AND list_has_any(columns, ['first_name', 'last_name'])
),
-- Who has no row tonight: an add-only window, or a line that names nobody, keeps them.
missing AS (
    SELECT entity, key FROM candidate.connect.changes WHERE change = 'removed'
    UNION
    SELECT entity, key
    FROM candidate.connect.kept
    WHERE reason IN ('add_only', 'unnamed_row_quarantined')
),
kept_for_nobody AS (
    SELECT replace(entity, '_site', '') AS entity, key
    FROM candidate.connect.kept
    WHERE reason = 'unnamed_row_quarantined'
    UNION ALL
    -- A class with nobody else in it.
    SELECT 'class', class_id
    FROM candidate.connect.kept
    JOIN candidate.connect.classes USING (class_id)
    WHERE entity = 'enrollment' AND reason = 'unnamed_row_quarantined'
    GROUP BY class_id
    HAVING count(*) = any_value(student_count)
),
people_before AS (
    SELECT 'student' AS entity, student_id AS key, first_name, last_name
    FROM previous.connect.students
    UNION ALL
    SELECT 'staff', staff_id, first_name, last_name FROM previous.connect.staff
),
people_tonight AS (
    SELECT 'student' AS entity, student_id AS key, first_name, last_name
    FROM candidate.connect.students
    UNION ALL
    SELECT 'staff', staff_id, first_name, last_name FROM candidate.connect.staff
),
people_missing AS (
    FROM people_before SEMI JOIN missing USING (entity, key)
),
people_added AS (
    SELECT entity, key FROM candidate.connect.changes WHERE change = 'added'
),
arrivals AS (
    FROM people_tonight SEMI JOIN people_added USING (entity, key)
),
renamed_before AS (
    FROM people_before SEMI JOIN renamed USING (entity, key)
),
renamed_tonight AS (
    FROM people_tonight SEMI JOIN renamed USING (entity, key)
),
-- Whose ID another person has tonight.
replaced AS (
    SELECT
        entity,
        key,
        earlier.first_name AS first_before,
        earlier.last_name AS last_before,
        now.first_name,
        now.last_name
    FROM renamed_before AS earlier
    JOIN renamed_tonight AS now USING (entity, key)
    WHERE another_person(earlier.first_name, earlier.last_name, now.first_name, now.last_name)
),
-- Who is missing, or whose ID another person has, and is under another ID at the same school.
renumbered AS (
    SELECT DISTINCT replaced.entity, replaced.key
    FROM replaced
    JOIN replaced AS taking
        ON taking.entity = replaced.entity
        AND taking.key <> replaced.key
        AND fold_name(taking.first_name) = fold_name(replaced.first_before)
        AND fold_name(taking.last_name) = fold_name(replaced.last_before)
    JOIN before ON before.entity = replaced.entity AND before.key = replaced.key
    JOIN tonight
        ON tonight.entity = taking.entity
        AND tonight.key = taking.key
        AND tonight.school = before.school
    UNION
    SELECT DISTINCT entity, before.key
    FROM people_missing
    JOIN before USING (entity, key)
    JOIN arrivals
        ON arrivals.entity = people_missing.entity
        AND fold_name(arrivals.first_name) = fold_name(people_missing.first_name)
        AND fold_name(arrivals.last_name) = fold_name(people_missing.last_name)
    JOIN tonight
        ON tonight.entity = arrivals.entity
        AND tonight.key = arrivals.key
        AND tonight.school = before.school
),
placed AS (
    SELECT
        entity,
        key,
        school,
        before.key IS NOT NULL AS was_there,
        tonight.key IS NOT NULL AS is_there
    FROM before
    FULL JOIN tonight USING (entity, key, school)
),
people AS (
    SELECT
        entity,
        key,
        bool_or(was_there) AS was_there,
        bool_or(is_there) AS is_there
    FROM placed
    GROUP BY entity, key
),
counted AS (
    SELECT entity, NULL::VARCHAR AS school, key, was_there, is_there FROM people
    UNION ALL
    SELECT entity, school, key, was_there, is_there FROM placed
)
SELECT
    counted.entity,
    counted.school,
    count(*) FILTER (WHERE was_there) AS before,
    count(*) FILTER (WHERE NOT was_there) AS added,
    count(*) FILTER (WHERE NOT is_there OR (was_there AND kept_for_nobody.key IS NOT NULL))
        AS removed,
    count(*) FILTER (WHERE was_there AND is_there AND changed.key IS NOT NULL) AS changed,
    count(*) FILTER (WHERE was_there AND renumbered.key IS NOT NULL) AS renumbered
FROM counted
LEFT JOIN changed USING (entity, key)
LEFT JOIN renumbered USING (entity, key)
LEFT JOIN kept_for_nobody USING (entity, key)
GROUP BY counted.entity, counted.school
ORDER BY counted.school NULLS FIRST, counted.entity
