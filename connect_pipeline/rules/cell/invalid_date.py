"""The rule `invalid_date`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import ATTENDANCE, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

RULE = CellRule(
    code="invalid_date",
    severity=Severity.QUARANTINE,
    doc="A date cannot be read, or is no day of the calendar.",
    help=(
        "An absence alert says on which day a child was missing; with a date that nobody can read"
        " it might alert a family about another day, so the row is kept out. Write dates as"
        " MM/DD/YY, for example 10/02/25, without a time of day. A number of five digits is a"
        " spreadsheet's date."
    ),
    message='"{column}" is not a date, so the row was kept out. Write it as MM/DD/YY.',
    applies=of_kind(Kind.DATE),
    where=invalid(Kind.DATE, "{cell}"),
    failing=Example.of(ATTENDANCE, '101,001,1,A,"Lopez, Maria",02/30/25', line=2),
    passing=Example.of(ATTENDANCE, '101,001,1,A,"Lopez, Maria",10/02/25'),
)
