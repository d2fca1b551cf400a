-- One row: a lesson of a child of which a destination was told earlier today, the batch that said so
-- first, and whether that stands: a list of cleared absences may have taken it back since, and a
-- later one may have said it again. Under once_per_day a message is of the day, and its lesson ''.
-- The policy may have been the other one when it was told, or taken back.
CREATE OR REPLACE TABLE attendance.said AS
WITH told_of AS (
    SELECT
        student_id,
        unnest(destinations) AS destination,
        CASE WHEN $policy = 'once_per_day' THEN [''] ELSE string_split(lessons, chr(10)) END
            AS lessons,
        batch_id
    FROM attendance.ledger_today
    WHERE channel <> 'cleared'
),

told_of_lessons AS (
    SELECT
        student_id,
        destination,
        unnest(lessons) AS lesson,
        batch_id
    FROM told_of
),

-- A batch says of each child all lessons, and all destinations that it told of one at least: which
-- heard of it before had it from the first.
messages AS (
    SELECT
        student_id,
        destination,
        lesson,
        min(batch_id) AS listed_in
    FROM told_of_lessons
    GROUP BY
        student_id,
        destination,
        lesson,
        CASE WHEN $policy = 'once_per_day' THEN batch_id END
),

-- `cleared_ledger_rows.sql` writes them: a line with the change, its list and the message's batch,
-- then the lessons that it is about, if it is not about the day.
changes AS (
    SELECT
        student_id,
        unnest(destinations) AS destination,
        split_part(split_part(lessons, chr(10), 1), ' ', 1) AS change,
        split_part(split_part(lessons, chr(10), 1), ' ', 3) AS listed_in,
        CASE WHEN contains(lessons, chr(10)) THEN string_split(lessons, chr(10))[2:] ELSE [''] END
            AS lessons,
        batch_id
    FROM attendance.ledger_today
    WHERE channel = 'cleared'
),

taken_back AS (
    SELECT
        student_id,
        destination,
        listed_in,
        max(batch_id) AS batch_id
    FROM changes
    WHERE change <> 'absent_again'
    GROUP BY student_id, destination, listed_in
),

said_again AS (
    SELECT
        changes.student_id,
        changes.destination,
        changes.listed_in,
        flatten(list(changes.lessons)) AS lessons
    FROM changes
    INNER JOIN taken_back USING (student_id, destination, listed_in)
    WHERE changes.change = 'absent_again'
    AND changes.batch_id >= taken_back.batch_id
    GROUP BY changes.student_id, changes.destination, changes.listed_in
)

SELECT
    messages.student_id,
    split_part(messages.destination, ':', 1) AS channel,
    split_part(messages.destination, ':', 2) AS destination_hash,
    messages.listed_in,
    messages.lesson,
    taken_back.batch_id IS NULL
    OR (said_again.lessons IS NOT NULL AND messages.lesson = '')
    OR coalesce(list_has_any(said_again.lessons, [messages.lesson, '']), false) AS stands
FROM messages
LEFT JOIN taken_back USING (student_id, destination, listed_in)
LEFT JOIN said_again USING (student_id, destination, listed_in);
