-- One row: a student listed earlier today of whom a row that was kept out, or one with an ID that
-- nobody has, may speak. A quarantined row is not a vanished one: whoever it may be about is not
-- cleared. Of one that names nobody, nobody knows whom it is about, and nobody is.
CREATE OR REPLACE TABLE attendance.doubtful AS
WITH told AS (
    SELECT DISTINCT
        student_id,
        folded_id(student_id) AS folded_id
    FROM attendance.told
),

named AS (
    SELECT unnest(student_ids) AS student_id
    FROM attendance.kept_out
    WHERE record_id IS NULL
),

folded AS (
    SELECT folded_id(record_id) AS folded_id
    FROM attendance.kept_out
    WHERE record_id IS NOT NULL
    UNION
    SELECT unnest(folded_ids) AS folded_id
    FROM attendance.kept_out
    WHERE record_id IS NULL
    AND len(student_ids) = 0
    UNION
    SELECT folded_id(student_id) AS folded_id
    FROM attendance.absences
    WHERE NOT is_known
    AND date = $today::DATE
)

SELECT student_id
FROM told
WHERE student_id IN (SELECT student_id FROM named)
OR folded_id IN (SELECT folded_id FROM folded)
OR EXISTS (
    FROM attendance.kept_out
    WHERE (record_id IS NULL AND NOT is_broken_line(code))
    -- Of 12345.0 it is known what it was.
    OR (
        code = 'id_looks_damaged'
        AND looks_damaged(record_id)
        AND NOT regexp_full_match(record_id, '[0-9]+[.]0+')
    )
    OR (
        record_id IS NULL
        AND len(student_ids) = 0
        AND NOT list_has_any(folded_ids, (SELECT coalesce(list(folded_id), []) FROM told))
    )
);
