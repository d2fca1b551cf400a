"""The rule `unknown_teacher`."""

from connect_pipeline.contract import STAFF, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.rules.references.diagnosis import fixes, unmatched
from connect_pipeline.rules.rule import (
    Example,
    Severity,
    ShareHold,
    TableCheck,
    TableRule,
)

RULE = TableRule(
    code="unknown_teacher",
    severity=Severity.QUARANTINE,
    doc="A class names a teacher whose ID is not in StaffExport.csv.",
    help=(
        "Without its teacher a class cannot be published, and the teacher cannot write to its"
        " families. Export staff and classes in one run and with the same filter, so that every"
        " teacher of a class is in StaffExport.csv. IDs are text and compared exactly: if leading"
        " zeros are missing in one of the files, a spreadsheet or a number format took them."
    ),
    message=(
        "The teacher of this row is no ID of StaffExport.csv: {detail}. Correct the ID or add the"
        " staff member there."
    ),
    setting="thresholds.unknown_references",
    spec=STAFF_TO_STUDENT,
    # Students only tell whether the two columns are swapped.
    needs=(STAFF, STUDENTS),
    select=unmatched(STAFF_TO_STUDENT, "Teacher", STAFF, swapped_with=STUDENTS),
    also=(
        TableCheck(
            spec=STAFF_TO_STUDENT,
            needs=(STAFF,),
            lacks=(STUDENTS,),
            select=unmatched(STAFF_TO_STUDENT, "Teacher", STAFF),
        ),
    ),
    order=7,  # before repeats are left out: each shares the fate of the row that it repeats
    counts_as_bad_row=False,
    hold=ShareHold(
        over="unknown_references",
        message=(
            "Rows whose teacher is not in StaffExport.csv: {count}, more than the district"
            " allows.{usual}"
        ),
        fix="Export staff and classes together, or have an operator approve this file.",
        fixes=fixes(STAFF, swapped_with=STUDENTS),
    ),
    failing=Example.of(
        STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1", "101,t1,002,1,Algebra I,MA101,1", line=3
    ),
    passing=Example.of(
        STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1", "101,T1,002,1,Algebra I,MA101,1"
    ),
)
