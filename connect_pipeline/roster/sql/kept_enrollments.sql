-- One row: a class row of tonight that is quarantined, with each student whom it may be about; NULL
-- when nobody is named. Of a row that breaks the line law, that is every word that is the ID of a
-- student of a teacher whose ID is another word of it, and what stands where the student's ID does.
-- With its course, and what it says of teacher and period, when all that is wrong with the row is one
-- of these, or the school; or the student, and then it is about somebody in that class. A line that was
-- forgotten is an erased student's, and others' only if it names them; a few words below the last row
-- are a footer.
CREATE OR REPLACE TABLE scratch.class_rows_out AS
WITH out_tonight AS (
    SELECT line, code, text, is_forgotten
    FROM scratch.records.lines_out
    WHERE export = 'StaffToStudentExport.csv'
),
whole AS (
    SELECT
        out_tonight.line,
        CASE WHEN NOT looks_damaged(rows.student_id) THEN nullif(rows.student_id, '') END
            AS student_id,
        out_tonight.code IN ('unknown_teacher', 'missing_key_value', 'id_looks_damaged')
            AS says_which,
        CASE
            WHEN out_tonight.code <> 'unknown_teacher' AND NOT looks_damaged(rows.staff_id)
                THEN nullif(rows.staff_id, '')
        END AS staff_id,
        CASE WHEN NOT looks_damaged(rows.period) THEN nullif(rows.period, '') END AS period,
        course_key(nullif(rows.course_number, ''), nullif(rows.course_name, '')) AS course_key
    FROM out_tonight
    JOIN scratch.records.staff_to_student_checked AS rows USING (line)
),
-- The ID of a whole row may be damaged (zeros, case), or stand in the teacher's column.
meant AS (
    SELECT out_tonight.line, people.student_id
    FROM out_tonight
    JOIN scratch.records.staff_to_student_checked AS rows USING (line)
    JOIN previous.connect.students AS people
        ON lower(ltrim(people.student_id, '0')) = lower(ltrim(rows.student_id, '0'))
    WHERE out_tonight.code = 'unknown_student'
    UNION
    SELECT out_tonight.line, people.student_id
    FROM out_tonight
    JOIN scratch.records.staff_to_student_checked AS rows USING (line)
    JOIN previous.connect.students AS people ON people.student_id = rows.staff_id
    WHERE out_tonight.code IN ('unknown_student', 'unknown_teacher')
    AND rows.staff_id NOT IN (SELECT staff_id FROM connect.staff)
    AND rows.student_id NOT IN (SELECT student_id FROM previous.connect.students)
),
-- With what stands in the places of school, teacher and student.
broken AS (
    SELECT
        line,
        code,
        text,
        is_forgotten,
        len(string_split(text, ',')) AS cells,
        trim(split_part(text, ',', 1), ' "') AS first_cell,
        trim(split_part(text, ',', 2), ' "') AS second_cell,
        trim(split_part(text, ',', 3), ' "') AS third_cell
    FROM out_tonight
    WHERE line NOT IN (SELECT line FROM whole)
    AND NOT (
        cells < 3
        AND first_cell NOT IN (SELECT school FROM scratch.class_keys)
        AND line > (SELECT max(line) FROM scratch.records.staff_to_student_checked)
    )
),
in_one_line AS (
    FROM broken WHERE code NOT IN ('new_line_in_value', 'unclosed_quote')
),
words AS (
    SELECT line, trim(unnest(regexp_extract_all(text, '[^,"]+'))) AS word FROM in_one_line
),
named AS (
    SELECT words.line, taught.student_id
    FROM words
    JOIN previous.connect.enrollments AS taught ON taught.student_id = words.word
    JOIN previous.connect.classes USING (class_id)
    JOIN words AS teachers ON teachers.line = words.line AND teachers.word = classes.staff_id
    UNION
    SELECT line, third_cell AS student_id
    FROM in_one_line
    WHERE third_cell IN (
        SELECT student_id FROM previous.connect.students
        UNION ALL
        SELECT student_id FROM connect.students
    )
    -- What stands third is the student, when no field is missing, or the first two are in place.
    AND (
        cells >= getvariable('class_columns')
        OR (
            first_cell IN (SELECT school FROM scratch.class_keys)
            AND second_cell IN (SELECT staff_id FROM connect.staff)
            AND third_cell NOT IN (SELECT period FROM scratch.class_keys)
        )
    )
)
SELECT line, student_id, says_which, staff_id, period, course_key FROM whole
UNION ALL BY NAME
SELECT line, student_id, false AS says_which FROM meant
UNION ALL BY NAME
SELECT line, student_id, false AS says_which FROM named
UNION ALL BY NAME
SELECT line, false AS says_which
FROM broken
WHERE NOT is_forgotten AND line NOT IN (SELECT line FROM named);

-- One row: an enrollment of the last snapshot that an invalid row of tonight, or an add-only window,
-- keeps from being removed. A row of a teacher who left, which the SIS keeps, spares nothing in other
-- periods and courses: the child may have changed classes there.
CREATE OR REPLACE TABLE scratch.spared_enrollments AS
WITH whose AS (
    SELECT DISTINCT student_id
    FROM scratch.class_rows_out
    WHERE student_id IS NOT NULL AND NOT says_which
),
whose_in_class AS (
    SELECT class_id, student_id
    FROM previous.connect.enrollments
    JOIN scratch.class_rows_out AS rows_out USING (student_id)
    JOIN previous.connect.classes AS classes USING (class_id)
    WHERE rows_out.says_which
    AND rows_out.course_key = course_key(course_number, course_name)
    AND coalesce(rows_out.staff_id = classes.staff_id, true)
    AND coalesce(rows_out.period = classes.period, true)
),
-- Who is in a class of which a row of tonight lacks the student alone.
unnamed_in_class AS (
    SELECT classes.class_id
    FROM previous.connect.classes
    JOIN scratch.class_rows_out AS rows_out USING (staff_id)
    WHERE rows_out.student_id IS NULL
    AND rows_out.course_key = course_key(course_number, course_name)
    AND coalesce(rows_out.period = classes.period, true)
)
SELECT
    class_id,
    student_id,
    CASE
        WHEN student_id IN (FROM whose) THEN 'row_quarantined'
        WHEN (class_id, student_id) IN (FROM whose_in_class) THEN 'row_quarantined'
        WHEN class_id IN (FROM unnamed_in_class) THEN 'unnamed_row_quarantined'
        WHEN EXISTS (FROM scratch.class_rows_out WHERE student_id IS NULL AND staff_id IS NULL)
            THEN 'unnamed_row_quarantined'
        WHEN getvariable('add_only') THEN 'add_only'
    END AS reason
FROM previous.connect.enrollments
WHERE reason IS NOT NULL;

-- What is kept is kept for a person, and not for whoever has the ID tonight.
INSERT INTO scratch.kept_enrollments
WITH other_students AS (
    SELECT student_id
    FROM (SELECT DISTINCT student_id FROM scratch.spared_enrollments)
    JOIN previous.connect.students AS earlier USING (student_id)
    JOIN connect.students AS tonight USING (student_id)
    WHERE another_person(
        earlier.first_name, earlier.last_name, tonight.first_name, tonight.last_name
    )
),
other_staff AS (
    SELECT staff_id
    FROM previous.connect.staff AS earlier
    JOIN connect.staff AS tonight USING (staff_id)
    WHERE another_person(
        earlier.first_name, earlier.last_name, tonight.first_name, tonight.last_name
    )
),
-- Whoever left a school has no classes there, whatever the class file lacks or cannot say.
left_school AS (
    SELECT student_id, school
    FROM previous.connect.student_sites
    ANTI JOIN scratch.records.students USING (student_id, school)
    WHERE student_id NOT IN (SELECT student_id FROM scratch.records.kept_students)
),
-- Who has another class tonight in the same period has changed classes, in an add-only window, too. In
-- the homeroom's period are several classes of a child: there it is the same course of another teacher.
changed_class AS (
    SELECT student_id, school, period, course_key
    FROM connect.enrollments
    JOIN scratch.class_keys USING (class_id)
    ANTI JOIN previous.connect.enrollments USING (class_id, student_id)
    WHERE getvariable('add_only')
)
SELECT class_id, student_id, spared.reason
FROM scratch.spared_enrollments AS spared
JOIN previous.connect.classes AS classes USING (class_id)
ANTI JOIN left_school USING (student_id, school)
ANTI JOIN connect.enrollments USING (class_id, student_id)
ANTI JOIN changed_class
    ON changed_class.student_id = spared.student_id
    AND changed_class.school = classes.school
    AND changed_class.period = classes.period
    AND spared.reason = 'add_only'
    AND (
        ltrim(classes.period, '0') <> ''
        OR changed_class.course_key = course_key(classes.course_number, classes.course_name)
    )
WHERE student_id IN (SELECT student_id FROM connect.students)
AND student_id NOT IN (FROM other_students)
AND classes.staff_id IN (SELECT staff_id FROM connect.staff)
AND classes.staff_id NOT IN (FROM other_staff);

INSERT INTO connect.enrollments SELECT class_id, student_id FROM scratch.kept_enrollments;
