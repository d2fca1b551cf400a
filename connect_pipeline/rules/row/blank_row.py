"""The rule `blank_row`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = Rule(
    code="blank_row",
    severity=Severity.WARNING,
    doc="A row whose cells are all blank was skipped.",
    help=(
        "Such rows are left by spreadsheets, or by an export that lost the values of a row; in that"
        " case somebody is missing and will not be reached. Compare the number of rows with your"
        " SIS. Delete the rows if they come from a spreadsheet."
    ),
    message=(
        "All cells of this row are blank, so it was skipped. See that nobody is missing, and delete"
        " the row."
    ),
    failing=Example.of(STAFF, _ONE, ",,,,,", line=3),
    passing=Example.of(STAFF, _ONE),
)
