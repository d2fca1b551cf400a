-- One row: a school code and the site it rolls up to after merges.
-- Without a usable SchoolExport, the merges of the last snapshot stay; so does that of a school whose
-- row may be one of those that are kept out.
CREATE TABLE connect.school_sites AS
WITH RECURSIVE codes AS (
    SELECT code FROM scratch.district.sites
    UNION SELECT school FROM scratch.records.staff
    UNION SELECT school FROM scratch.records.students
    UNION SELECT school FROM scratch.records.staff_to_student
    UNION SELECT school FROM previous.connect.student_sites
        WHERE student_id IN (SELECT student_id FROM scratch.records.kept_students)
    UNION SELECT school FROM previous.connect.staff_sites
        WHERE staff_id IN (SELECT staff_id FROM scratch.records.kept_staff)
    UNION SELECT school FROM previous.connect.classes
        WHERE class_id IN (SELECT class_id FROM scratch.kept_enrollments)
),
merges AS (
    SELECT
        sites.code,
        min(schools.merge_with) AS target
    FROM scratch.normal.schools AS schools
    JOIN scratch.district.sites AS sites ON sites.name = schools.name
    WHERE schools.merge_with IN (SELECT code FROM scratch.district.sites)
    AND schools.merge_with <> sites.code  -- a finding, and nothing that others roll up over
    GROUP BY sites.code
    UNION ALL
    SELECT
        sites.code,
        earlier.site_id AS target
    FROM scratch.district.sites AS sites
    JOIN previous.connect.school_sites AS earlier ON earlier.school = sites.code
    WHERE earlier.site_id <> sites.code
    AND earlier.site_id IN (SELECT code FROM scratch.district.sites)
    AND sites.name NOT IN (SELECT name FROM scratch.normal.schools WHERE name IS NOT NULL)
    AND EXISTS (FROM scratch.quality.quarantine WHERE export = 'SchoolExport.csv')
),
chains AS (
    SELECT code, code AS site_id, [code] AS passed, false AS is_cycle FROM codes
    UNION ALL
    SELECT
        chains.code,
        merges.target,
        list_append(chains.passed, merges.target),
        list_contains(chains.passed, merges.target)
    FROM chains
    JOIN merges ON merges.code = chains.site_id
    WHERE NOT chains.is_cycle
),
ends AS (
    SELECT
        code,
        bool_or(is_cycle) AS is_cycle,
        arg_max(site_id, len(passed)) AS site_id
    FROM chains
    GROUP BY code
)
SELECT
    ends.code AS school,
    CASE
        WHEN getvariable('has_schools') AND ends.is_cycle THEN ends.code
        WHEN getvariable('has_schools') THEN ends.site_id
        ELSE coalesce(earlier.site_id, ends.code)
    END AS site_id
FROM ends
LEFT JOIN previous.connect.school_sites AS earlier ON earlier.school = ends.code
ORDER BY school;
