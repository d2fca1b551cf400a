"""The rule `removal_deferred`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="removal_deferred",
    severity=Severity.INFO,
    doc="People or classes that are not in tonight's files stay, because of the add-only window.",
    help=(
        "During the add-only window of the settings, additions and changes are applied and nobody"
        " is removed, for instance while a new school year is being entered. After its last day,"
        " the next files remove whoever is still missing, if the change hold lets them."
    ),
    message=(
        "Not in tonight's files, of {entity}: {count}. They stay, because nothing is removed until"
        " the add-only window ends."
    ),
    setting="add_only",
)
