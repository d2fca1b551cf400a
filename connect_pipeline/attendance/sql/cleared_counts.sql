-- One row: of how many students the file takes a message back that stands, and of how many students
-- one stands.
SELECT
    (SELECT count(DISTINCT student_id) FROM attendance.clearing) AS cleared,
    (SELECT count(DISTINCT student_id) FROM attendance.said WHERE stands) AS listed;
