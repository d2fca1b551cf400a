"""The rule `school_mismatch`."""

from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.rules.rule import Example, Severity, TableRule

RULE = TableRule(
    code="school_mismatch",
    severity=Severity.WARNING,
    doc="A class is at a school where neither its teacher nor its student is.",
    help=(
        "The class is published under its own school, so families may get messages from a school"
        " that their child does not attend. Compare the school code of the class with those of its"
        " teacher and student in the other two files. A class that really is at another school"
        " needs a row for that school in StaffExport.csv or StudentExport.csv."
    ),
    message=(
        "Neither the teacher nor the student of this row is at its school. Correct the school code,"
        " or add their rows for that school."
    ),
    spec=STAFF_TO_STUDENT,
    needs=(STAFF, STUDENTS),
    # Of people kept from the last snapshot the school is not known here. The staff, who are few,
    # are looked at first: they clear most rows.
    select="""
        WITH taught_elsewhere AS MATERIALIZED (
            SELECT line, school, staff_id, student_id
            FROM records.staff_to_student
            ANTI JOIN records.staff USING (staff_id, school)
        ),
        elsewhere AS (
            FROM taught_elsewhere
            ANTI JOIN records.students USING (student_id, school)
        )
        SELECT line, student_id AS record_id, 'School' AS column_name, NULL AS detail
        FROM elsewhere
        ANTI JOIN records.kept_staff USING (staff_id)
        ANTI JOIN records.kept_students USING (student_id)
    """,
    order=120,
    failing=Example.of(
        STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1", "102,T1,002,1,Algebra I,MA101,1", line=3
    ),
    passing=Example.of(
        STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1", "102,T3,002,1,Algebra I,MA101,1"
    ),
)
