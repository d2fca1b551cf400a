-- The published file `day`: what this file says, this batch, and what was there earlier today.
-- Of the dates that this file does not speak for, what was there stays.
CREATE SCHEMA day.attendance;

-- One row: student × period × date.
CREATE TABLE day.attendance.absences AS
SELECT
    school,
    site_id,
    student_id,
    period,
    code,
    date,
    teacher_name
FROM attendance.absences
UNION ALL
SELECT
    school,
    site_id,
    student_id,
    period,
    code,
    date,
    teacher_name
FROM earlier.attendance.absences
WHERE date NOT IN (SELECT date FROM attendance.spoken_for);

-- One row: absent student × date.
CREATE TABLE day.attendance.accounting AS
SELECT
    date,
    student_id,
    status,
    reason,
    CASE
        WHEN status = 'listed' THEN getvariable('batch_id')::VARCHAR
        ELSE batch_id
    END AS batch_id
FROM attendance.accounting
UNION ALL
SELECT
    date,
    student_id,
    status,
    reason,
    batch_id
FROM earlier.attendance.accounting
WHERE date NOT IN (SELECT date FROM attendance.spoken_for);

-- One row: batch × channel × destination.
CREATE TABLE day.attendance.recipients AS
SELECT
    batch_id,
    listed_at,
    date,
    channel,
    destination,
    contact_names,
    language,
    student_ids
FROM earlier.attendance.recipients
UNION ALL
SELECT
    getvariable('batch_id')::VARCHAR AS batch_id,
    getvariable('listed_at') AS listed_at,
    getvariable('today') AS date,
    channel,
    destination,
    contact_names,
    language,
    student_ids
FROM attendance.recipients;

-- One row: the recipient's child.
CREATE TABLE day.attendance.recipient_absences AS
SELECT
    batch_id,
    channel,
    destination,
    student_id,
    student_name,
    site_name,
    site_phone,
    periods,
    codes,
    teacher_names
FROM earlier.attendance.recipient_absences
UNION ALL
SELECT
    getvariable('batch_id')::VARCHAR AS batch_id,
    entries.channel,
    entries.destination,
    entries.student_id,
    messages.student_name,
    messages.site_name,
    messages.site_phone,
    messages.periods,
    messages.codes,
    messages.teacher_names
FROM attendance.entries AS entries
INNER JOIN attendance.messages AS messages USING (student_id, told);
