"""The rule `student_in_several_schools`."""

from connect_pipeline.contract import STUDENTS
from connect_pipeline.rules.rule import Example, Severity, TableRule
from connect_pipeline.rules.sql import later_rows

RULE = TableRule(
    code="student_in_several_schools",
    severity=Severity.INFO,
    doc="One student, by ID and name, is enrolled at several schools.",
    help=(
        "Concurrent enrollment is accepted: the student belongs to each of the schools, and the"
        " family hears from each of them. If the student changed schools, end the old enrollment in"
        " your SIS."
    ),
    message=(
        "An earlier row has this student at another school, and both are kept. If the student"
        " moved, end the old enrollment."
    ),
    spec=STUDENTS,
    # Different names and repeated schools are gone by now: what is left differs in the school.
    select=later_rows(STUDENTS, ["student_id"], column_name="School"),
    order=40,
    among_alike=True,
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "001,102,Ana,Ruiz", line=3),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "002,102,Ben,Ito"),
)
