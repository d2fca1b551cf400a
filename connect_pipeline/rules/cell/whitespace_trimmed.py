"""The rule `whitespace_trimmed`."""

from connect_pipeline.contract import STUDENTS, Column
from connect_pipeline.rules.rule import CellRule, Example, Severity


def _applies(column: Column) -> bool:
    return True


RULE = CellRule(
    code="whitespace_trimmed",
    severity=Severity.WARNING,
    doc="Spaces or invisible characters around values were removed before anything was compared.",
    help=(
        "Left in place, a space after an ID would cut a child off from classes and family, so it is"
        " removed, no-break and zero-width spaces too. Other programs that read the same export may"
        " not do so. Have the export trim its values; a column of fixed width is the usual cause."
    ),
    message=(
        'Cells of "{column}" with spaces around the value: {count}. The spaces were removed; have'
        " the export trim its values."
    ),
    applies=_applies,
    where_padded="{raw} <> {cell}",
    counted=True,
    failing=Example.of(STUDENTS, "001,101,Ana,Ruiz", "002 ,101,Ben,Ito", line=3),
    passing=Example.of(STUDENTS, "001,101,Ana,De la Ruiz"),
)
