"""The rule `kept_previous`."""

from connect_pipeline.rules.rule import ChangeRule, Severity

RULE = ChangeRule(
    code="kept_previous",
    severity=Severity.WARNING,
    doc="A person is kept as last published, because tonight's row was quarantined.",
    help=(
        "A damaged row does not remove anybody: the family is still reached by what was published"
        " last, which may be out of date. Correct the row as its own finding says, and the next"
        " export replaces what was kept."
    ),
    message=(
        "Tonight's row of this person was quarantined, so the last published data is kept. Correct"
        " the row that the other finding names."
    ),
)
