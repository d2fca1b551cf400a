"""The rule `group_is_everybody`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="group_is_everybody",
    severity=Severity.WARNING,
    doc="A group that is meant for some holds every student or every staff member of the district.",
    help=(
        "A message to one bus route or one class would reach every family. Usually the column has"
        " the same value in all rows, because the export filled it with a default. Check the column"
        " in your SIS. The group of the only school, and that of all staff, are meant to hold"
        " everybody and are not named."
    ),
    message=(
        "Groups by {entity} that hold everybody in the district: {count}. Check whether the column"
        " has the same value in all rows."
    ),
)
