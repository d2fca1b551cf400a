-- One row: a channel × a destination to be listed now, with all the children it concerns.
-- The language is the children's; with more than one among them, the district's default.
CREATE OR REPLACE TABLE attendance.recipients AS
WITH counted AS (
    SELECT
        channel,
        destination,
        count(*) AS children,
        any_value(student_id) AS student_id,
        min(contact_name) AS contact_name,
        max(other_contact_name) AS other_contact_name,
        min(language) AS language,
        max(language) AS last_language
    FROM attendance.entries
    GROUP BY channel, destination
),

-- Most destinations are for one child: putting lists together is dear, and done for the others.
shared AS (
    SELECT
        channel,
        destination,
        list(entries.student_id ORDER BY entries.student_id) AS student_ids,
        list_sort(
            list_distinct(list(entries.contact_name) || list(entries.other_contact_name))
        ) AS contact_names
    FROM attendance.entries AS entries
    INNER JOIN counted USING (channel, destination)
    WHERE counted.children > 1
    GROUP BY channel, destination
)

SELECT
    channel,
    destination,
    CASE
        WHEN shared.contact_names IS NOT NULL THEN shared.contact_names
        WHEN counted.other_contact_name IS NOT NULL
            THEN list_sort(
                list_distinct([counted.contact_name, counted.other_contact_name])
            )
        WHEN counted.contact_name IS NOT NULL THEN [counted.contact_name]
        ELSE []
    END AS contact_names,
    CASE
        WHEN counted.language = counted.last_language THEN counted.language
        ELSE $default_language
    END AS language,
    coalesce(counted.language <> counted.last_language, false) AS has_mixed_languages,
    coalesce(shared.student_ids, [counted.student_id]) AS student_ids
FROM counted
LEFT JOIN shared USING (channel, destination);
