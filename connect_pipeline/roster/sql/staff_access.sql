-- One row: a staff member and what they may reach: each class that they teach, a site or the whole
-- district. Beyond their own classes, only the titles that the settings name, and a title opens the
-- site of the school at which it is held, not the other ones of its holder.
CREATE VIEW connect.staff_access AS
WITH titled AS (
    SELECT held.staff_id, held.school, access_titles.scope
    FROM connect.staff_titles AS held
    JOIN connect.access_titles ON access_titles.title = lower(trim(held.title))
)
SELECT
    staff_id,
    'class' AS scope,
    class_id AS scope_id,
    'class:' || class_id AS group_id
FROM connect.classes
JOIN connect.staff USING (staff_id)
UNION ALL
SELECT DISTINCT staff_id, 'site', site_id, 'site:' || site_id
FROM titled
JOIN connect.staff_sites USING (staff_id, school)
WHERE titled.scope = 'site'
UNION ALL
SELECT DISTINCT staff_id, 'district', NULL, NULL
FROM titled
WHERE scope = 'district';
