-- One row is one student absent from one period today.
SELECT
    schools.code AS school,
    students.student_id,
    absences.period::VARCHAR AS period,
    absences.code,
    staff.last_name || ', ' || staff.first_name AS teacher_name,
    strftime(getvariable('today'), '%m/%d/%y') AS date
FROM absences
INNER JOIN students USING (s)
INNER JOIN sections USING (section)
INNER JOIN schools ON absences.school = schools.school
INNER JOIN staff
    ON sections.school = staff.school
    AND sections.lane = staff.lane
    AND sections.block = staff.block
    AND sections.half = staff.half
ORDER BY absences.school, s, absences.period
