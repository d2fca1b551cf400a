-- One row: of how many schools in the settings people have what a row of SchoolExport said (an
-- address, a phone number, the site that it is merged with), and how many of these have no row
-- tonight. A quarantined line may be the row of any of them: then what it said stays.
WITH described AS (
    SELECT sites.name
    FROM scratch.district.sites AS sites
    LEFT JOIN previous.connect.sites AS site
        ON site.site_id = sites.code
        AND site.name = sites.name
    LEFT JOIN previous.connect.school_sites AS earlier ON earlier.school = sites.code
    WHERE coalesce(site.address, site.phone) IS NOT NULL
    OR earlier.site_id <> sites.code
)
SELECT
    count(*) AS before,
    count(*) FILTER (
        WHERE getvariable('has_schools')
        AND name NOT IN (SELECT name FROM scratch.normal.schools WHERE name IS NOT NULL)
        AND NOT EXISTS (FROM scratch.quality.quarantine WHERE export = 'SchoolExport.csv')
    ) AS lost
FROM described
