-- One row: a message of earlier today of which the file says nothing any more, by its child, its
-- destination and its batch, with the lessons that it still stood for. Whoever a row that was kept
-- out may be about is not among them.
CREATE OR REPLACE TABLE attendance.clearing AS
WITH absent AS (
    SELECT DISTINCT
        student_id,
        CASE WHEN $policy = 'once_per_day' THEN '' ELSE lesson_key(school, period) END AS lesson
    FROM attendance.absences
    WHERE date = $today::DATE
)

SELECT
    student_id,
    said.channel,
    said.destination_hash,
    said.listed_in,
    list(lesson ORDER BY lesson) AS lessons
FROM attendance.said AS said
LEFT JOIN (SELECT *, true AS is_there FROM absent) AS absent USING (student_id, lesson)
WHERE said.stands
AND EXISTS (FROM attendance.spoken_for WHERE date = $today::DATE)
AND student_id NOT IN (SELECT student_id FROM attendance.doubtful)
GROUP BY student_id, said.channel, said.destination_hash, said.listed_in
HAVING count(absent.is_there) = 0;
