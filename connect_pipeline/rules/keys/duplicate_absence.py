"""The rule `duplicate_absence`."""

from connect_pipeline.contract import ATTENDANCE
from connect_pipeline.rules.rule import Example, Severity, TableRule
from connect_pipeline.rules.sql import identity, later_rows

_ROW = '101,001,1,A,"Lopez, Maria",10/02/25'

RULE = TableRule(
    code="duplicate_absence",
    severity=Severity.INFO,
    doc="The same absence (school, student, period, date and code) is in the file more than once.",
    help=(
        "The family is told once, whatever the number of rows. Such rows mostly come from a class"
        " with two teachers. Nothing needs to be done."
    ),
    message="An earlier row reports the same absence, and one of them is kept.",
    spec=ATTENDANCE,
    select=later_rows(ATTENDANCE, [*identity(ATTENDANCE), "code"]),
    order=10,
    among_alike=True,
    drops_rows=True,
    failing=Example.of(ATTENDANCE, _ROW, '101,001,1,A,"Chen, James",10/02/25', line=3),
    passing=Example.of(ATTENDANCE, _ROW, '101,001,2,A,"Chen, James",10/02/25'),
)
