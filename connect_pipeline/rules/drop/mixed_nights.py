"""The rule `mixed_nights`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="mixed_nights",
    severity=Severity.HOLD,
    doc="The core files were uploaded further apart than one night's export takes.",
    help=(
        "Tonight's classes with last night's students put children into groups where they no longer"
        " are, and leave new ones out. Usually one of the three exports failed and its old file is"
        " still in the drop. Export and upload all three files in one go; if they do belong"
        " together, an operator can approve them."
    ),
    message=(
        "The core files are {found} hours apart; more than {limit} means different nights. Export"
        " and upload all three together, or have an operator approve them."
    ),
    setting="mixed_nights_hours",
)
