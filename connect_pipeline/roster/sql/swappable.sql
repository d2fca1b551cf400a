-- One row: a person of whom a column that could be mixed up has changed.
CREATE OR REPLACE TEMP TABLE changed_people AS
SELECT DISTINCT key FROM candidate.connect.changes
WHERE change = 'changed' AND list_has_any(columns, ['contacts', 'first_name', 'last_name']);

-- One row: a person of tonight.
CREATE OR REPLACE TEMP VIEW everybody AS
SELECT student_id AS key FROM candidate.connect.students
UNION ALL
SELECT staff_id FROM candidate.connect.staff;

-- One row: a person to be compared now.
CREATE OR REPLACE TEMP VIEW compared_people AS FROM changed_people;

-- One row: a student of one of the two nights, in the columns that an export could mix up.
CREATE OR REPLACE TEMP VIEW student_columns AS
WITH nights AS (
    SELECT true AS is_before, * FROM previous.connect.students
    WHERE student_id IN (FROM compared_people)
    UNION ALL BY NAME
    SELECT false AS is_before, * FROM candidate.connect.students
    WHERE student_id IN (FROM compared_people)
),
contacts AS (
    SELECT true AS is_before, * FROM previous.connect.contacts
    WHERE student_id IN (FROM compared_people)
    UNION ALL BY NAME
    SELECT false AS is_before, * FROM candidate.connect.contacts
    WHERE student_id IN (FROM compared_people)
),
reached AS (
    SELECT
        is_before,
        student_id,
        any_value(name) FILTER (WHERE relation = 'primary') AS primary_name,
        any_value(phone) FILTER (WHERE relation = 'primary') AS primary_phone,
        any_value(email) FILTER (WHERE relation = 'primary') AS primary_email,
        any_value(name) FILTER (WHERE relation = 'secondary') AS secondary_name,
        any_value(phone) FILTER (WHERE relation = 'secondary') AS secondary_phone,
        any_value(email) FILTER (WHERE relation = 'secondary') AS secondary_email,
        any_value(phone) FILTER (WHERE relation = 'self') AS mobile_phone,
        any_value(email) FILTER (WHERE relation = 'self') AS email
    FROM contacts
    GROUP BY is_before, student_id
)
SELECT
    nights.is_before,
    nights.student_id AS key,
    nights.first_name,
    nights.last_name,
    reached.* EXCLUDE (is_before, student_id)
FROM nights
LEFT JOIN reached USING (is_before, student_id);

-- One row: a staff member of one of the two nights.
CREATE OR REPLACE TEMP VIEW staff_columns AS
SELECT true AS is_before, staff_id AS key, first_name, last_name FROM previous.connect.staff
WHERE staff_id IN (FROM compared_people)
UNION ALL
SELECT false, staff_id, first_name, last_name FROM candidate.connect.staff
WHERE staff_id IN (FROM compared_people);
