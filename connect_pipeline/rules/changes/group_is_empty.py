"""The rule `group_is_empty`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="group_is_empty",
    severity=Severity.WARNING,
    doc="A group that had members in the last published night has none tonight.",
    help=(
        "Whoever writes to the group reaches nobody, and may not notice. Usually a code was renamed"
        " or a column lost its values; look for the group under its new name. Groups of classes,"
        " teachers and courses come and go with the timetable and are not named, nor are those of"
        " low lunch balances."
    ),
    message=(
        "Groups by {entity} that had members in the last published night and have none tonight:"
        " {count}. Check whether the column lost its values or a code was renamed."
    ),
)
