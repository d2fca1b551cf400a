"""The rule `mass_removal`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="mass_removal",
    severity=Severity.HOLD,
    doc="More people or classes than the district's share would be removed, overall or in one"
    " school.",
    help=(
        "Whoever is removed is no longer reached: no absence alert, no school closure. This many at"
        " once usually means that the export is incomplete, for instance that it lacks a school or"
        " a grade. Compare the counts with your SIS; if they are right, an operator approves"
        " exactly these files, and a rollover window in the settings covers the summer."
    ),
    message=(
        "{found} of {before} {entity} {where} would be removed ({share} %; more than {limit} % are"
        " held). Check that the export is complete, or have an operator approve it."
    ),
    setting="thresholds.removed",
)
