"""The rule `conflicting_duplicate`."""

from connect_pipeline.contract import ATTENDANCE, SCHOOLS, STAFF, STUDENTS
from connect_pipeline.rules.rule import Example, Severity, TableCheck, TableRule, with_header
from connect_pipeline.rules.sql import identity, later_rows

_COLUMNS = (*STUDENTS.required_names, "ContactPhonePrimary")

RULE = TableRule(
    code="conflicting_duplicate",
    severity=Severity.WARNING,
    doc="Two rows about the same person at the same school, or about the same site or absence,"
    " differ, and the first line wins.",
    help=(
        "Only one of the two rows can be right, and if it is the second one, messages go to an old"
        " number or a wrong contact. Mostly the export writes one row for each contact or each"
        " enrolment, past ones included. Have it write one row per person and school, the current"
        " one."
    ),
    message=(
        "An earlier row with the same key says something else; the first one is used and this one"
        " is not. Have the export write one row, the right one."
    ),
    spec=STUDENTS,
    # One child at several schools is concurrent enrolment: its rows are not compared.
    select=later_rows(STUDENTS, ["student_id", "school"]),
    also=(
        TableCheck(spec=SCHOOLS, select=later_rows(SCHOOLS, identity(SCHOOLS))),
        TableCheck(spec=STAFF, select=later_rows(STAFF, identity(STAFF))),
        TableCheck(spec=ATTENDANCE, select=later_rows(ATTENDANCE, identity(ATTENDANCE))),
    ),
    order=30,
    drops_rows=True,
    failing=Example(
        STUDENTS,
        with_header(
            STUDENTS,
            "001,101,Ana,Ruiz,(201) 555-0111",
            "001,101,Ana,Ruiz,(201) 555-0119",
            columns=_COLUMNS,
        ),
        3,
    ),
    passing=Example(
        STUDENTS,
        with_header(
            STUDENTS,
            "001,101,Ana,Ruiz,(201) 555-0111",
            "001,102,Ana,Ruiz,(201) 555-0111",
            columns=_COLUMNS,
        ),
    ),
)
