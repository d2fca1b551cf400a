"""The rule `repeated_header`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"
_TWO = "T2,102,James,Chen,james.chen@example.org,Teacher"
_HEADER = ",".join(STAFF.required_names)

RULE = Rule(
    code="repeated_header",
    severity=Severity.BLOCK,
    doc="A line below the first is or ends with a header: two exports were joined in one file.",
    help=(
        "Two exports in one file may be of two nights or of two schools, with old rows and new ones"
        " about the same children, and nobody can tell which parent's number is current. Export all"
        " schools in one go. If files must be joined, leave the header out of all but the first and"
        " see that no row is there twice."
    ),
    message=(
        "There is a second header in this line, so two exports were joined. Upload one export that"
        " holds all rows."
    ),
    failing=Example.of(STAFF, _ONE, _HEADER, _TWO, line=3),
    passing=Example.of(STAFF, _ONE, _TWO),
)
