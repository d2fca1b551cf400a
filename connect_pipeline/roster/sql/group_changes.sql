-- One row: a group whose members are not those of the last snapshot, with how many came and left.
-- `touched_tonight` and `touched_before` hold the people who may have moved, and their memberships.
CREATE TABLE connect.group_changes AS
WITH lasting AS (
    SELECT group_id FROM connect.groups SEMI JOIN previous.connect.groups USING (group_id)
),
members AS (
    SELECT group_id, person_id FROM touched_tonight.connect.group_members
    WHERE group_id IN (SELECT group_id FROM lasting)
),
members_before AS (
    SELECT group_id, person_id FROM touched_before.connect.group_members
    WHERE group_id IN (SELECT group_id FROM lasting)
),
moves AS (
    SELECT group_id, 1 AS added, 0 AS removed
    FROM members ANTI JOIN members_before USING (group_id, person_id)
    UNION ALL
    SELECT group_id, 0, 1
    FROM members_before ANTI JOIN members USING (group_id, person_id)
),
counted AS (
    SELECT group_id, sum(added)::BIGINT AS added, sum(removed)::BIGINT AS removed
    FROM moves GROUP BY group_id
)
SELECT
    group_id,
    groups.audience,
    groups.kind,
    groups.name,
    'changed' AS change,
    counted.added,
    counted.removed
FROM counted
JOIN connect.groups USING (group_id)
UNION ALL
SELECT group_id, audience, kind, name, 'new', member_count, 0
FROM connect.groups ANTI JOIN previous.connect.groups USING (group_id)
UNION ALL
SELECT group_id, audience, kind, name, 'gone', 0, member_count
FROM previous.connect.groups ANTI JOIN connect.groups USING (group_id)
ORDER BY group_id;
