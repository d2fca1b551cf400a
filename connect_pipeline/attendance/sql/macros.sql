-- Functions that the statements beside this one share.
-- Periods in order: by the number they start with, then as text; 2 is before 10, 10 before "Lunch".
CREATE OR REPLACE TEMP MACRO period_number(period) AS
    coalesce(try_cast(regexp_extract(period, '^[0-9]+') AS BIGINT), 9223372036854775807);

-- A missed lesson as the ledger names it. No cell holds a control character (the line law).
CREATE OR REPLACE TEMP MACRO lesson_key(school, period) AS
    school || chr(31) || period;

-- An ID less what spreadsheets and people change in it: invisible characters, quotes and the like
-- around it, case, ".0", zeros.
CREATE OR REPLACE TEMP MACRO folded_id(cell) AS
    ltrim(
        regexp_replace(
            lower(regexp_replace(cell, '^[^\p{L}\p{N}]+|[\s\p{Cf}]|[^\p{L}\p{N}]+$', '', 'g')),
            '\.0+$',
            ''
        ),
        '0'
    );

-- The items of a short list without repeats, in the order in which they first stand.
CREATE OR REPLACE TEMP MACRO once_each(items) AS
    CASE
        WHEN len(items) = 1 THEN items
        ELSE list_filter(items, lambda item, place: list_position(items, item) = place)
    END;
