"""The rule `wrong_delimiter`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity, with_header

_TEXT = with_header(
    STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher", columns=STAFF.required_names
)

RULE = Rule(
    code="wrong_delimiter",
    severity=Severity.BLOCK,
    doc="The columns are separated by semicolons, tabs or vertical bars instead of commas.",
    help=(
        "The header is whole, but its columns are not separated by commas, so each line would be"
        " one single value and no family could be found in it. Set the export's separator (also"
        " called delimiter) to a comma. Spreadsheets use the separator of the computer's region."
    ),
    message="The columns are separated by {found} instead of commas. Set the separator to a comma.",
    failing=Example(STAFF, _TEXT.replace(",", ";"), 1),
    passing=Example(STAFF, _TEXT),
)
