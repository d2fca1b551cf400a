"""The rule `wrong_field_count`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, RowRule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = RowRule(
    code="wrong_field_count",
    severity=Severity.QUARANTINE,
    doc="The line has more or fewer fields than the header.",
    help=(
        "With one field too many or too few, every value after it stands in the wrong column: a"
        " phone number becomes an e-mail, and messages go to the wrong family. Too many fields"
        " nearly always come from a comma in a value that is not in quotes; too few from a value"
        " that was left out without its comma. Have the export put quotes around every value."
    ),
    message=(
        "This line has {found} fields, the header has {expected}. Look for a comma in a value that"
        " is not in quotes, or for a missing comma."
    ),
    where="fields <> expected",
    order=60,
    failing=Example.of(
        STAFF, _ONE, "T2,102,James,Chen, Jr.,james.chen@example.org,Teacher", line=3
    ),
    passing=Example.of(STAFF, 'T2,102,James,"Chen, Jr.",james.chen@example.org,Teacher'),
)
