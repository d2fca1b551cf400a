"""The rule `mass_cleared`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="mass_cleared",
    severity=Severity.HOLD,
    doc="More of the students listed today are gone from the file than a correction takes away.",
    help=(
        "Whoever was listed and is in a later file no more, or only with a code that does not"
        " alert, counts as cleared, and the message is withheld or taken back. A file of which a"
        " part is missing, because an upload or an export broke off, looks just so, and families of"
        " children who are missing would be told that all is well. Upload the whole file; if so"
        " many really have come, an operator approves it."
    ),
    message=(
        "By this file {found} students of whom families were told today are absent no more, from"
        " fewer periods, or with a code that does not alert; that is more than the settings allow,"
        " so nobody is cleared or listed. Upload the whole file, or have an operator approve it."
    ),
    setting="attendance.max_cleared_share",
)
