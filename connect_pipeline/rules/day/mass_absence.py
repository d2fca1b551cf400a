"""The rule `mass_absence`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="mass_absence",
    severity=Severity.HOLD,
    doc="More of a school's students are absent than a day brings.",
    help=(
        "A wrong message to a whole school is worse than a late one. Usually a teacher's or a"
        " school's attendance was not taken and everybody counts as absent. Correct it in the SIS"
        " and upload the file again; if so many really are absent, an operator approves the file."
    ),
    message=(
        "Schools with more students absent than the settings allow: {found}, so nobody is listed."
        " Correct the attendance and upload the file again, or have an operator approve it."
    ),
    setting="attendance.max_absent_share",
)
