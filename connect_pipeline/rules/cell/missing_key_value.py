"""The rule `missing_key_value`."""

from connect_pipeline.contract import STUDENTS, Column
from connect_pipeline.rules.rule import CellRule, Example, Severity


def _applies(column: Column) -> bool:
    return column.key


RULE = CellRule(
    code="missing_key_value",
    severity=Severity.QUARANTINE,
    doc="A cell is blank without which the row cannot be tied to a person, a school or a class.",
    help=(
        "Without an ID, a school, a period or an absence code nobody can tell whom the row is"
        " about, so it is kept out and its family is not reached by it. Find the row by its line"
        " number and fill the value in your SIS. If many rows are concerned, the export probably"
        " joins a table that lacks them."
    ),
    message='"{column}" is blank, so the row was kept out. Fill it in your SIS and export again.',
    applies=_applies,
    where="{cell} = ''",
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz", ",101,Ben,Ito", line=3),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "002,101,Ben,Ito"),
)
