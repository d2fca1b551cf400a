"""The rule `school_vanished`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="school_vanished",
    severity=Severity.HOLD,
    doc="A school that is published has nobody left in tonight's files.",
    help=(
        "All families of that school would stop being reached at once. Usually its code was"
        " changed, or the export's list of schools lost one. Put the school back, or have an"
        " operator approve the files if it really was closed or got a new code."
    ),
    message=(
        "Published schools of which nobody is in tonight's files: {count}. Put them back into the"
        " export, or have an operator approve that they are gone."
    ),
)
