"""The rule `mass_change`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="mass_change",
    severity=Severity.HOLD,
    doc="More people or classes than the district's share would change, overall or in one school.",
    help=(
        "When nearly every row is different, a column has probably moved or been filled from"
        " another field, and messages would go to the wrong numbers. Compare some rows with your"
        " SIS. If the change is real, such as new e-mail addresses for all, an operator approves"
        " it."
    ),
    message=(
        "{found} of {before} {entity} {where} would change ({share} %; more than {limit} % are"
        " held). Compare some rows with your SIS, or have an operator approve them."
    ),
    setting="thresholds.changed",
)
