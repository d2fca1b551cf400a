"""The rule `missing_required_value`."""

from connect_pipeline.contract import STUDENTS, Column
from connect_pipeline.rules.rule import CellRule, Example, Severity


def _applies(column: Column) -> bool:
    return column.required and not column.key


RULE = CellRule(
    code="missing_required_value",
    severity=Severity.WARNING,
    doc="A required cell, such as a name, an e-mail or a title, is blank.",
    help=(
        "The person stays in the roster and the value is published as blank, so a message may greet"
        " nobody or name no course. Fill the value in your SIS. If the whole column is blank, the"
        " export reads the wrong field."
    ),
    message='"{column}" is blank, and is published so. Fill it in your SIS.',
    applies=_applies,
    where="{cell} = ''",
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "002,101,,Ito", line=3),
    passing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "002,101,Ben,Ito"),
)
