-- One row: a fact about the absences and its count.
SELECT
    unnest(
        [
            'absences',
            'absent_students',
            'absences_of_other_days',
            'absences_that_alert',
            'absences_of_unknown_students'
        ]
    ) AS fact,
    unnest(
        [
            count(*),
            count(DISTINCT student_id),
            count(*) FILTER (WHERE date IS DISTINCT FROM $today::DATE),
            count(*) FILTER (WHERE alerts),
            count(*) FILTER (WHERE NOT is_known)
        ]
    ) AS count
FROM attendance.absences;
