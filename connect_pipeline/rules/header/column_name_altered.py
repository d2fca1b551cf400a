"""The rule `column_name_altered`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="column_name_altered",
    severity=Severity.BLOCK,
    doc="A column's name differs from the contract's only in case, spaces or invisible characters.",
    help=(
        "This is the commonest cause of a refused file: somebody retyped a name, or a program added"
        " a space that cannot be seen. Names are compared exactly, so that no column is ever taken"
        " for another one and no number goes to the wrong family. Copy the name from the contract"
        " into the export's definition."
    ),
    message="Column {position} is {found}, which is not exactly a name of the contract. {hint}",
    failing=Example.of(
        STAFF,
        "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher",
        line=1,
        columns=("ID", "School", "name.first", "Name.Last", "Email", "Title"),
    ),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
