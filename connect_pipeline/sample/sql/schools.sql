-- One row is one school site. The first is a high school; the last is its small annex, which is
-- to be merged with it. The second has the code 007.
CREATE TABLE schools AS
WITH numbered AS (
    SELECT
        i AS school,
        i = getvariable('regular_schools') AS is_annex,
        CASE
            WHEN i = getvariable('regular_schools') THEN 'high'
            ELSE (['high', 'middle', 'elementary', 'elementary', 'high', 'elementary', 'elementary'])
                [i % 7 + 1]
        END AS level
    FROM range(getvariable('regular_schools') + 1) AS sites (i)
),

ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY level ORDER BY school) - 1 AS rank
    FROM numbered
)

SELECT
    school,
    level,
    is_annex,
    CASE
        WHEN is_annex THEN '050'
        WHEN school = 1 THEN '007'
        ELSE (101 + school)::VARCHAR
    END AS code,
    CASE
        WHEN is_annex THEN places[1] || ' High School Annex'
        -- Each level starts elsewhere in the list, so that a small district has different names.
        ELSE places[(rank + list_position(['high', 'middle', 'elementary'], level) * 7 - 7)
                % len(places) + 1]
            || ' ' || upper(level[1]) || level[2:] || ' School'
            || CASE WHEN rank < len(places) THEN '' ELSE ' No. ' || (rank // len(places) + 1) END
    END AS name,
    own_number('school', school) AS own,
    lpad((90001 + school * 7 % 900)::VARCHAR, 5, '0') AS zip_code
FROM ranked
CROSS JOIN (SELECT getvariable('places') AS places);
