-- One row is one member of staff at one school.
WITH posted AS (
    SELECT
        *,
        school AS at_school
    FROM staff

    UNION ALL

    SELECT
        *,
        (school + 1) % getvariable('regular_schools')
    FROM staff
    WHERE is_itinerant
)

SELECT
    staff_id,
    schools.code AS school,
    first_name,
    last_name,
    getvariable('given_slugs')[list_position(getvariable('given_names'), first_name)]
        || '.'
        || getvariable('family_slugs')[list_position(getvariable('family_names'), last_name)]
        || k
        || '@example.org' AS email,
    title,
    CASE WHEN draw(posted.own, 3, 5) > 0
        THEN phone_as_typed(getvariable('staff_phones') + k, draw(posted.own, 4, 7))
    END AS mobile_phone
FROM posted
INNER JOIN schools ON posted.at_school = schools.school
ORDER BY k, at_school <> posted.school
