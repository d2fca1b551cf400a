-- What the comparison of two snapshots looks at. These views stand on the candidate; the same
-- text, with `previous` for `candidate` and `old` for `new`, makes those on the last snapshot.

-- One row: a staff member with the list of schools.
CREATE OR REPLACE TEMP VIEW new_staff AS
WITH places AS (
    SELECT staff_id, list(school ORDER BY school) AS schools
    FROM candidate.connect.staff_sites GROUP BY staff_id
)
SELECT * FROM candidate.connect.staff LEFT JOIN places USING (staff_id);

-- One row: a student with the list of schools and the contacts.
CREATE OR REPLACE TEMP VIEW new_students AS
WITH places AS (
    SELECT student_id, list(school ORDER BY school) AS schools
    FROM candidate.connect.student_sites GROUP BY student_id
),
reached AS (
    SELECT
        student_id,
        list((relation, name, phone, email) ORDER BY relation) AS contacts
    FROM candidate.connect.contacts GROUP BY student_id
)
SELECT *
FROM candidate.connect.students
LEFT JOIN places USING (student_id)
LEFT JOIN reached USING (student_id);

-- One row: a class with a digest of its students, the same for the same set of students.
CREATE OR REPLACE TEMP VIEW new_classes AS
WITH members AS (
    SELECT class_id, bit_xor(hash(student_id)) AS students
    FROM candidate.connect.enrollments GROUP BY class_id
)
SELECT * FROM candidate.connect.classes LEFT JOIN members USING (class_id);
