"""The rule `control_character`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.line_law import CONTROLS
from connect_pipeline.rules.rule import Example, RowRule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"

RULE = RowRule(
    code="control_character",
    severity=Severity.QUARANTINE,
    doc="The line holds a control character, which no text has.",
    help=(
        "Control characters come from damaged data or from copying out of another program, and what"
        " stands around them is often not what was meant, so a message could go astray. Retype the"
        " value in the SIS instead of pasting it. If many lines are concerned, the file was damaged"
        " on its way."
    ),
    message=(
        "This line holds an invisible control character, so it was kept out. Find the row in your"
        " SIS, retype the value and export again."
    ),
    where=f"regexp_matches(text, '[{CONTROLS}]')",
    order=20,
    failing=Example.of(STAFF, _ONE, "T2,102,James,Ch\x07en,james.chen@example.org,Teacher", line=3),
    passing=Example.of(STAFF, _ONE),
)
