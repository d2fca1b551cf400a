-- One row: how many sites have a phone number, and how many of them have tonight the one that
-- another site had last night and has no more. A site that has another school's name by the settings
-- is another one.
WITH phones AS (
    SELECT site_id, earlier.phone AS before, sites.phone AS tonight
    FROM candidate.connect.sites AS sites
    JOIN previous.connect.sites AS earlier USING (site_id, name)
    WHERE earlier.phone IS NOT NULL
    AND sites.phone IS NOT NULL
)
SELECT
    count(*) AS sites,
    count(*) FILTER (
        WHERE tonight <> before
        AND tonight IN (SELECT before FROM phones AS others WHERE others.tonight <> others.before)
    ) AS moved
FROM phones
