-- One row is one family: what its children share. A blank is NULL, which the writer leaves empty.
CREATE TABLE families AS
WITH numbered AS (
    SELECT DISTINCT
        family,
        own_number('family', family) AS own
    FROM students
),

named AS (
    SELECT
        *,
        draw(own, 1, len(getvariable('family_names'))) + 1 AS last,
        draw(own, 2, len(getvariable('given_names'))) + 1 AS first,
        draw(own, 3, len(getvariable('given_names'))) + 1 AS second_first,
        -- Of 1,000 families: 30 without a phone, 60 without mail, 5 without any contact, and 450
        -- with a second contact, who may lack one of the two as well.
        draw(own, 4, 1000) AS reached,
        draw(own, 5, 1000) AS reached_second
    FROM numbered
)

SELECT
    family,
    own,
    getvariable('family_names')[last] AS last_name,
    CASE WHEN reached >= 5
        THEN getvariable('given_names')[first] || ' ' || getvariable('family_names')[last]
    END AS primary_name,
    CASE WHEN reached >= 35
        THEN phone_as_typed(family * 2, draw(own, 6, 7))
    END AS primary_phone,
    CASE WHEN reached BETWEEN 5 AND 939
        THEN getvariable('given_slugs')[first] || '.' || getvariable('family_slugs')[last]
            || family || (['@example.org', '@example.com', '@example.net'])[draw(own, 7, 3) + 1]
    END AS primary_email,
    CASE WHEN reached >= 5 AND reached_second < 450
        THEN getvariable('given_names')[second_first] || ' ' || getvariable('family_names')[last]
    END AS secondary_name,
    CASE WHEN reached >= 5 AND reached_second < 400
        THEN phone_as_typed(family * 2 + 1, draw(own, 8, 7))
    END AS secondary_phone,
    CASE WHEN reached >= 5 AND reached_second BETWEEN 150 AND 449
        THEN getvariable('given_slugs')[second_first] || family || '@example.com'
    END AS secondary_email,
    getvariable('languages')[draw(own, 9, len(getvariable('languages'))) + 1] AS language,
    nullif(
        getvariable('contact_methods')[draw(own, 10, len(getvariable('contact_methods'))) + 1],
        ''
    ) AS preferred_contact_method
FROM named;
