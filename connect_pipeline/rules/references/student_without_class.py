"""The rule `student_without_class`."""

from connect_pipeline.contract import STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.rules.rule import Example, Severity, TableRule
from connect_pipeline.rules.sql import without_class

_CLASSES = tuple(
    f"{101 if n < 4 else 102},T{1 if n < 4 else 3},00{n},1,Art,AR1,1" for n in range(1, 7)
)

RULE = TableRule(
    code="student_without_class",
    severity=Severity.INFO,
    doc="Students of a school have no class, counted per school.",
    help=(
        "Families of these students hear from the school but from no teacher. New students and"
        " those in other programs may have no class yet. A high number means that classes are"
        " missing: compare with your SIS."
    ),
    message="Students without a class: {detail}. If they have one, it is missing here.",
    spec=STAFF_TO_STUDENT,
    needs=(STUDENTS,),
    select=without_class(STUDENTS),
    order=200,
    failing=Example.of(STAFF_TO_STUDENT, *_CLASSES[:-1]),
    passing=Example.of(STAFF_TO_STUDENT, *_CLASSES),
)
