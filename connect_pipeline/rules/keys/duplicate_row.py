"""The rule `duplicate_row`."""

from connect_pipeline.contract import SCHOOLS, STAFF, STAFF_TO_STUDENT, STUDENTS, ExportSpec
from connect_pipeline.rules.rule import Example, Severity, TableCheck, TableRule
from connect_pipeline.rules.sql import later_rows

_ROW = "101,T1,001,1,Algebra I,MA101,1"


def _select(spec: ExportSpec) -> str:
    return later_rows(spec, [column.field for column in spec.columns])


RULE = TableRule(
    code="duplicate_row",
    severity=Severity.INFO,
    doc="A row is identical to an earlier row, of which one is kept.",
    help=(
        "Nobody gets a message twice because of it. Repeated rows mostly come from a join in the"
        " export that finds a record more than once. Nothing needs to be done, but a DISTINCT in"
        " the export makes the file smaller."
    ),
    message="This row is identical to an earlier row, and one of them is kept.",
    spec=STAFF_TO_STUDENT,
    select=_select(STAFF_TO_STUDENT),
    also=tuple(TableCheck(spec=spec, select=_select(spec)) for spec in (SCHOOLS, STAFF, STUDENTS)),
    order=10,
    among_alike=True,
    drops_rows=True,
    failing=Example.of(STAFF_TO_STUDENT, _ROW, _ROW, line=3),
    passing=Example.of(STAFF_TO_STUDENT, _ROW, "101,T1,001,2,Algebra I,MA101,1"),
)
