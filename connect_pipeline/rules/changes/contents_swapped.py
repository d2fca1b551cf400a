"""The rule `contents_swapped`."""

from connect_pipeline.rules.rule import ChangeRule, Severity

RULE = ChangeRule(
    code="contents_swapped",
    severity=Severity.HOLD,
    doc="A column holds in most rows what another column held in the last published files.",
    help=(
        "Every value is valid, so no other rule sees it, but messages would go to the wrong person:"
        " to the second contact instead of the first, or to the child instead of the mother. Check"
        " which field of your SIS fills which column. If the change is meant, an operator approves"
        " it once."
    ),
    message=(
        'In {found} of {before} rows {where}, "{column}" holds what {entity} held ({share} %).'
        " Check that the export fills both columns from the right fields, or have an operator"
        " approve them."
    ),
)
