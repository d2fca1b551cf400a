"""The rule `blank_line`."""

from connect_pipeline.contract import STAFF
from connect_pipeline.rules.rule import Example, Rule, Severity

_ONE = "T1,101,Maria,Lopez,maria.lopez@example.org,Teacher"
_TWO = "T2,102,James,Chen,james.chen@example.org,Teacher"

RULE = Rule(
    code="blank_line",
    severity=Severity.INFO,
    doc="A line without any text was skipped.",
    help=(
        "An empty line says nothing about any family and is skipped. Many of them can be the trace"
        " of line breaks inside values, so look at the lines around them. Otherwise nothing needs"
        " to be done."
    ),
    message="This line is empty and was skipped. Nothing needs to be done.",
    failing=Example.of(STAFF, _ONE, "", _TWO, line=3),
    passing=Example.of(STAFF, _ONE, _TWO),
)
