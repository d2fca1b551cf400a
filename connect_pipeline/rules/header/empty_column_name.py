"""The rule `empty_column_name`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="empty_column_name",
    severity=Severity.BLOCK,
    doc="A column of the header has no name.",
    help=(
        "A column without a name may be a stray comma, or a column whose name was deleted and whose"
        " data, perhaps a guardian's phone number, would be lost. Spreadsheets leave such columns"
        " at the end of a file. Delete the column, or give it its name from the contract."
    ),
    message="Column {position} has no name. Delete the column or give it its name. {hint}",
    failing=Example.of(
        STAFF,
        "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher,",
        line=1,
        columns=(*STAFF.required_names, ""),
    ),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
