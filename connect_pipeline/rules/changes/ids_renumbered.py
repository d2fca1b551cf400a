"""The rule `ids_renumbered`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="ids_renumbered",
    severity=Severity.HOLD,
    doc="Many people would be at the same school under another ID than last night.",
    help=(
        "An ID is how a child stays the same child from night to night: with new IDs every group,"
        " every opt-out by the district and every later comparison starts anew. Usually the export"
        " fills the column from another number or lost leading zeros, or a spreadsheet moved the"
        " column by a row. Export the same numbers as before; if the SIS really has new ones, an"
        " operator approves them once."
    ),
    message=(
        "{found} of {before} {entity} {where} would be there under another ID than last night"
        " ({share} %; more than {limit} % are held). Check that the ID column holds the same"
        " numbers as before, or have an operator approve the new ones."
    ),
    setting="thresholds.removed",
)
