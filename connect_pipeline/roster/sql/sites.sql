-- One row: a site, with what SchoolExport says of it. A code without a site is a placeholder.
CREATE TABLE connect.sites AS
WITH survivors AS (
    SELECT DISTINCT site_id FROM connect.school_sites
),
described AS (
    SELECT
        sites.code,
        sites.name,
        min(schools.address) AS address,
        min(schools.phone) AS phone,
        -- A quarantined line may be its row.
        count(schools.name) = 0
        AND EXISTS (FROM scratch.quality.quarantine WHERE export = 'SchoolExport.csv')
            AS may_be_out
    FROM scratch.district.sites AS sites
    LEFT JOIN scratch.normal.schools AS schools ON schools.name = sites.name
    GROUP BY sites.code, sites.name
)
SELECT
    survivors.site_id,
    coalesce(described.name, 'School ' || survivors.site_id) AS name,
    coalesce(described.address, earlier.address) AS address,
    coalesce(described.phone, earlier.phone) AS phone,
    described.name IS NULL AS is_placeholder
FROM survivors
LEFT JOIN described ON described.code = survivors.site_id
LEFT JOIN previous.connect.sites AS earlier
    ON earlier.site_id = survivors.site_id
    AND earlier.name = described.name
    AND (NOT getvariable('has_schools') OR described.may_be_out)
ORDER BY site_id;
