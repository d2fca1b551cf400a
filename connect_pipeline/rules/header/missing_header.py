"""The rule `missing_header`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

_ROW = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = Rule(
    code="missing_header",
    severity=Severity.BLOCK,
    doc="The first line is not a header.",
    help=(
        "Without a header nobody can be sure which column is the phone number and which the"
        " e-mail, and a guess would send messages to the wrong people. Switch on the column names"
        " in the export. If something stands above them, such as a title or an empty line, remove"
        " it: the header is line 1."
    ),
    message="Line 1 is not the header. It must be: {expected}",
    failing=Example(STAFF, _ROW + "\n", 1),
    passing=Example.of(STAFF, _ROW),
)
