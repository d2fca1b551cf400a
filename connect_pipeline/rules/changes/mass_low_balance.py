"""The rule `mass_low_balance`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="mass_low_balance",
    severity=Severity.HOLD,
    doc="Where low lunch balances are told of, more balances have become low than in one night.",
    help=(
        "Each of these families would be told tonight that its child's lunch balance is low. So"
        " many at once usually mean that the export has lost the balances, or that a spreadsheet"
        " sorted the column without the others. Compare a few with your lunch system; if they are"
        " right, an operator approves exactly these files."
    ),
    message=(
        "The lunch balances of {found} of {before} students have become low ({share} %; more than"
        " {limit} % are held). Check the column, or have an operator approve it."
    ),
    setting="thresholds.low_balances",
)
