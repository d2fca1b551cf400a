-- One row: how many students of whom somebody was told today are cleared by this file, while nobody
-- knows any more what was said of them, and in which batches it was.
SELECT
    count(DISTINCT student_id) AS students,
    list_sort(list(DISTINCT batch_id)) AS batch_ids
FROM attendance.told
WHERE student_id IN (SELECT student_id FROM attendance.accounting WHERE reason = 'cleared')
AND batch_id NOT IN (SELECT batch_id FROM earlier.attendance.recipients);
