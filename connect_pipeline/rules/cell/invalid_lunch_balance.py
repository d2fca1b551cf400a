"""The rule `invalid_lunch_balance`."""

from connect_pipeline.cells.normalise import invalid
from connect_pipeline.contract import STUDENTS, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity, of_kind

_COLUMNS = (*STUDENTS.required_names, "LunchBalance")


RULE = CellRule(
    code="invalid_lunch_balance",
    severity=Severity.WARNING,
    doc="A lunch balance is not an amount of money.",
    help=(
        "The balance is left blank, and the family gets no note that the lunch account is low."
        " Write the amount in dollars, such as 12.50 or -3.00; a dollar sign, commas between"
        " thousands and parentheses for debts are understood. Words and other currencies are not."
    ),
    message='"{column}" is not an amount and is left blank. Write it as 12.50 or -3.00.',
    applies=of_kind(Kind.MONEY),
    where=invalid(Kind.MONEY, "{cell}"),
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz,free", line=2, columns=_COLUMNS),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz,($3.00)", columns=_COLUMNS),
)
