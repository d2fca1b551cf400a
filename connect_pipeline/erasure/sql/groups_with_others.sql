-- One row: one of the groups, with others in it as well.
SELECT group_id FROM connect.groups
WHERE list_contains(getvariable('groups')::VARCHAR[], group_id)
AND member_count > (
    SELECT count(*) FROM connect.group_members AS mine
    WHERE mine.group_id = groups.group_id AND person_id = getvariable('student')
)
