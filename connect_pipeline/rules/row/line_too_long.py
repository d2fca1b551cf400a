"""The rule `line_too_long`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, RowRule, Severity

_ROW = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = RowRule(
    code="line_too_long",
    severity=Severity.QUARANTINE,
    doc="The line has more bytes than the district's limit.",
    help=(
        "No row of these exports is this long: line ends were lost, or a whole document got into a"
        " cell, so the line may hold the data of many families. Find the row in your SIS by the"
        " line number and shorten the cell, or see that the export ends every row with a line end."
    ),
    message=(
        "This line is longer than {limit} bytes, so it was kept out. See that each row has a line"
        " of its own, and shorten the cell."
    ),
    setting="limits.line_bytes",
    where="strlen(text) > line_bytes",
    # First of all: the line was cut on reading, and nothing else said about it would be true.
    order=10,
    failing=Example.of(STAFF, _ROW, _ROW + "x" * 70_000, line=3),
    passing=Example.of(STAFF, _ROW),
)
