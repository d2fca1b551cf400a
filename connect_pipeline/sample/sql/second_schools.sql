-- One row is one high school and the one whose courses its students may take as well.
CREATE TABLE second_schools AS
SELECT
    school,
    coalesce(
        lead(school) OVER (ORDER BY school),
        first_value(school) OVER (ORDER BY school)
    ) AS second_school
FROM schools
WHERE level = 'high';
