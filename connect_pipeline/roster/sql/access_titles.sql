-- One row: a job title that reaches a whole site or the district, by the settings of this snapshot.
CREATE TABLE connect.access_titles AS
SELECT 'site' AS scope, lower(trim(unnest(getvariable('site_titles')::VARCHAR[]))) AS title
UNION
SELECT 'district', lower(trim(unnest(getvariable('district_titles')::VARCHAR[])))
ORDER BY scope, title;
