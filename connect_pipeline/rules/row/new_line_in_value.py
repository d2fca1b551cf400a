"""The rule `new_line_in_value`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, RowRule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = RowRule(
    code="new_line_in_value",
    severity=Severity.QUARANTINE,
    doc="The line goes on with a quoted value that an earlier line began.",
    help=(
        "Each row must be one line. A line break inside a value, often in an address or a title,"
        " makes it impossible to tell where the next person begins, and one child's phone number"
        " would end up in another's row. Remove the line break in the SIS, or have the export"
        " replace line breaks by spaces."
    ),
    message=(
        "This line continues a value that a quote opened on a line above. Remove the line break"
        " from that value, or close its quote."
    ),
    where="inside_value",
    order=30,
    failing=Example.of(
        STAFF, _ONE, 'T2,102,James,Chen,james.chen@example.org,"Teacher', 'and coach"', line=4
    ),
    passing=Example.of(STAFF, 'T2,102,James,Chen,james.chen@example.org,"Teacher, coach"'),
)
