-- One row: a student or staff member whose row, tonight or before, is not what it was, by a digest:
-- the names of columns are worked out for these only. One statement at a time, so that a large
-- district's comparison needs little memory.
CREATE OR REPLACE TABLE scratch.other_people AS
SELECT 'staff' AS entity, staff_id AS key
FROM (SELECT staff_id, hash(staff) AS digest FROM previous.connect.staff AS staff) AS old
JOIN (SELECT staff_id, hash(staff) AS digest FROM candidate.connect.staff AS staff) AS new
    USING (staff_id)
WHERE old.digest <> new.digest
UNION ALL
SELECT 'student', student_id
FROM (SELECT student_id, hash(s) AS digest FROM previous.connect.students AS s) AS old
JOIN (SELECT student_id, hash(s) AS digest FROM candidate.connect.students AS s) AS new
    USING (student_id)
WHERE old.digest <> new.digest;

-- One row: a person who came to a school or left one.
CREATE OR REPLACE TABLE scratch.moved_people AS
SELECT DISTINCT 'staff' AS entity, staff_id AS key
FROM previous.connect.staff_sites AS old
FULL JOIN candidate.connect.staff_sites AS new USING (staff_id, school)
WHERE old.site_id IS NULL OR new.site_id IS NULL
UNION ALL
SELECT DISTINCT 'student', student_id
FROM previous.connect.student_sites AS old
FULL JOIN candidate.connect.student_sites AS new USING (student_id, school)
WHERE old.site_id IS NULL OR new.site_id IS NULL;

-- One row: a student one of whose contacts came, went or is another.
CREATE OR REPLACE TABLE scratch.reached_otherwise AS
SELECT DISTINCT student_id
FROM (
    SELECT student_id, relation, hash(name, phone, email) AS digest FROM previous.connect.contacts
) AS old
FULL JOIN (
    SELECT student_id, relation, hash(name, phone, email) AS digest FROM candidate.connect.contacts
) AS new USING (student_id, relation)
WHERE old.digest IS DISTINCT FROM new.digest;

-- One row: a class of both nights whose course is renamed, or whose set of students, by its digest,
-- is another.
CREATE OR REPLACE TABLE scratch.changed_classes AS
WITH old_members AS (
    SELECT class_id, bit_xor(hash(student_id)) AS students
    FROM previous.connect.enrollments GROUP BY class_id
),
new_members AS (
    SELECT class_id, bit_xor(hash(student_id)) AS students
    FROM candidate.connect.enrollments GROUP BY class_id
)
SELECT
    class_id AS key,
    [
        CASE WHEN old.course_name IS DISTINCT FROM new.course_name THEN 'course_name' END,
        CASE WHEN old_members.students IS DISTINCT FROM new_members.students THEN 'students' END
    ] AS columns
FROM previous.connect.classes AS old
JOIN candidate.connect.classes AS new USING (class_id)
LEFT JOIN old_members USING (class_id)
LEFT JOIN new_members USING (class_id)
WHERE old.course_name IS DISTINCT FROM new.course_name
OR old_members.students IS DISTINCT FROM new_members.students;

-- One row: a person or class that this snapshot adds, changes or removes.
CREATE TABLE connect.changes AS
WITH compared AS (
    FROM scratch.other_people
    UNION
    FROM scratch.moved_people
    UNION
    SELECT 'student', student_id FROM scratch.reached_otherwise
),
changed_staff AS (
    SELECT
        staff_id AS key,
        [
            CASE WHEN old.first_name IS DISTINCT FROM new.first_name THEN 'first_name' END,
            CASE WHEN old.last_name IS DISTINCT FROM new.last_name THEN 'last_name' END,
            CASE WHEN old.email IS DISTINCT FROM new.email THEN 'email' END,
            CASE WHEN old.title IS DISTINCT FROM new.title THEN 'title' END,
            CASE WHEN old.mobile_phone IS DISTINCT FROM new.mobile_phone THEN 'mobile_phone' END,
            CASE WHEN staff_id IN (SELECT key FROM scratch.moved_people WHERE entity = 'staff')
                THEN 'school' END
        ] AS columns
    FROM previous.connect.staff AS old
    JOIN candidate.connect.staff AS new USING (staff_id)
    WHERE staff_id IN (SELECT key FROM compared WHERE entity = 'staff')
),
changed_students AS (
    SELECT
        student_id AS key,
        [
            CASE WHEN old.first_name IS DISTINCT FROM new.first_name THEN 'first_name' END,
            CASE WHEN old.last_name IS DISTINCT FROM new.last_name THEN 'last_name' END,
            CASE WHEN old.grade IS DISTINCT FROM new.grade THEN 'grade' END,
            CASE WHEN old.zip_code IS DISTINCT FROM new.zip_code THEN 'zip_code' END,
            CASE WHEN old.bus_route IS DISTINCT FROM new.bus_route THEN 'bus_route' END,
            CASE WHEN old.lunch_balance IS DISTINCT FROM new.lunch_balance THEN 'lunch_balance' END,
            CASE WHEN old.language IS DISTINCT FROM new.language THEN 'language' END,
            CASE WHEN old.preferred_contact_method IS DISTINCT FROM new.preferred_contact_method
                THEN 'preferred_contact_method' END,
            CASE WHEN student_id IN (SELECT key FROM scratch.moved_people WHERE entity = 'student')
                THEN 'school' END,
            CASE WHEN student_id IN (FROM scratch.reached_otherwise) THEN 'contacts' END
        ] AS columns
    FROM (
        FROM previous.connect.students
        WHERE student_id IN (SELECT key FROM compared WHERE entity = 'student')
    ) AS old
    JOIN candidate.connect.students AS new USING (student_id)
),
changed AS (
    SELECT 'staff' AS entity, * FROM changed_staff
    UNION ALL
    SELECT 'student', * FROM changed_students
    UNION ALL
    SELECT 'class', * FROM scratch.changed_classes
),
before AS (
    SELECT 'staff' AS entity, staff_id AS key FROM previous.connect.staff
    UNION ALL
    SELECT 'student', student_id FROM previous.connect.students
    UNION ALL
    SELECT 'class', class_id FROM previous.connect.classes
),
tonight AS (
    SELECT 'staff' AS entity, staff_id AS key FROM candidate.connect.staff
    UNION ALL
    SELECT 'student', student_id FROM candidate.connect.students
    UNION ALL
    SELECT 'class', class_id FROM candidate.connect.classes
),
described AS (
    SELECT entity, key, 'changed' AS change, list_filter(columns, lambda c: c IS NOT NULL) AS columns
    FROM changed
    UNION ALL
    SELECT entity, key, 'added', NULL FROM tonight ANTI JOIN before USING (entity, key)
    UNION ALL
    SELECT entity, key, 'removed', NULL FROM before ANTI JOIN tonight USING (entity, key)
)
SELECT
    entity,
    key,
    change,
    columns
FROM described
WHERE change <> 'changed' OR len(columns) > 0
ORDER BY entity, key;
