"""The rule `column_emptied`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="column_emptied",
    severity=Severity.HOLD,
    doc="A column that had values in the last published night has none tonight.",
    help=(
        "Published, it would wipe what is known, as a column that is gone would: a second guardian,"
        " a preferred language. Mostly the export has lost the field that it is filled from. If the"
        " values are no longer to be used, an operator approves the night."
    ),
    message=(
        'The column "{column}" had values for {found} people in the last published night and has'
        " none that can be read tonight. Fill it again, or have an operator approve it."
    ),
)
