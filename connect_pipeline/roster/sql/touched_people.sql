-- One row: a person who may have come to a group or left one since the last snapshot.
CREATE OR REPLACE TABLE scratch.touched_people AS
-- A first night has no group that was there before, so there is nothing to compare.
WITH news AS (
    SELECT entity, key FROM connect.changes WHERE EXISTS (FROM previous.connect.groups)
),
changed_classes AS (
    SELECT key AS class_id FROM news WHERE entity = 'class'
),
enrolled AS (
    SELECT class_id, student_id FROM connect.enrollments
    WHERE class_id IN (SELECT class_id FROM changed_classes)
),
enrolled_before AS (
    SELECT class_id, student_id FROM previous.connect.enrollments
    WHERE class_id IN (SELECT class_id FROM changed_classes)
),
-- A merge of sites or another limit for balances may move anybody.
has_other_rules AS (
    SELECT EXISTS (FROM previous.connect.groups) AND (
        EXISTS (
            FROM connect.school_sites AS tonight
            JOIN previous.connect.school_sites AS before USING (school)
            WHERE tonight.site_id <> before.site_id
        )
        OR (SELECT low_lunch_balance FROM connect.group_settings)
            IS DISTINCT FROM (SELECT low_lunch_balance FROM previous.connect.group_settings)
    ) AS anybody_may_move
),
touched AS (
    SELECT key AS person_id FROM news WHERE entity <> 'class'
    UNION
    SELECT student_id FROM enrolled ANTI JOIN enrolled_before USING (class_id, student_id)
    UNION
    SELECT student_id FROM enrolled_before ANTI JOIN enrolled USING (class_id, student_id)
    UNION
    SELECT student_id FROM connect.students
    WHERE (SELECT anybody_may_move FROM has_other_rules)
    UNION
    SELECT staff_id FROM connect.staff
    WHERE (SELECT anybody_may_move FROM has_other_rules)
)
SELECT DISTINCT person_id FROM touched;
