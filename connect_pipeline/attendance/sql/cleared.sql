-- One row: a destination × a child × a message of earlier today that is cleared, or that is none to
-- alert of any more, or that stands again after it was so. A message is of a day (once_per_day), or of
-- its lessons (each_new_period). It stands again only where the family may be told now, and says what
-- the child is absent from now.
CREATE OR REPLACE TABLE attendance.cleared AS
WITH alerting AS (
    SELECT
        student_id,
        unnest(
            CASE WHEN $policy = 'once_per_day' THEN [''] ELSE string_split(lessons, chr(10)) END
        ) AS lesson
    FROM attendance.children
),

changes AS (
    SELECT
        change,
        student_id,
        channel,
        destination_hash,
        listed_in,
        lessons
    FROM attendance.clearing
    UNION ALL
    SELECT
        'absent_again' AS change,
        said.student_id,
        said.channel,
        said.destination_hash,
        said.listed_in,
        list(said.lesson ORDER BY said.lesson) AS lessons
    FROM attendance.said AS said
    INNER JOIN alerting USING (student_id, lesson)
    INNER JOIN attendance.destinations AS destinations
        USING (student_id, channel, destination_hash)
    WHERE NOT said.stands
    AND NOT destinations.is_opted_out
    GROUP BY said.student_id, said.channel, said.destination_hash, said.listed_in
),

lessons AS (
    SELECT
        student_id,
        change,
        channel,
        destination_hash,
        listed_in,
        split_part(unnest(lessons), chr(31), 1) AS school,
        split_part(unnest(lessons), chr(31), 2) AS period
    FROM changes
    WHERE lessons <> ['']
),

-- The lessons may be of one of the two schools at which a child misses some.
in_words AS (
    SELECT
        student_id,
        change,
        channel,
        destination_hash,
        listed_in,
        list(period ORDER BY period_number(period), period, school) AS periods,
        array_to_string(
            once_each(list(schools.site_name ORDER BY period_number(period), period, school)), ', '
        ) AS site_name,
        first(schools.site_phone ORDER BY period_number(period), period, school) AS site_phone
    FROM lessons
    LEFT JOIN attendance.schools AS schools USING (school)
    GROUP BY student_id, change, channel, destination_hash, listed_in
),

-- What was told then. The ledger has destinations by their hash alone.
told AS (
    SELECT
        said.*,
        recipients.language,
        hashed(said.destination) AS destination_hash,
        batch_id AS listed_in
    FROM earlier.attendance.recipient_absences AS said
    INNER JOIN earlier.attendance.recipients AS recipients USING (batch_id, channel, destination)
    WHERE said.student_id IN (SELECT student_id FROM changes)
)

SELECT
    change,
    listed_in,
    channel,
    told.destination,
    destination_hash,
    told.language,
    student_id,
    told.student_name,
    CASE
        WHEN change <> 'absent_again' THEN told.site_name
        ELSE coalesce(in_words.site_name, children.site_name)
    END AS site_name,
    CASE
        WHEN change <> 'absent_again' THEN told.site_phone
        WHEN in_words.student_id IS NULL THEN children.site_phone
        ELSE in_words.site_phone
    END AS site_phone,
    CASE
        WHEN in_words.student_id IS NOT NULL THEN in_words.periods
        WHEN change <> 'absent_again' THEN told.periods
        ELSE children.periods
    END AS periods,
    changes.lessons
FROM changes
INNER JOIN told USING (student_id, channel, destination_hash, listed_in)
LEFT JOIN in_words USING (change, student_id, channel, destination_hash, listed_in)
LEFT JOIN attendance.children AS children USING (student_id);
