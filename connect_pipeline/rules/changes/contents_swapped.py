"""The rule `contents_swapped`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="contents_swapped",
    severity=Severity.HOLD,
    doc=("A column holds what another column, or other rows, held in the last published files."),
    help=(
        "Every value is valid, so no other rule sees it, but messages would go to the wrong person:"
        " to the second contact instead of the first, to the child instead of the mother, or to"
        " another family, when a spreadsheet sorted one column without the others. Check which"
        " field of your SIS fills which column, and export again instead of editing. If the change"
        " is meant, an operator approves it once."
    ),
    message=(
        'In {found} of {before} rows {where}, "{column}" holds what {entity} held ({share} %).'
        " Check that each value is in its own column and row, or have an operator approve them."
    ),
)
