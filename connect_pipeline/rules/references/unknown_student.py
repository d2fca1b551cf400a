"""The rule `unknown_student`."""

from connect_pipeline.contract import ATTENDANCE, STAFF_TO_STUDENT, STUDENTS
from connect_pipeline.rules.references.diagnosis import fixes, unmatched
from connect_pipeline.rules.rule import (
    Example,
    Severity,
    ShareHold,
    TableCheck,
    TableRule,
)

RULE = TableRule(
    code="unknown_student",
    severity=Severity.QUARANTINE,
    doc="A class or an absence names a student whose ID is not in StudentExport.csv.",
    help=(
        "For a student who is not in StudentExport.csv no family is known, so nobody would hear of"
        " an absence or of news of the class. Export students, classes and attendance in one run"
        " and with the same filter. IDs are text and compared exactly: if leading zeros are missing"
        " in one of the files, a spreadsheet or a number format took them."
    ),
    message=(
        "The student of this row is no valid ID of StudentExport.csv: {detail}. Correct the ID, or"
        " add or correct the student's row there."
    ),
    setting="thresholds.unknown_references",
    spec=STAFF_TO_STUDENT,
    needs=(STUDENTS,),
    select=unmatched(STAFF_TO_STUDENT, "Student", STUDENTS),
    also=(
        TableCheck(
            spec=ATTENDANCE,
            needs=(STUDENTS,),
            select=unmatched(ATTENDANCE, "Student", STUDENTS),
        ),
    ),
    order=8,  # before repeats are left out: each shares the fate of the row that it repeats
    counts_as_bad_row=False,
    hold=ShareHold(
        over="unknown_references",
        message=(
            "Rows whose student is not in StudentExport.csv: {count}, more than the district"
            " allows.{usual}"
        ),
        fix="Export both files together, or have an operator approve this file.",
        fixes=fixes(STUDENTS),
    ),
    failing=Example.of(
        STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1", "101,T1,2,1,Algebra I,MA101,1", line=3
    ),
    passing=Example.of(
        STAFF_TO_STUDENT, "101,T1,001,1,Algebra I,MA101,1", "101,T1,002,1,Algebra I,MA101,1"
    ),
)
