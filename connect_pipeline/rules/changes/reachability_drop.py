"""The rule `reachability_drop`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="reachability_drop",
    severity=Severity.HOLD,
    doc="The share of students with a usable contact fell by more points than the district allows.",
    help=(
        "The students are still there, but for many of them no phone number or e-mail can be used"
        " any more, so nobody would hear of an absence. Usually a contact column is empty or holds"
        " something else. Compare the contact columns with your SIS; if the drop is real, an"
        " operator approves it."
    ),
    message=(
        "Students with a usable contact fell from {before} % to {found} % {where}; more than"
        " {limit} points are held. Check the contact columns, or have an operator approve them."
    ),
    setting="thresholds.reachability_points",
)
