-- One row is one school site.
SELECT
    name,
    (school * 20 + 100 + draw(own, 2, 19))
        || ' ' || getvariable('streets')[draw(own, 3, len(getvariable('streets'))) + 1]
        || ', ' || getvariable('towns')[draw(own, 4, len(getvariable('towns'))) + 1] AS address,
    phone_as_typed(getvariable('school_phones') + school, draw(own, 5, 3)) AS phone,
    CASE WHEN is_annex THEN '101' END AS merge_with
FROM schools
ORDER BY school
