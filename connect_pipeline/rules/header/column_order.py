"""The rule `column_order`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

RULE = Rule(
    code="column_order",
    severity=Severity.BLOCK,
    doc="The columns do not stand in the contract's order.",
    help=(
        "Columns in another order are the mark of an export that was changed by hand, where header"
        " and values may have been moved apart, so that a first name is called a phone number. Put"
        " the columns back in the contract's order in the export's definition, not in the file."
    ),
    message=(
        'Column {position}, "{column}", stands before "{first}", which comes first in the contract.'
        " Found: {found}. Expected: {expected}"
    ),
    failing=Example.of(
        STAFF,
        "T1,101,Lopez,Maria,maria.lopez@example.org,Teacher",
        line=1,
        columns=("ID", "School", "Name.Last", "Name.First", "Email", "Title"),
    ),
    passing=Example.of(STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"),
)
