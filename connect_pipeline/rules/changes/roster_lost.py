"""The rule `roster_lost`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="roster_lost",
    severity=Severity.HOLD,
    doc="What was published is gone, so tonight cannot be compared with it.",
    help=(
        "A roster was published for this district, its file and all older ones are damaged or gone,"
        " and what it was made from is no longer there. Whatever tonight's export has lost would"
        " be missed by nobody, as in a district's first night. Restore `published/` from a backup,"
        " or compare the report's counts with what you know of your district."
    ),
    message=(
        "The roster that was published is gone, and these files can be compared with nothing."
        " Restore it from a backup; or approve them when their counts are those of your district."
    ),
)
