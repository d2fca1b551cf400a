"""The rule `no_final_line_end`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity, with_header

_TEXT = with_header(
    STAFF, "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher", columns=STAFF.required_names
)

RULE = Rule(
    code="no_final_line_end",
    severity=Severity.WARNING,
    doc="The last line has all its fields but no line end, so it may have been cut inside its last"
    " value.",
    help=(
        "Some programs never end the last line, and then nothing is wrong. But a file that broke"
        " off there looks the same, and the last value, or rows after it, would be missing for"
        " those families. Compare the last line with your SIS, and have the export end every line."
    ),
    message=(
        "The last line has no line end, so the file may have been cut off. Compare its last row"
        " with your SIS and have the export end every line."
    ),
    failing=Example(STAFF, _TEXT.removesuffix("\n"), 2),
    passing=Example(STAFF, _TEXT),
)
