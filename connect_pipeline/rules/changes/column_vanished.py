"""The rule `column_vanished`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="column_vanished",
    severity=Severity.HOLD,
    doc="An optional column that the last published files had is gone.",
    help=(
        "Publishing the file would wipe this column for everybody, for instance all second contacts"
        " of all families. Put the column back into the export. If the district no longer wants to"
        " supply it, an operator approves that once."
    ),
    message=(
        'The column "{column}" was in the last published file and is gone. Put it back, or have an'
        " operator approve that its data is removed."
    ),
)
