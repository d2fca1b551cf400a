"""The rule `date_format_tolerated`."""

from connect_pipeline.cells.normalise import tolerated_date
from connect_pipeline.contract import ATTENDANCE, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

RULE = CellRule(
    code="date_format_tolerated",
    severity=Severity.WARNING,
    doc="A date is written otherwise than MM/DD/YY and could still be read.",
    help=(
        "M/D/YY, MM/DD/YYYY and YYYY-MM-DD are read too, with the month before the day, so these"
        " absences do reach the families. Set the export to MM/DD/YY, so that nobody ever has to"
        " guess which number is the month."
    ),
    message='"{column}" was read as a date, but is not written as MM/DD/YY. Change the export.',
    applies=of_kind(Kind.DATE),
    where=tolerated_date("{cell}"),
    failing=Example.of(ATTENDANCE, '101,001,1,A,"Lopez, Maria",2025-10-02', line=2),
    passing=Example.of(ATTENDANCE, '101,001,1,A,"Lopez, Maria",10/02/25'),
)
