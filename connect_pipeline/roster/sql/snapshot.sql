-- One row: this snapshot.
CREATE TABLE connect.snapshot AS
SELECT
    $snapshot_id::VARCHAR AS snapshot_id,
    $published_at::TIMESTAMP WITH TIME ZONE AS published_at,
    $run_id::VARCHAR AS run_id,
    (SELECT any_value(snapshot_id) FROM previous.connect.snapshot) AS previous_snapshot_id,
    $staff_rows::BIGINT AS staff_rows,
    $staff_sha256::VARCHAR AS staff_sha256,
    $student_rows::BIGINT AS student_rows,
    $student_sha256::VARCHAR AS student_sha256,
    $staff_to_student_rows::BIGINT AS staff_to_student_rows,
    $staff_to_student_sha256::VARCHAR AS staff_to_student_sha256,
    $school_rows::BIGINT AS school_rows,
    $school_sha256::VARCHAR AS school_sha256;
