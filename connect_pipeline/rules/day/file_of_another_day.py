"""The rule `file_of_another_day`."""

from connect_pipeline.rules.rule import Rule, Severity

RULE = Rule(
    code="file_of_another_day",
    severity=Severity.HOLD,
    doc="The same absences, or nearly all of them, without dates now, were received on an earlier"
    " day.",
    help=(
        "Rows without a date count for the day on which the file arrives, and this very file, byte"
        " for byte or with nearly these children, arrived on another day before: most likely an old"
        " file was uploaded once more, or one of yesterday after midnight, and families would be"
        " told that children are absent who are at school. Upload today's file, and have the export"
        " fill in the date, so that no file can be taken for another day's. If the same children"
        " really are absent, an operator approves the file."
    ),
    message=(
        "This file, with {found} students absent and no date, is what came on an earlier day, or"
        " nearly so, and nobody is listed. Upload today's absences, or have an operator approve the"
        " file."
    ),
)
