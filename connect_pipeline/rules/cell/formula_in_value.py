"""The rule `formula_in_value`."""

from connect_pipeline.cells.formulas import is_formula
from connect_pipeline.contract import STUDENTS, Column, Kind
from connect_pipeline.rules.rule import CellRule, Example, Severity

# A phone may start with +, an amount or a grade with -; in what is not one of them a formula
# cannot survive, for only what could be read is published.
_STARTS_LAWFULLY = (Kind.PHONE, Kind.MONEY, Kind.GRADE, Kind.DATE)
_IDS = ", ".join(f"'{kind}'" for kind in (Kind.ID, Kind.SCHOOL, Kind.PERIOD))
_IS_DAMAGED_ID = f"'{{kind}}' IN ({_IDS}) AND starts_with({{cell}}, '=')"  # `id_looks_damaged`


def _applies(column: Column) -> bool:
    return column.kind not in _STARTS_LAWFULLY


RULE = CellRule(
    code="formula_in_value",
    severity=Severity.WARNING,
    doc="A value starts like a spreadsheet formula, with =, @ or a tab, or with + or - and is no"
    " number.",
    help=(
        "Opened in a spreadsheet, such a value is run as a formula, which can send data about"
        " families elsewhere; somebody may have typed it on purpose. The value is loaded as text,"
        " and reports write it so that it cannot run. Look at the row in your SIS and remove the"
        " character at the start. Phones, amounts, grades and dates are not looked at: their own"
        " rules say what is wrong in them."
    ),
    message=(
        '"{column}" starts like a spreadsheet formula. Look at it in your SIS and remove the first'
        " character."
    ),
    applies=_applies,
    # A carriage return ends a line and never gets here. A number may be written as -.5.
    where=f"{is_formula('{cell}')} AND TRY_CAST({{cell}} AS DOUBLE) IS NULL"
    f" AND NOT ({_IS_DAMAGED_ID})",
    where_padded="starts_with({raw}, chr(9)) AND {cell} <> ''",  # trimmed, but seen by others
    failing=Example.of(STUDENTS, '001,101,"=HYPERLINK(A1)",Ruiz', line=2),
    passing=Example.of(STUDENTS, "001,101,Ana-Eva,Ruiz"),
)
