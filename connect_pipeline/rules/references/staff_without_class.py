"""The rule `staff_without_class`."""

from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT
from connect_pipeline.rules.rule import Example, Severity, TableRule
from connect_pipeline.rules.sql import without_class

RULE = TableRule(
    code="staff_without_class",
    severity=Severity.INFO,
    doc="Staff members of a school have no class, counted per school.",
    help=(
        "Office staff and counselors have none, and that is fine. A teacher without a class cannot"
        " write to any family, so a high number means that classes of this school are missing. Then"
        " compare the classes with your SIS."
    ),
    message="Staff without a class: {detail}. If they teach, their classes are missing here.",
    spec=STAFF_TO_STUDENT,
    needs=(STAFF,),
    select=without_class(STAFF),
    order=200,
    failing=Example.of(STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1"),
    passing=Example.of(
        STAFF_TO_STUDENT,
        "101,T1,001,1,Algebra I,MA101,1",
        "101,T2,001,2,English 9,EN109,1",
        "102,T3,004,0,Grade 3,G3,1",
    ),
)
