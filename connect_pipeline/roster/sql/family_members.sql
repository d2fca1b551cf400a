-- One row: a guardian contact of a student in a student group.
CREATE VIEW connect.family_members AS
SELECT
    group_members.group_id,
    students.student_id,
    contacts.relation,
    contacts.name,
    contacts.phone,
    contacts.email,
    students.language
FROM connect.group_members
JOIN connect.groups ON groups.group_id = group_members.group_id AND groups.audience = 'students'
JOIN connect.students ON students.student_id = group_members.person_id
JOIN connect.contacts
    ON contacts.student_id = students.student_id AND contacts.relation IN ('primary', 'secondary');
