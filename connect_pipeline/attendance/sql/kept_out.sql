-- One row: a row of the file that was kept out, with what it may say whom it is about: the ID that
-- was read from it, the words of it that are a student's ID, and all words, folded. Where IDs are
-- numbers, a school, period or code may be one, too: such a word names nobody. Unknown students are
-- not among them: they are accounted for.
CREATE OR REPLACE TABLE attendance.kept_out AS
WITH broken AS (
    SELECT
        line,
        code,
        record_id,
        list_distinct(
            regexp_split_to_array(text, '[",;|\t]') || regexp_split_to_array(text, '[",;|\t:，\s]+')
        ) AS words
    FROM quality.quarantine
    WHERE export = 'AttendanceExport.csv'
    AND code <> 'unknown_student'
),

all_words AS (
    SELECT
        line,
        regexp_replace(unnest(words), '^[\s\p{Cf}]+|[\s\p{Cf}]+$', '', 'g') AS word
    FROM broken
),

known_words AS (
    SELECT school AS word FROM roster.connect.school_sites
    UNION ALL
    SELECT period FROM roster.connect.classes
    UNION ALL
    SELECT unnest([school, period, code]) FROM records.attendance
),

-- Of all these, only those that stand in a row that was kept out: mostly none.
no_ids AS (
    FROM known_words SEMI JOIN all_words USING (word)
),

words AS (
    FROM all_words ANTI JOIN no_ids USING (word)
),

named AS (
    SELECT
        words.line,
        list(words.word) AS student_ids
    FROM words
    INNER JOIN roster.connect.students AS students ON words.word = students.student_id
    GROUP BY words.line
),

folded AS (
    SELECT
        line,
        list(folded_id(word)) AS folded_ids
    FROM words
    WHERE word <> ''
    GROUP BY line
)

SELECT
    broken.code,
    broken.record_id,
    coalesce(named.student_ids, []) AS student_ids,
    coalesce(folded.folded_ids, []) AS folded_ids
FROM broken
LEFT JOIN named USING (line)
LEFT JOIN folded USING (line);
