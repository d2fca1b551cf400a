"""The rule `truncated_file`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity, with_header

_ROWS = (
    "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher",
    "T2,102,James,Chen,james.chen@example.org,Teacher",
)

RULE = Rule(
    code="truncated_file",
    severity=Severity.BLOCK,
    doc="The last line is incomplete and has no line end, so the file was cut off.",
    help=(
        "Whoever stands below the cut is missing, and families would silently stop getting"
        " messages. The export or the upload broke off: a full disk, a time limit or a lost"
        " connection. Run both again and compare the number of rows with your SIS."
    ),
    message=(
        "The file breaks off in the middle of its last line, so rows are missing. Export and upload"
        " it again."
    ),
    failing=Example(
        STAFF, with_header(STAFF, *_ROWS, columns=STAFF.required_names)[: -len("org,Teacher\n")], 3
    ),
    passing=Example.of(STAFF, *_ROWS),
)
