-- One row is one student at one school; who attends two has two rows that differ in the school.
WITH enrolled AS (
    SELECT
        *,
        school AS at_school
    FROM students

    UNION ALL

    SELECT
        students.*,
        second_schools.second_school
    FROM students
    INNER JOIN second_schools USING (school)
    WHERE is_concurrent
)

SELECT
    student_id,
    schools.code AS school,
    getvariable('given_names')[draw(enrolled.own, 11, len(getvariable('given_names'))) + 1]
        AS first_name,
    families.last_name,
    CASE WHEN grade_number >= 6 AND draw(enrolled.own, 12, 10) < 6
        THEN phone_as_typed(getvariable('student_phones') + s, draw(enrolled.own, 13, 7))
    END AS mobile_phone,
    CASE WHEN grade_number >= 6 AND draw(enrolled.own, 14, 10) > 0
        THEN 's' || student_id || '@example.net'
    END AS email,
    primary_name,
    primary_phone,
    primary_email,
    secondary_name,
    secondary_phone,
    secondary_email,
    home.zip_code || CASE draw(families.own, 21, 20) WHEN 0
        THEN '-' || lpad(draw(families.own, 22, 9999)::VARCHAR, 4, '0') ELSE ''
    END AS zip_code,
    grade,
    CASE WHEN draw(enrolled.own, 15, 10) < 4
        THEN 'Route ' || (draw(enrolled.own, 16, 12) + 1 + home.school % 50 * 12)
    END AS bus_route,
    CASE WHEN draw(enrolled.own, 17, 20) > 0
        THEN ((draw(enrolled.own, 18, 240) - 40) * 25 / 100)::DECIMAL(8, 2)::VARCHAR
    END AS lunch_balance,
    language,
    preferred_contact_method
FROM enrolled
INNER JOIN families USING (family)
INNER JOIN schools ON enrolled.at_school = schools.school
INNER JOIN schools AS home ON enrolled.school = home.school
ORDER BY at_school, s
